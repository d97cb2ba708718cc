//! The door of the house; everything is in the library.

fn main() -> std::process::ExitCode {
    waxseal::cli::main()
}
