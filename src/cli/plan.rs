use std::collections::HashMap;
use std::time::Duration;

use super::args;
use super::exit::{Exit, Stopped};
use super::out::say;
use super::scenario::{Chosen, choose, load};
use crate::canary::dress_of;
use crate::diagnostic::printable;
use crate::model::{Arm, Form, Phase, Trial, TrialId, Via, display_duration};
use crate::plan::Plan;
use crate::scenario::{Experiment, Step, Verb};
use crate::verdict::ExitStatus;

pub(super) fn plan(asked: &args::Plan, colour: bool) -> Result<Exit, Stopped> {
    let scenario = load(asked.choice.file.as_deref(), colour)?;
    let chosen = choose(scenario, &asked.choice)?;
    say(&shown(&chosen));
    Ok(Exit(ExitStatus::Met))
}

fn shown(chosen: &Chosen) -> String {
    let (scenario, plan) = (&chosen.scenario, &chosen.plan);
    let experiment = &scenario.experiment;
    let mut lines = vec![format!(
        "{}: {} trials, seed {}, window {}",
        printable(&scenario.service.title, 120),
        plan.trials.len(),
        plan.seed,
        display_duration(experiment.window)
    )];
    if let Some(terms) = &scenario.service.terms {
        lines.push(format!("review its terms first: {}", printable(terms, 300)));
    }
    lines.extend(pace(plan));
    let turns = turns(plan);
    for variant in &chosen.variants {
        lines.push(format!("\nvariant {}", variant.name));
        let trials = plan
            .rounds()
            .flat_map(|round| round.opening)
            .filter(|trial| trial.variant == variant.name);
        lines.extend(trials.map(|trial| {
            let turn = turns.get(&trial.id).map(|at| display_duration(*at));
            let turn = turn.map(|at| format!(", not before +{at}"));
            line(trial, experiment) + &turn.unwrap_or_default()
        }));
    }
    lines.push(String::new());
    lines.extend(afterwards(chosen));
    lines.extend(
        plan.rounds()
            .flat_map(|round| round.closing)
            .map(|trial| line(trial, experiment)),
    );
    lines.push("\nsteps of a trial".to_owned());
    lines.extend(steps(chosen));
    lines.push(String::new());
    lines.push(format!("waits: {}", waits(chosen)));
    lines.push(sum(&plan.trials));
    lines.join("\n") + "\n"
}

/// How its messages are spread over time.
fn pace(plan: &Plan) -> Option<String> {
    let most = plan.per_hour?;
    Some(format!(
        "at most {most} messages in any hour, drafts among them, with pauses that the seed draws"
    ))
}

/// From when on each message may be written, counted from the first.
fn turns(plan: &Plan) -> HashMap<TrialId, Duration> {
    let written = plan.rounds().flat_map(|round| round.opening);
    let written: Vec<TrialId> = written
        .filter(|trial| trial.arm.is_shown())
        .map(|trial| trial.id)
        .collect();
    let at = plan.pace().map(|pace| pace.schedule(written.len()));
    written.into_iter().zip(at.into_iter().flatten()).collect()
}

/// What follows when all of a round is sent.
fn afterwards(chosen: &Chosen) -> Vec<String> {
    let experiment = &chosen.scenario.experiment;
    let has = |arm: &Arm| experiment.arms.contains(arm);
    let any = |arms: &[Arm]| arms.iter().any(has);
    let listen = format!(
        "listen for {}, browsers left as they are",
        display_duration(experiment.window)
    );
    let mut lines = vec![listen.clone()];
    if any(&[Arm::Sent, Arm::Received, Arm::Opened]) {
        lines.push("the recipient comes back and looks for every message".to_owned());
    }
    if any(&[Arm::Received, Arm::Opened]) {
        lines.push(listen.clone());
    }
    if has(&Arm::Opened) {
        lines.push("the recipient follows its links".to_owned());
        lines.push(listen);
    }
    if chosen.plan.rounds().len() > 1 {
        lines.push(
            "all this again with the trials of the next round, as long as they would say more"
                .to_owned(),
        );
    }
    lines
}

