//! A stage: pages of our own that stand in for a service, to see whether a scenario is coherent. It says nothing about how the
//! service looks, and a browser that is on one cannot get to the service.

use std::net::SocketAddr;
use std::str::FromStr;

/// A host of the service, and where the stage is that stands in for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StageRule {
    host: String,
    to: SocketAddr,
}

impl StageRule {
    /// The host.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }
}

impl FromStr for StageRule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (host, to) = text.split_once('=').ok_or("give it as HOST=ADDRESS:PORT")?;
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || ".-".contains(c);
        if host.is_empty() || !host.chars().all(is_plain) {
            return Err("the host is a name in small letters, such as chat.example.org".to_owned());
        }
        let to: SocketAddr = to
            .parse()
            .map_err(|_| "a stage is at an address with a port")?;
        match to.ip().is_loopback() {
            true => Ok(Self {
                host: host.to_owned(),
                to,
            }),
            false => Err("a stage is on this machine, such as at 127.0.0.1:8443".to_owned()),
        }
    }
}

/// Chromium's resolver rules: the hosts that are played lead to their stages, and all others nowhere.
pub(super) fn resolver_rules(stage: &[StageRule]) -> Vec<String> {
    let led = stage
        .iter()
        .map(|one| format!("MAP {} {}", one.host, one.to));
    let away = (!stage.is_empty()).then(|| "MAP * ~NOTFOUND".to_owned());
    led.chain(away).collect()
}

/// Chromium's flags: a stage has no certificate that anybody would vouch for, and a proxy would look hosts up itself.
pub(super) fn flags(stage: &[StageRule]) -> &'static [&'static str] {
    match stage {
        [] => &[],
        _ => &["--ignore-certificate-errors", "--no-proxy-server"],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_on_a_stage_gets_nowhere_else() {
        let stage: StageRule = "chat.example.org=127.0.0.1:8443".parse().unwrap();
        let rules = resolver_rules(&[stage]);
        assert_eq!(
            rules,
            ["MAP chat.example.org 127.0.0.1:8443", "MAP * ~NOTFOUND"]
        );
        assert_eq!((resolver_rules(&[]).len(), flags(&[]).len()), (0, 0));
    }

    #[test]
    fn a_stage_is_a_plain_host_and_a_place_on_this_machine() {
        for wrong in [
            "chat.example.org",
            "a,b=127.0.0.1:1",
            "=127.0.0.1:1",
            "chat.example.org=192.0.2.1:443",
            "chat.example.org=127.0.0.1",
        ] {
            assert!(wrong.parse::<StageRule>().is_err(), "{wrong}");
        }
    }
}
