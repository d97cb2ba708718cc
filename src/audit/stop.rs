use std::io;
use std::path::PathBuf;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Between two looks for the file whose presence is a wish to stop.
const LOOK: Duration = Duration::from_millis(200);

/// A wish to stop: Ctrl-C, or a signal to end, or a file that somebody made.
#[derive(Debug, Clone)]
pub struct Stop {
    /// How often it was wished by a signal.
    wishes: watch::Receiver<u32>,
    /// The file.
    file: Option<PathBuf>,
}

impl Stop {
    /// Listens for the signals that ask a program to end.
    ///
    /// # Errors
    /// The system refuses to hand on signals.
    pub fn on_signals() -> io::Result<Self> {
        let mut kinds = vec![SignalKind::interrupt(), SignalKind::terminate()];
        // Under `nohup` a run of two days must not end with its terminal.
        if !hangup_is_ignored() {
            kinds.push(SignalKind::hangup());
        }
        let (wish, wished) = watch::channel(0_u32);
        for kind in kinds {
            let (mut signals, wish) = (signal(kind)?, wish.clone());
            tokio::spawn(async move {
                while signals.recv().await.is_some() {
                    wish.send_modify(|times| *times = times.saturating_add(1));
                }
            });
        }
        Ok(Self {
            wishes: wished,
            file: None,
        })
    }

    /// The same, and wished as well while there is such a file.
    #[must_use]
    pub fn or_while_there_is(self, file: Option<PathBuf>) -> Self {
        Self { file, ..self }
    }

    /// Does something unless it is wished to stop before it is done; none then.
    pub(super) async fn or<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            // First of all: nothing is begun that somebody does not wish any more.
            biased;
            () = self.wished() => None,
            done = work => Some(done),
        }
    }

    /// Resolves when it is wished; never, where nobody can wish any more.
    pub async fn wished(&self) {
        tokio::select! {
            () = self.wished_times(1) => {}
            () = self.file_appears() => {}
        }
    }

    /// Resolves when it is wished a second time: whoever does that does not want to wait for anything.
    pub async fn insisted(&self) {
        self.wished_times(2).await;
    }

    async fn file_appears(&self) {
        let Some(file) = &self.file else {
            return std::future::pending().await;
        };
        while !file.exists() {
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn wished_times(&self, least: u32) {
        let mut wishes = self.wishes.clone();
        if wishes.wait_for(|times| *times >= least).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Whether whoever started us chose to have SIGHUP ignored (bit 0 of `SigIgn`, proc(5)).
fn hangup_is_ignored() -> bool {
    let told = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = told.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .is_some_and(|mask| mask & 1 == 1)
}
