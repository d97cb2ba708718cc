use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::sync::mpsc::UnboundedReceiver;

use super::exit::Stopped;
use super::out::complain;
use crate::audit::{Event, Stop, Teller};
use crate::diagnostic::printable;
use crate::model::{Failure, Sighting, Trial, display_duration};

/// Does what tells of its progress, and shows that. It is told when somebody wishes to stop.
pub(super) fn followed<T>(
    quiet: bool,
    work: impl AsyncFnOnce(Teller, Stop) -> T,
) -> Result<T, Stopped> {
    let runtime = tokio::runtime::Runtime::new()
        .map_err(|error| Stopped::could_not_run(format!("start: {error}")))?;
    runtime.block_on(async {
        let stop = Stop::on_signals()
            .map_err(|error| Stopped::could_not_run(format!("listen for signals: {error}")))?;
        let (teller, told) = Teller::new();
        let progress = tokio::spawn(Progress::new(quiet).follow(told));
        let done = work(teller, stop).await;
        // The teller is gone with the work, so this ends.
        let _ = progress.await;
        Ok(done)
    })
}

/// What is shown while a run goes on, on the standard error stream: bars on a terminal, plain lines elsewhere.
struct Progress {
    way: Way,
    played: usize,
    trials: usize,
}

enum Way {
    Quiet,
    Lines,
    Bar(ProgressBar),
}

impl Progress {
    fn new(quiet: bool) -> Self {
        // CI systems record a terminal's every move; lines are what their logs are for.
        let bars = std::io::stderr().is_terminal() && std::env::var_os("CI").is_none();
        let way = match (quiet, bars) {
            (true, _) => Way::Quiet,
            (false, true) => Way::Bar(ProgressBar::with_draw_target(
                Some(0),
                ProgressDrawTarget::stderr(),
            )),
            (false, false) => Way::Lines,
        };
        Self {
            way,
            played: 0,
            trials: 0,
        }
    }

    /// Shows events until the run is over.
    async fn follow(mut self, mut told: UnboundedReceiver<Event>) {
        let mut window = None;
        loop {
            tokio::select! {
                event = told.recv() => match event {
                    Some(Event::Listening(span)) => window = Some(self.listen(span)),
                    Some(event) => self.show(event),
                    None => break,
                },
                // While we listen nothing happens, and the bar moves all the same.
                () = tokio::time::sleep(Duration::from_millis(100)), if window.is_some() => self.move_window(window),
            }
        }
        if let Way::Bar(bar) = &self.way {
            bar.finish_and_clear();
        }
    }

    fn show(&mut self, event: Event) {
        match event {
            Event::Began {
                run,
                trials,
                public,
                browser,
            } => {
                (self.trials, self.played) = (trials, 0);
                self.say(&format!(
                    "run {run}: {trials} trials, links to {public}, {}",
                    printable(&browser, 120)
                ));
                self.style(
                    "{prefix:>10} [{bar:30}] {pos}/{len}  {msg}",
                    trials as u64,
                    "trials",
                );
            }
            Event::Trial(trial) => self.trial(&trial),
            Event::Played => {
                self.played += 1;
                self.at(self.played as u64);
            }
            Event::Failed(failure) => self.say(&failed(&failure)),
            Event::Seen(sighting) if sighting.has_drifted() => self.say(&drifted(&sighting)),
            Event::Seen(_) => {}
            Event::Closing => {
                self.style(
                    "{prefix:>10} [{bar:30}] {pos}/{len}  {msg}",
                    self.trials as u64,
                    "trials",
                );
                self.at(self.played as u64);
            }
            Event::Asking(count) => self.say(&format!(
                "asking for the names of {count} visitors' addresses"
            )),
            Event::Pausing(span) => self.pause(span),
            Event::Listening(_) => {}
        }
    }

    fn trial(&self, trial: &Trial) {
        let text = format!("{} {} ({})", trial.arm, trial.form, trial.variant);
        match &self.way {
            Way::Bar(bar) => bar.set_message(text),
            Way::Lines => complain(&format!(
                "trial {}/{}: {text}\n",
                self.played + 1,
                self.trials
            )),
            Way::Quiet => {}
        }
    }

    fn pause(&self, span: Duration) {
        let text = format!("the next message in {}", display_duration(span));
        match &self.way {
            Way::Bar(bar) => bar.set_message(text),
            Way::Lines => complain(&format!("{text}\n")),
            Way::Quiet => {}
        }
    }

    fn listen(&self, span: Duration) -> (Instant, Duration) {
        let millis = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        self.style("{prefix:>10} [{bar:30}] {msg}", millis, "listening");
        if matches!(self.way, Way::Lines) {
            complain(&format!("listening for {}\n", display_duration(span)));
        }
        (Instant::now(), span)
    }

    fn move_window(&self, window: Option<(Instant, Duration)>) {
        if let (Way::Bar(bar), Some((since, span))) = (&self.way, window) {
            let passed = since.elapsed().min(span);
            if !passed.is_zero() && bar.prefix() == "listening" {
                bar.set_position(u64::try_from(passed.as_millis()).unwrap_or(u64::MAX));
                bar.set_message(format!("{} left", display_duration(span - passed)));
            }
        }
    }

    fn style(&self, template: &str, length: u64, prefix: &'static str) {
        if let Way::Bar(bar) = &self.way {
            let plain = ProgressStyle::default_bar();
            bar.set_style(
                plain
                    .clone()
                    .template(template)
                    .unwrap_or(plain)
                    .progress_chars("=> "),
            );
            bar.set_prefix(prefix);
            bar.set_message("");
            bar.set_length(length);
            bar.set_position(0);
        }
    }

    fn at(&self, position: u64) {
        if let Way::Bar(bar) = &self.way {
            bar.set_position(position);
        }
    }

    fn say(&self, text: &str) {
        match &self.way {
            Way::Bar(bar) => bar.suspend(|| {
                complain(&format!(
                    "{text}
"
                ))
            }),
            Way::Lines => complain(&format!(
                "{text}
"
            )),
            Way::Quiet => {}
        }
    }
}

fn drifted(sighting: &Sighting) -> String {
    format!(
        "`{}` has drifted for the {} at {}: {}",
        printable(&sighting.alias, 80),
        sighting.account,
        sighting.phase,
        sighting.words()
    )
}

fn failed(failure: &Failure) -> String {
    let trial = failure
        .trial
        .map(|id| format!("trial {id}, "))
        .unwrap_or_default();
    format!(
        "{}: {trial}{} at {}: {}",
        failure.doubt,
        failure.account,
        failure.phase,
        printable(&failure.message, 300)
    )
}
