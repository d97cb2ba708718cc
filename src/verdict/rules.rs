/// The number of the rules that this version judges by. It grows whenever the same evidence may be judged otherwise than
/// before: verdicts by other rules are no ground to say that a service has changed.
pub const RULES: u32 = 2;
