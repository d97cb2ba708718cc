//! A collector that is killed while many ask it.

use std::process::Child;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// How often a collector is killed: some times in the usual tests, as often as one likes with `WAXSEAL_KILLS`.
pub fn rounds() -> usize {
    let asked = std::env::var("WAXSEAL_KILLS").ok();
    asked.map_or(5, |asked| asked.parse().expect("a number of rounds"))
}

/// Lets four visitors ask until `enough` answers have come, kills the process with SIGKILL, and returns what was answered.
/// A visitor gets its name, counts its answers, and stops when it is told or when nobody is there any more.
pub fn killed_in_a_burst(
    process: &mut Child,
    enough: usize,
    visit: impl Fn(&str, &AtomicUsize, &AtomicBool) -> Vec<String> + Sync,
) -> Vec<String> {
    let (answered, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    let (visit, answered, stop) = (&visit, &answered, &stop);
    std::thread::scope(|scope| {
        let visitors =
            ["a", "b", "c", "d"].map(|name| scope.spawn(move || visit(name, answered, stop)));
        while answered.load(Ordering::Relaxed) < enough {
            let ended = process.try_wait().unwrap();
            assert_eq!(ended, None, "the collector serves until it is killed");
            std::thread::yield_now();
        }
        // SIGKILL.
        process.kill().unwrap();
        stop.store(true, Ordering::Relaxed);
        let heard = visitors
            .into_iter()
            .flat_map(|visitor| visitor.join().unwrap());
        heard.collect()
    })
}

/// Fails if anything that was answered is not recorded, or too little was answered to tell.
pub fn assert_none_lost(heard: &[String], recorded: &[String], least: usize) {
    let lost: Vec<&String> = heard.iter().filter(|one| !recorded.contains(one)).collect();
    assert!(lost.is_empty(), "answered and not recorded: {lost:?}");
    assert!(heard.len() >= least);
}
