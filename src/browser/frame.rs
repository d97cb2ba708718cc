//! Pages inside pages: commands go to the window's own page, or to the one that a frame shows.

use std::sync::atomic::Ordering;

use fantoccini::elements::Element;
use fantoccini::wd::WebDriverCompatibleCommand;

use super::Session;
use super::fault::Fault;

impl Session {
    /// Back to the window's own page.
    pub(super) async fn leave_frame(&self) -> Result<(), Fault> {
        if !self.in_frame.swap(false, Ordering::Relaxed) {
            return Ok(());
        }
        let left = self.ask(self.client().issue_cmd(Top)).await;
        self.in_frame.store(left.is_err(), Ordering::Relaxed);
        left.map(|_| ())
    }

    /// On to the page that a frame shows.
    pub(super) async fn enter_frame(&self, frame: &Element) -> Result<(), Fault> {
        // From here on, since a command that failed may have come through.
        self.in_frame.store(true, Ordering::Relaxed);
        self.ask(frame.clone().enter_frame()).await
    }
}

/// `POST .../frame` with no frame at all, for which fantoccini has no method.
#[derive(Debug)]
struct Top;

impl WebDriverCompatibleCommand for Top {
    fn endpoint(
        &self,
        base: &url::Url,
        session: Option<&str>,
    ) -> Result<url::Url, url::ParseError> {
        let session = session.unwrap_or_default();
        base.join(&format!("session/{session}/frame"))
    }

    fn method_and_body(&self, _url: &url::Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(r#"{"id":null}"#.to_owned()))
    }
}