fn line(trial: &Trial, experiment: &Experiment) -> String {
    let what = match (trial.arm, trial.via) {
        (Arm::Sent, _) => {
            "typed, sent, confirmed; shown to the recipient when all is over".to_owned()
        }
        (Arm::Received, _) => "sent, and shown to the recipient after the window".to_owned(),
        (Arm::Opened, _) => "sent, shown to the recipient, and followed".to_owned(),
        (Arm::Drafted | Arm::Pasted, _) => format!(
            "{}, left for {}, and taken away",
            if trial.arm == Arm::Pasted {
                "pasted"
            } else {
                "typed"
            },
            display_duration(experiment.draft)
        ),
        (Arm::Visited, _) => "opened by the sender's browser, and never sent".to_owned(),
        (Arm::Unsent, _) => "minted, and shown to nobody".to_owned(),
        (Arm::Reached, Some(Via::Auditor) | None) => {
            "fetched by waxseal at the public door".to_owned()
        }
        (Arm::Reached, Some(via)) => format!("fetched by the {via}'s browser at its own door"),
    };
    let link = link(trial.form);
    format!("  {:>4}  {:<8}  {link:<34}  {what}", trial.id, trial.arm)
}

/// A link as it will be; its tokens are drawn with the run's key.
fn link(form: Form) -> String {
    dress_of(form).link.replace("SECRET", "TOKEN")
}

/// The steps that a `sent` trial takes, in order; a `drafted` one stops after `compose`.
fn steps(chosen: &Chosen) -> Vec<String> {
    let script = &chosen.scenario.script;
    let phases = Phase::ALL.iter().flat_map(|phase| {
        let steps = script.phase(*phase).iter();
        steps.map(move |step| (*phase, step))
    });
    phases
        .map(|(phase, step)| {
            let usual = match step.verb {
                Verb::Goto { .. } => chosen.scenario.timeouts.page,
                _ => chosen.scenario.timeouts.step,
            };
            let limit = step.timeout.unwrap_or(usual);
            let time = match &step.verb {
                Verb::Hold(span) => format!("for {}", display_duration(*span)),
                Verb::Mark => String::new(),
                _ => format!("within {}", display_duration(limit)),
            };
            let effect = if step.effect {
                "  the one that sends"
            } else {
                ""
            };
            let (line, verb) = (step.line, step.verb.name());
            let row = format!("  line {line:>4}  {phase:<8}  {verb:<6}  {time:<13}{effect}");
            row.trim_end().to_owned()
        })
        .collect()
}

/// What a run takes at the least for the sake of waiting.
fn waits(chosen: &Chosen) -> String {
    let experiment = &chosen.scenario.experiment;
    let count = |arm| {
        let planned = chosen
            .plan
            .trials
            .iter()
            .filter(|trial| trial.arm == arm)
            .count();
        u32::try_from(planned).unwrap_or(u32::MAX)
    };
    let script = &chosen.scenario.script;
    let held = |steps: &[Step]| steps.iter().filter_map(held).sum::<Duration>();
    let typing = held(&script.open) + held(&script.compose);
    let sending = typing + held(&script.send) + held(&script.confirm) + held(&script.receive);
    let has = |arm: Arm| experiment.arms.contains(&arm);
    let pause = if has(Arm::Drafted) || has(Arm::Pasted) {
        experiment.draft
    } else {
        Duration::ZERO
    };
    let drafted = count(Arm::Drafted).saturating_add(count(Arm::Pasted));
    let sent = [Arm::Sent, Arm::Received, Arm::Opened]
        .into_iter()
        .fold(0_u32, |all, arm| all.saturating_add(count(arm)));
    let windows =
        1 + u32::from(has(Arm::Received) || has(Arm::Opened)) + u32::from(has(Arm::Opened));
    let rounds = u32::try_from(chosen.plan.rounds().len()).unwrap_or(u32::MAX);
    // Pauses between messages pass while these are written, and may be longer.
    let paced = turns(&chosen.plan).into_values().max().unwrap_or_default();
    let written = (sending + pause).saturating_mul(sent)
        + (typing + experiment.draft).saturating_mul(drafted);
    let all = written.max(paced)
        + experiment
            .window
            .saturating_mul(windows)
            .saturating_mul(rounds);
    format!("{} in all, besides what pages take", display_duration(all))
}

fn held(step: &Step) -> Option<Duration> {
    match step.verb {
        Verb::Hold(span) => Some(span),
        _ => None,
    }
}

fn sum(trials: &[Trial]) -> String {
    let count = |arm: Arm| trials.iter().filter(|trial| trial.arm == arm).count();
    let planned = Arm::IN_REPORTS.into_iter().filter(|arm| count(*arm) > 0);
    let parts: Vec<String> = planned.map(|arm| format!("{} {arm}", count(arm))).collect();
    format!("trials: {}; nothing was contacted", parts.join(", "))
}
