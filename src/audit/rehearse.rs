//! Practice messengers: what they are given of the world, and those that a run starts for itself.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use crate::browser::{DriverError, DriverOptions};
use crate::model::Persona;
use crate::practice::{
    LATE, Names, Practice, PracticeError, Renderer, Setting as PracticeSetting, Visit, manners,
};
use crate::scenario::PRACTICE_URL;

use super::conduct::{AuditError, Setting};
use super::given::Values;
use super::lookup::OwnNames;
use super::stop::Stop;

/// Names that are looked up at one DNS server.
#[must_use]
pub fn names_at(server: SocketAddr) -> Names {
    Names::new(move |address| Arc::new(OwnNames::at(server).asked_from(address)))
}

/// A browser for the provider of a practice messenger; none where its persona has no use for one.
///
/// # Errors
/// There is none on this machine.
pub fn renderer(
    persona: Persona,
    options: &DriverOptions,
) -> Result<Option<Renderer>, DriverError> {
    if !matches!(manners(persona).visit, Some((_, Visit::Render))) {
        return Ok(None);
    }
    let (browser, options) = (options.find_chromium()?, options.clone());
    let opening = move |proxy, url: &str| options.opening(&browser, proxy, url);
    Ok(Some(Renderer::new(opening)))
}

/// Serves a practice messenger until it is wished to stop. `told` sees it once it listens.
///
/// # Errors
/// It cannot be started.
pub async fn practise(
    setting: PracticeSetting,
    stop: &Stop,
    told: impl FnOnce(&Practice),
) -> Result<(), PracticeError> {
    let practice = Practice::start(setting).await?;
    told(&practice);
    stop.wished().await;
    practice.stop().await;
    Ok(())
}

/// A practice messenger on a free port of loopback. It looks names up at `dns`.
pub(super) async fn practice_for(
    persona: Persona,
    driver: &DriverOptions,
    seed: u64,
    dns: Option<SocketAddr>,
) -> Result<Practice, AuditError> {
    let setting = PracticeSetting {
        listen: (Ipv4Addr::LOCALHOST, 0).into(),
        persona,
        names: dns.map(names_at),
        renderer: renderer(persona, driver)?,
        seed,
        late: LATE,
    };
    Ok(Practice::start(setting).await?)
}

/// Where it listens, as the variable of a scenario says it.
pub(super) fn address_of(practice: &Practice) -> String {
    format!("http://{}", practice.address())
}

/// The practice messengers of a run, by the names of the variants that are played on them.
#[derive(Default)]
pub(super) struct Rehearsal(BTreeMap<String, Practice>);

impl Rehearsal {
    /// Starts one for each variant that asks for it, on free ports of loopback. They look names up at `dns`.
    pub(super) async fn start(
        setting: &Setting,
        dns: Option<SocketAddr>,
    ) -> Result<Self, AuditError> {
        let mut all = BTreeMap::new();
        for variant in &setting.scenario.variants {
            let played = setting
                .variants
                .iter()
                .any(|(one, _)| one.name == variant.name);
            if let Some(persona) = variant.practice.filter(|_| played) {
                let seed = setting.plan.seed;
                let practice = practice_for(persona, &setting.driver, seed, dns).await?;
                all.insert(variant.name.clone(), practice);
            }
        }
        Ok(Self(all))
    }

    /// The values of a variant's variables, with the address of its practice messenger.
    pub(super) fn fill(&self, variant: &str, values: &Values) -> Values {
        let mut values = values.clone();
        if let Some(practice) = self.0.get(variant) {
            values.insert(PRACTICE_URL.to_owned(), address_of(practice));
        }
        values
    }

    /// Our own browsers or fetches opened a link. Their look-ups are asked of nobody but ourselves; the resolver of
    /// whoever sits in the same network would have heard of them.
    pub(super) fn opened(&self, variant: &str, link: &str) {
        let host = url::Url::parse(link).ok();
        let host = host.as_ref().and_then(url::Url::host_str);
        if let (Some(practice), Some(host)) = (self.0.get(variant), host) {
            practice.also_asked(host);
        }
    }

    pub(super) async fn stop(&mut self) {
        for practice in std::mem::take(&mut self.0).into_values() {
            practice.stop().await;
        }
    }
}
