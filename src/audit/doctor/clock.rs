use std::time::SystemTime;

use tokio::process::Command;
use tokio::time::timeout;

use super::{Finding, PATIENCE};

/// How far the clock may be from another's, in seconds: a `Date` is cut to the second, and takes a moment to arrive.
const APART: u64 = 2;

/// Times of evidence are only as good as the clock. Nobody is asked but whom the operator names.
pub(super) async fn look(from: Option<&str>) -> Finding {
    match from {
        Some(url) => against(url).await,
        None => kernel().await,
    }
}

async fn against(url: &str) -> Finding {
    let what = "clock";
    let their = match date(url).await {
        Ok(their) => their,
        Err(reason) => {
            return Finding::unsure(
                what,
                format!("{url}: {reason}"),
                "name another with --clock-from",
            );
        }
    };
    let own = SystemTime::now();
    let apart = own
        .duration_since(their)
        .or_else(|_| their.duration_since(own));
    let apart = apart.unwrap_or_default().as_secs();
    let seen = match apart <= APART {
        true => format!("as {url} has it, within {APART} s"),
        false => format!("{apart} s from what {url} has"),
    };
    let advice = "let chrony or systemd-timesyncd keep it, and check that it is synchronised";
    Finding::of(apart <= APART, what, seen, advice)
}

async fn date(url: &str) -> Result<SystemTime, String> {
    let client = reqwest::Client::builder()
        .timeout(PATIENCE)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .tls_backend_preconfigured(client()?)
        .build()
        .map_err(|error| error.to_string())?;
    let answer = client
        .head(url)
        .send()
        .await
        .map_err(|error| error.to_string())?;
    let date = answer
        .headers()
        .get("date")
        .and_then(|date| date.to_str().ok());
    let date = date.ok_or("it says no date")?;
    httpdate::parse_http_date(date).map_err(|error| error.to_string())
}

fn client() -> Result<rustls::ClientConfig, String> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

/// What systemd knows of whether the kernel's clock is being kept right.
async fn kernel() -> Finding {
    let what = "clock";
    let mut command = Command::new("timedatectl");
    command
        .args(["show", "--property", "NTPSynchronized", "--value"])
        .kill_on_drop(true);
    let said = timeout(PATIENCE, command.output()).await;
    let said = said.ok().and_then(Result::ok);
    let said = said.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    match said.as_deref() {
        Some("yes") => Finding::fine(what, "the kernel's clock is synchronised"),
        Some("no") => Finding::wrong(
            what,
            "the kernel's clock is not synchronised",
            "start chrony or systemd-timesyncd, or hold it against a server with --clock-from URL",
        ),
        _ => Finding::unsure(
            what,
            "this machine does not say whether its clock is synchronised",
            "hold it against a web server of your choice with --clock-from URL",
        ),
    }
}
