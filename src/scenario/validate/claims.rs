//! Rules about what is planted and what is claimed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::time::Duration;

use crate::model::{Arm, Doorway, Doubt, Expectation, Form, Limit, Verdict};
use crate::scenario::document::Path;
use crate::scenario::mistakes::{Spot, listed, words};
use crate::scenario::raw;
use crate::scenario::types::{Experiment, PRACTICE_URL, Variant};

use super::Checker;
use super::values::choice;

/// How long a draft stays in the composer where the scenario says nothing else.
const DRAFT: Duration = Duration::from_secs(20);

/// Messages in an hour on a service that others use as well, where the scenario says nothing else: what a person may write.
const PER_HOUR: u16 = 20;

/// The one variant of a scenario that names none.
const ONLY_VARIANT: &str = "default";

/// Where the practice messenger of a run listens.
const PRACTICE_HOST: &str = "127.0.0.1";

/// Where it is written what is planned.
const EXPERIMENT: &str = "`[experiment]`";
const VARIANT_FORMS: &str = "the variant's `forms`";
const VARIANT_ARMS: &str = "the variant's `arms`";

/// Cells that something is claimed of already, and by which claim.
type Claimed = BTreeMap<(Arm, Form, Doorway), Path>;

impl Checker<'_> {
    pub(super) fn experiment(&mut self) -> Option<Experiment> {
        let raw = self.raw.experiment.as_ref()?;
        let path = self.top("experiment");
        let arms = raw.arms.as_ref();
        let arms = arms.map(|arms| self.distinct(arms, &path.key("arms")));
        let forms = raw.forms.as_ref();
        let forms = forms.map(|forms| self.distinct(forms, &path.key("forms")));
        let window = raw.window.as_ref();
        let window = window.and_then(|text| self.some_duration(text, &path.key("window")));
        let doors = raw.doors.as_ref();
        let doors = doors.map(|doors| self.distinct(doors, &path.key("doors")));
        let draft = raw.draft.as_ref();
        let draft = draft.and_then(|text| self.duration(text, &path.key("draft")));
        Some(Experiment {
            arms: arms?,
            forms: forms?,
            trials: raw.trials?,
            window: window?,
            doors: doors.unwrap_or_else(|| vec![Doorway::Sealed]),
            draft: draft.unwrap_or(DRAFT),
            per_hour: raw.per_hour.or(self.usual_pace()),
        })
    }

    /// Persons keep a pace of their own.
    fn usual_pace(&self) -> Option<u16> {
        (self.is_elsewhere() && !self.by_hand()).then_some(PER_HOUR)
    }

    /// A list of at least one thing, each named once.
    fn distinct<T: Copy + Ord + Display>(&mut self, items: &[T], path: &Path) -> Vec<T> {
        if items.is_empty() {
            self.empty_list(path);
        }
        self.named_once(items, path);
        items.to_vec()
    }

    fn named_once<T: Copy + Ord + Display>(&mut self, items: &[T], path: &Path) {
        let mut seen = BTreeSet::new();
        for (index, item) in items.iter().enumerate() {
            if !seen.insert(*item) {
                let said = words(
                    format!("`{item}` is named twice"),
                    "named before",
                    "drop one of the two",
                );
                let at = path.index(index);
                self.mistakes.error(Spot::Value(&at), "duplicate", said);
            }
        }
    }

    pub(super) fn variants(&mut self) -> Vec<Variant> {
        let raw = self.raw.variant.as_deref().unwrap_or_default();
        let table = self.top("variant");
        if raw.is_empty() {
            return vec![Variant {
                name: ONLY_VARIANT.to_owned(),
                title: String::new(),
                vars: BTreeMap::new(),
                networks: Vec::new(),
                covariates: BTreeMap::new(),
                arms: None,
                forms: None,
                practice: None,
            }];
        }
        let mut names = BTreeSet::new();
        let all = raw.iter().enumerate();
        all.filter_map(|(index, variant)| self.variant(variant, &table.index(index), &mut names))
            .collect()
    }

    fn variant<'r>(
        &mut self,
        raw: &'r raw::Variant,
        path: &Path,
        names: &mut BTreeSet<&'r str>,
    ) -> Option<Variant> {
        let networks = self.networks(raw.networks.as_ref(), &path.key("networks"));
        let covariates = self.covariates(raw.covariates.as_ref(), &path.key("covariates"));
        let arms = raw.arms.as_deref();
        let arms = arms.and_then(|arms| self.planned_arms(Some(arms), &path.key("arms"), None));
        let forms = raw.forms.as_ref();
        let forms = forms.and_then(|forms| self.planned_forms(Some(forms), path, None));
        for name in raw.vars.iter().flat_map(BTreeMap::keys) {
            self.known_variable(name, &path.key("vars").key(name));
        }
        if raw.practice.is_some() {
            self.room_for_practice(&path.key("practice"));
        }
        let name = raw.name.as_deref()?;
        self.variant_name(name, &path.key("name"), names.insert(name));
        Some(Variant {
            name: name.to_owned(),
            title: raw.title.clone().unwrap_or_default(),
            vars: raw.vars.clone().unwrap_or_default(),
            networks,
            covariates,
            arms,
            forms,
            practice: raw.practice,
        })
    }

    /// The practice messenger's address is a variable, and a page on a host like any other.
    fn room_for_practice(&mut self, path: &Path) {
        let vars = self.top("vars");
        if !self.document.has(&vars.key(PRACTICE_URL)) && !self.mistakes.touch(&vars) {
            let said = words(
                "the practice messenger's address has no place",
                format!("no variable named `{PRACTICE_URL}`"),
                format!(
                    "add `{PRACTICE_URL} = {{}}` to `[vars]`, and begin addresses with `{{{PRACTICE_URL}}}`"
                ),
            );
            self.mistakes
                .error(Spot::Key(path), "no-practice-url", said);
        }
        let hosts = self.top("hosts");
        if !self.hosts.iter().any(|host| host == PRACTICE_HOST) && !self.mistakes.touch(&hosts) {
            let said = words(
                "the practice messenger is not on the scenario's hosts",
                format!("it listens on {PRACTICE_HOST}"),
                format!("add `\"{PRACTICE_HOST}\"` to `hosts`"),
            );
            self.mistakes
                .error(Spot::Key(path), "no-practice-host", said);
        }
    }

    fn variant_name(&mut self, name: &str, path: &Path, is_new: bool) {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if name.is_empty() || !name.chars().all(plain) {
            let said = words(
                format!("`{name}` cannot name a variant"),
                "expected small letters, digits and `-`",
                "choose such a name; `title` takes any text",
            );
            self.mistakes.error(Spot::Value(path), "bad-name", said);
        } else if !is_new {
            let said = words(
                format!("two variants are named `{name}`"),
                "named so before",
                "give each a name of its own",
            );
            self.mistakes.error(Spot::Value(path), "duplicate", said);
        }
    }

    fn known_variable(&mut self, name: &str, path: &Path) {
        if self.document.has(&self.top("vars").key(name)) {
            return;
        }
        let known = self.document.keys(&self.top("vars"));
        let said = words(
            format!("no variable named `{name}`"),
            "not in `[vars]`",
            choice(name, &known, "add it to `[vars]`"),
        );
        self.mistakes
            .error(Spot::Key(path), "unknown-variable", said);
    }

    /// What is claimed in every variant, and in each: within one of these scopes nothing is claimed twice.
    pub(super) fn expectations(&mut self) -> Vec<Expectation> {
        let raw = self.raw;
        let general = raw.expect.as_deref().unwrap_or_default();
        let mut all = self.claims(general, &self.top("expect"), None);
        for (index, variant) in raw.variant.iter().flatten().enumerate() {
            let path = self.top("variant").index(index).key("expect");
            let own = variant.expect.as_deref().unwrap_or_default();
            all.extend(self.claims(own, &path, Some(variant)));
        }
        all
    }

    fn claims(
        &mut self,
        raw: &[raw::Expectation],
        path: &Path,
        variant: Option<&raw::Variant>,
    ) -> Vec<Expectation> {
        let mut claimed = Claimed::new();
        let all = raw.iter().enumerate();
        all.filter_map(|(index, one)| {
            let mut claim = self.claim(one, &path.index(index), variant, &mut claimed)?;
            claim.variant = variant.and_then(|variant| variant.name.clone());
            Some(claim)
        })
        .collect()
    }

    fn claim(
        &mut self,
        raw: &raw::Expectation,
        path: &Path,
        variant: Option<&raw::Variant>,
        claimed: &mut Claimed,
    ) -> Option<Expectation> {
        let verdict = raw.verdict.map(Verdict::from);
        if let Some(verdict) = verdict {
            self.only_of_visitors(verdict, path);
        }
        let doubts = raw.doubts.as_deref().unwrap_or_default();
        self.bearable(doubts, &path.key("doubts"));
        if let Some(actors) = &raw.actors {
            self.named_once(actors, &path.key("actors"));
        }
        let arms = self.planned_arms(raw.arms.as_deref(), &path.key("arms"), variant)?;
        let forms = self.planned_forms(raw.forms.as_deref(), path, variant)?;
        let doors = self.planned_doors(raw.doors.as_deref(), &path.key("doors"));
        let line = self.document.line(self.document.value_span(path).start);
        let scope = doors.as_deref().unwrap_or(Doorway::ALL);
        self.claim_once((&arms, &forms, scope), path, claimed);
        Some(Expectation {
            variant: None,
            arms,
            forms,
            doors,
            limit: Limit {
                verdict: verdict?,
                depth: raw.depth,
                actors: raw.actors.clone(),
                doubts: doubts.to_vec(),
                line,
            },
        })
    }

    /// Of nobody less is to be said than of somebody.
    fn only_of_visitors(&mut self, verdict: Verdict, path: &Path) {
        if verdict == Verdict::Observed {
            return;
        }
        let (depth, doubts) = (path.key("depth"), path.key("doubts"));
        let depth_said = words(
            format!("`{verdict}` has no depth"),
            "nobody came, so nobody went anywhere",
            "drop `depth`, or claim `observed`",
        );
        let doubts_said = words(
            format!("`{verdict}` cannot be claimed in spite of a doubt"),
            "while a doubt remains nobody can say that none came",
            "drop `doubts`, or claim `observed`",
        );
        for (at, code, said) in [
            (depth, "idle-depth", depth_said),
            (doubts, "idle-doubts", doubts_said),
        ] {
            if self.document.has(&at) {
                self.mistakes.error(Spot::Key(&at), code, said);
            }
        }
    }

    /// Doubts beside which `observed` still stands.
    fn bearable(&mut self, doubts: &[Doubt], path: &Path) {
        self.named_once(doubts, path);
        for (index, doubt) in doubts.iter().enumerate() {
            if doubt.unsettles_presence() {
                let said = words(
                    format!("nothing can be claimed in spite of `{doubt}`"),
                    doubt.words(),
                    "name doubts that only stand against absence, such as `not-delivered`",
                );
                let at = path.index(index);
                self.mistakes.error(Spot::Value(&at), "unbearable", said);
            }
        }
    }

    fn planned_arms(
        &mut self,
        arms: Option<&[Arm]>,
        path: &Path,
        variant: Option<&raw::Variant>,
    ) -> Option<Vec<Arm>> {
        let arms = self.distinct(arms?, path);
        let experiment = self.raw.experiment.as_ref();
        let own = variant.and_then(|variant| variant.arms.as_ref());
        let place = if own.is_some() {
            VARIANT_ARMS
        } else {
            EXPERIMENT
        };
        if let Some(planned) = own.or_else(|| experiment.and_then(|plan| plan.arms.as_ref())) {
            self.planned(&arms, planned, place, path);
        }
        Some(arms)
    }

    /// The forms named at a place, which must be among those planted there; all of these where none is named.
    fn planned_forms(
        &mut self,
        forms: Option<&[Form]>,
        path: &Path,
        variant: Option<&raw::Variant>,
    ) -> Option<Vec<Form>> {
        let at = path.key("forms");
        let experiment = self.raw.experiment.as_ref();
        let own = variant.and_then(|variant| variant.forms.as_ref());
        let place = if own.is_some() {
            VARIANT_FORMS
        } else {
            EXPERIMENT
        };
        let planned = own.or_else(|| experiment.and_then(|plan| plan.forms.as_ref()));
        match (forms, planned) {
            (Some(forms), planned) => {
                let forms = self.distinct(forms, &at);
                if let Some(planned) = planned {
                    self.planned(&forms, planned, place, &at);
                }
                Some(forms)
            }
            (None, planned) if !self.document.has(&at) => planned.cloned(),
            (None, _) => None,
        }
    }

    fn planned_doors(&mut self, doors: Option<&[Doorway]>, path: &Path) -> Option<Vec<Doorway>> {
        let doors = self.distinct(doors?, path);
        let experiment = self.raw.experiment.as_ref();
        let planned = experiment.and_then(|plan| plan.doors.clone());
        self.planned(
            &doors,
            &planned.unwrap_or_else(|| vec![Doorway::Sealed]),
            EXPERIMENT,
            path,
        );
        Some(doors)
    }

    fn planned<T: Copy + Ord + Display>(
        &mut self,
        items: &[T],
        planned: &[T],
        place: &str,
        path: &Path,
    ) {
        let names: Vec<_> = planned.iter().map(ToString::to_string).collect();
        for (index, item) in items.iter().enumerate() {
            if !planned.contains(item) {
                let said = words(
                    format!("`{item}` is not planned"),
                    format!("not in {place}"),
                    format!(
                        "add it there, or name only {}",
                        listed(names.iter().map(String::as_str))
                    ),
                );
                let at = path.index(index);
                self.mistakes.error(Spot::Value(&at), "unplanned", said);
            }
        }
    }

    fn claim_once(
        &mut self,
        (arms, forms, doors): (&[Arm], &[Form], &[Doorway]),
        path: &Path,
        claimed: &mut Claimed,
    ) {
        let mut twice = None;
        let pairs = arms
            .iter()
            .flat_map(|arm| forms.iter().map(move |form| (*arm, *form)));
        let cells = pairs.flat_map(|(arm, form)| doors.iter().map(move |door| (arm, form, *door)));
        for cell in cells {
            let before = claimed.entry(cell).or_insert_with(|| path.clone());
            if before != path && twice.is_none() {
                twice = Some((cell, before.clone()));
            }
        }
        if let Some(((arm, form, _), before)) = twice {
            let line = self.document.line(self.document.value_span(&before).start);
            let said = words(
                format!("two claims are made about `{arm}` as `{form}`"),
                format!("the first is in line {line}"),
                "keep one of the two, or narrow one down with `forms`",
            );
            let at = path.key("arms");
            self.mistakes.error(Spot::Value(&at), "claimed-twice", said);
        }
    }
}
