//! Rules about where a scenario's knowledge comes from, what it is worth, and what must be equal in runs to be compared.

use std::collections::BTreeMap;

use crate::model::{Arm, Provenance, Status};
use crate::scenario::document::Path;
use crate::scenario::mistakes::{Spot, words};
use crate::scenario::raw;
use crate::scenario::types::Template;

use super::Checker;
use super::places::Place;

impl Checker<'_> {
    pub(super) fn provenance(&mut self) -> Provenance {
        let path = self.top("source");
        let sources = self.filled_list(self.raw.source.as_ref(), &path);
        let status = self.raw.service.as_ref().and_then(|service| service.status);
        if let Some(status) = status {
            self.real_services_say_more(status);
        }
        if status == Some(Status::Retired) {
            self.nothing_is_sent();
        }
        if self.by_hand() {
            self.nothing_is_visited();
        }
        Provenance {
            status,
            grade: self.raw.grade,
            tried: self.raw.tried,
            by_hand: self.by_hand(),
            sources,
        }
    }

    /// Whether persons do it all.
    pub(super) fn by_hand(&self) -> bool {
        let service = self.raw.service.as_ref();
        service.and_then(|service| service.client) == Some(raw::Client::ByHand)
    }

    /// What needs a browser where there is none: steps other than a person's, and whatever looks at a page.
    pub(super) fn no_browser_here(&mut self, verb: &str, path: &Path) {
        let looks = ["until", "if", "unless", "retry"];
        let keys: Vec<String> = self
            .document
            .keys(path)
            .into_iter()
            .map(str::to_owned)
            .collect();
        let person = ["manual", "hold", "mark"].contains(&verb);
        for key in keys
            .iter()
            .filter(|key| looks.contains(&key.as_str()) || (!person && *key == verb))
        {
            let said = words(
                format!("`{key}` needs a browser"),
                "the service is driven by hand",
                "tell the person what to do with `manual`, or drop `client = \"by-hand\"`",
            );
            let at = path.key(key.as_str());
            self.mistakes.error(Spot::Key(&at), "needs-a-browser", said);
        }
    }

    /// Whoever runs a scenario for a real service must be able to see what it is worth, and what to review first.
    fn real_services_say_more(&mut self, status: Status) {
        let service = self.top("service");
        let needed = [
            (self.top("grade"), "how well grounded its selectors are"),
            (self.top("tried"), "what it has been driven against"),
            (service.key("terms"), "what its terms say of automation"),
        ];
        let is_alive = status != Status::Retired;
        for (path, what) in needed {
            let wanted = is_alive || path != service.key("terms");
            if wanted && !self.document.has(&path) && !self.mistakes.touch(&path) {
                let said = words(
                    format!("a scenario with a `status` needs `{path}`"),
                    "of a real service",
                    format!("add `{path}`: {what}"),
                );
                let at = service.key("status");
                self.mistakes.error(Spot::Key(&at), "missing-key", said);
            }
        }
    }

    fn nothing_is_visited(&mut self) {
        let arms = self
            .raw
            .experiment
            .as_ref()
            .and_then(|plan| plan.arms.as_ref());
        let at = arms.and_then(|arms| arms.iter().position(|arm| *arm == Arm::Visited));
        if let Some(index) = at {
            let said = words(
                "`visited` needs a browser",
                "the service is driven by hand",
                "drop it: what follows browsers about cannot follow one that is not there",
            );
            let at = self.top("experiment").key("arms").index(index);
            self.mistakes
                .error(Spot::Value(&at), "needs-a-browser", said);
        }
    }

    fn nothing_is_sent(&mut self) {
        let arms = self
            .raw
            .experiment
            .as_ref()
            .and_then(|plan| plan.arms.as_ref());
        for (index, arm) in arms.into_iter().flatten().enumerate() {
            if arm.is_shown() {
                let said = words(
                    format!("`{arm}` cannot be played: the service is retired"),
                    "nothing can be typed or sent there",
                    retired_arms(),
                );
                let at = self.top("experiment").key("arms").index(index);
                self.mistakes
                    .error(Spot::Value(&at), "retired-service", said);
            }
        }
    }

    /// Only a retired service has somebody in its place.
    pub(super) fn successor(&mut self, raw: &raw::Service, path: &Path) -> Option<String> {
        let name = raw.successor.as_ref()?;
        let at = path.key("successor");
        if raw.status != Some(Status::Retired) {
            let said = words(
                "only a retired service has a `successor`",
                "of a service that is not retired",
                "drop it, or write `status = \"retired\"`",
            );
            self.mistakes.error(Spot::Key(&at), "idle-successor", said);
        }
        self.filled(name, &at)
    }

    /// Texts in which only variables stand.
    pub(super) fn covariates(
        &mut self,
        texts: Option<&BTreeMap<String, String>>,
        path: &Path,
    ) -> BTreeMap<String, Template> {
        let mut read = BTreeMap::new();
        for (name, text) in texts.into_iter().flatten() {
            let at = path.key(name);
            self.name(name, Spot::Key(&at));
            if let Some(text) = self.filled(text, &at) {
                read.insert(name.clone(), self.template(&text, &at, Place::Covariate));
            }
        }
        read
    }
}

fn retired_arms() -> String {
    let quiet = Arm::IN_REPORTS.into_iter().filter(|arm| !arm.is_shown());
    let names: Vec<_> = quiet.map(|arm| format!("`{arm}`")).collect();
    format!("keep {} only", names.join(", "))
}
