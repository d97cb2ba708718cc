//! What a page looked like when a step failed: a picture, the document, its console and what it asked the network for.
//!
//! No secret and no live canary is in any byte of it. In texts they are replaced ([`Veil`]). The picture is taken as it is and
//! covered before anybody sees it: boxes in one flat colour are painted over every field, over whatever shows a secret or
//! something like a token, and over what cannot be read, such as a code to sign in with that is drawn on a canvas. The page
//! itself is not touched for that, and so can neither notice nor undo it.

use std::sync::{LazyLock, PoisonError};
use std::time::Duration;

use regex::{Captures, Regex};
use serde::Deserialize;
use tokio::time::timeout;

use super::Session;
use super::fault::Fault;
use super::logs::{Kind, Log, address, shown};
use super::make::Make;
use super::veil::Veil;
use crate::canary::holds_token;
use crate::diagnostic::printable;
use crate::model::Timestamp;

const LOOK: &str = include_str!("page/look.js");

/// How long all of it may take: a run goes on behind it.
const LIMIT: Duration = Duration::from_secs(20);
/// The largest text that is kept, in bytes.
const TEXT: usize = 2 << 20;
/// The largest picture, in bytes, and in pixels.
const PICTURE: usize = 8 << 20;
const PIXELS: u64 = 40_000_000;
/// How far around a text is painted: letters, shadows and outlines reach beyond their boxes.
const MARGIN: f64 = 4.0;
/// What is painted.
const COLOUR: u8 = 96;

/// What was kept of a page.
#[derive(Debug, Default)]
pub struct Scene {
    /// The files, by name.
    pub files: Vec<SceneFile>,
    /// What could not be kept, and why.
    pub missing: Vec<String>,
}

/// A part of a scene.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SceneFile {
    /// Its name.
    pub name: &'static str,
    /// What is in it.
    pub bytes: Vec<u8>,
}

impl Scene {
    /// The picture's name.
    pub const PICTURE: &'static str = "screenshot.png";
    /// The document's name.
    pub const PAGE: &'static str = "page.html";

    fn text(&mut self, name: &'static str, text: String) {
        self.file(name, cut(text, TEXT).into_bytes());
    }

    fn file(&mut self, name: &'static str, bytes: Vec<u8>) {
        self.files.push(SceneFile { name, bytes });
    }

    fn missing(&mut self, name: &str, why: impl std::fmt::Display) {
        self.missing.push(format!("no {name}: {why}"));
    }
}

/// A text with its boxes, or what is covered whatever it shows: see `look.js`.
type Shown = (String, bool, Vec<[f64; 4]>);

/// What is on the screen.
#[derive(Debug, Deserialize)]
struct Screen {
    width: f64,
    height: f64,
    zoom: f64,
    crowded: bool,
    found: Vec<Shown>,
}

/// The rest of a page.
#[derive(Debug, Deserialize)]
struct Whole {
    url: String,
    title: String,
    fields: Vec<(String, String, String, String, u64)>,
    stored: Vec<(String, String, u64)>,
    loaded: Vec<(f64, String, String, u64, u64)>,
    html: String,
}

impl Session {
    /// What the page looks like now. Takes a bounded time, and what cannot be had is said.
    pub async fn scene(&self, veil: &Veil) -> Scene {
        let mut scene = Scene::default();
        if timeout(LIMIT, self.fill_scene(&mut scene, veil))
            .await
            .is_err()
        {
            scene.missing(
                "more",
                format!("the browser took more than {} s", LIMIT.as_secs()),
            );
        }
        scene.missing = scene.missing.iter().map(|why| veil.cover(why)).collect();
        scene
    }

    /// Has the driver hand over what it noted of console and network. It keeps that until it is asked.
    pub async fn listen(&self) {
        if self.make() != Make::Chromium {
            return;
        }
        for kind in Kind::ALL {
            match self.ask(self.client().issue_cmd(Log(kind))).await {
                Ok(answer) => {
                    let mut logs = self.logs().lock().unwrap_or_else(PoisonError::into_inner);
                    logs.take(kind, &answer);
                }
                // A Grid may not hand them on.
                Err(fault) => return tracing::debug!(%fault, "no log of the browser's"),
            }
        }
    }

    async fn fill_scene(&self, scene: &mut Scene, veil: &Veil) {
        self.listen().await;
        let whole = self.whole(scene, veil).await;
        match self.picture(veil).await {
            Ok(picture) => scene.file(Scene::PICTURE, picture),
            Err(why) => scene.missing(Scene::PICTURE, why),
        }
        let logs = self.logs().lock().unwrap_or_else(PoisonError::into_inner);
        let (console, mut network) = match self.make() {
            Make::Chromium => (
                logs.shown(Kind::Console, veil),
                logs.shown(Kind::Network, veil),
            ),
            Make::Firefox => (NO_CONSOLE.to_owned(), String::new()),
        };
        drop(logs);
        if let (Make::Firefox, Some(whole)) = (self.make(), whole) {
            network = NO_NETWORK.to_owned() + &loaded(&whole, veil);
        }
        scene.text("console.txt", console);
        scene.text("network.txt", network);
    }

    async fn whole(&self, scene: &mut Scene, veil: &Veil) -> Option<Whole> {
        let told = self.run(LOOK, vec![true.into()]).await;
        let told = told.and_then(|told| {
            serde_json::from_value::<Whole>(told).map_err(|error| Fault::lasting(error.to_string()))
        });
        match told {
            Ok(whole) => {
                scene.text(Scene::PAGE, document(&whole.html, veil));
                scene.text("page.txt", about(&whole, veil));
                Some(whole)
            }
            Err(why) => {
                scene.missing(Scene::PAGE, why);
                None
            }
        }
    }

    /// The picture, covered. What moved while it was taken is covered where it was before and where it is afterwards.
    async fn picture(&self, veil: &Veil) -> Result<Vec<u8>, Fault> {
        let before = self.screen().await?;
        let picture = self.ask(self.client().screenshot()).await?;
        let after = self.screen().await?;
        let boxes = [&before, &after]
            .into_iter()
            .flat_map(|screen| screen.covered(veil));
        covered(
            &picture,
            before.width,
            before.height,
            &boxes.collect::<Vec<_>>(),
        )
    }

    async fn screen(&self) -> Result<Screen, Fault> {
        let told = self.run(LOOK, vec![false.into()]).await?;
        let screen: Screen =
            serde_json::from_value(told).map_err(|error| Fault::lasting(error.to_string()))?;
        match (screen.crowded, (screen.zoom - 1.0).abs() < 0.01) {
            (false, true) => Ok(screen),
            (true, _) => Err(Fault::lasting(
                "there is too much on the page to look through all of it",
            )),
            (false, false) => Err(Fault::lasting(
                "the page is zoomed, and nothing on it can be found in the picture",
            )),
        }
    }
}

const NO_CONSOLE: &str = "A Firefox tells its driver nothing of what pages write to the console: nothing could be kept.\n";
const NO_NETWORK: &str = "A Firefox tells its driver nothing of the network. This is what the page itself was told (Resource Timing): when, for \
what, status, milliseconds; no headers, nothing that other pages loaded.\n";

impl Screen {
    /// The boxes that nobody may look into.
    fn covered(&self, veil: &Veil) -> Vec<[f64; 4]> {
        // Without anything between them: a secret may go on from one text to the next.
        let joined: String = self.found.iter().map(|(text, ..)| text.as_str()).collect();
        let secrets = veil.secrets_in(&joined);
        let mut at = 0;
        let mut boxes = Vec::new();
        for (text, always, own) in &self.found {
            let end = at + text.len();
            let secret = secrets
                .iter()
                .any(|secret| secret.start < end && at < secret.end);
            if *always || secret || holds_token(text) {
                boxes.extend_from_slice(own);
            }
            at = end;
        }
        boxes
    }
}

/// Paints boxes over a picture of a window of that size.
fn covered(picture: &[u8], width: f64, height: f64, boxes: &[[f64; 4]]) -> Result<Vec<u8>, Fault> {
    let odd = |error: &dyn std::fmt::Display| {
        Fault::lasting(format!("the picture cannot be covered: {error}"))
    };
    let mut decoder = png::Decoder::new(std::io::Cursor::new(picture));
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    let mut reader = decoder.read_info().map_err(|error| odd(&error))?;
    let info = reader.info();
    if u64::from(info.width) * u64::from(info.height) > PIXELS {
        return Err(odd(&"it is too large"));
    }
    let size = reader
        .output_buffer_size()
        .ok_or_else(|| odd(&"it is too large"))?;
    let mut pixels = vec![0; size];
    let info = reader
        .next_frame(&mut pixels)
        .map_err(|error| odd(&error))?;
    let canvas = Canvas {
        width: info.width as usize,
        height: info.height as usize,
        samples: info.color_type.samples(),
        alpha: matches!(
            info.color_type,
            png::ColorType::Rgba | png::ColorType::GrayscaleAlpha
        ),
    };
    let scale = [
        f64::from(info.width) / width.max(1.0),
        f64::from(info.height) / height.max(1.0),
    ];
    for one in boxes {
        canvas.paint(&mut pixels, *one, scale);
    }
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, info.width, info.height);
    encoder.set_color(info.color_type);
    encoder.set_depth(info.bit_depth);
    let mut writer = encoder.write_header().map_err(|error| odd(&error))?;
    writer
        .write_image_data(&pixels)
        .map_err(|error| odd(&error))?;
    writer.finish().map_err(|error| odd(&error))?;
    match bytes.len() {
        length if length > PICTURE => Err(odd(&"it is too large")),
        _ => Ok(bytes),
    }
}

#[derive(Debug, Clone, Copy)]
struct Canvas {
    width: usize,
    height: usize,
    samples: usize,
    alpha: bool,
}

impl Canvas {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "held between 0 and the picture's size"
    )]
    fn paint(self, pixels: &mut [u8], [left, top, width, height]: [f64; 4], [x, y]: [f64; 2]) {
        let place = |at: f64, most: usize| at.clamp(0.0, most as f64) as usize;
        let columns = place(((left - MARGIN) * x).floor(), self.width)
            ..place(((left + width + MARGIN) * x).ceil(), self.width);
        let rows = place(((top - MARGIN) * y).floor(), self.height)
            ..place(((top + height + MARGIN) * y).ceil(), self.height);
        for row in rows {
            let from = (row * self.width + columns.start) * self.samples;
            let to = (row * self.width + columns.end) * self.samples;
            for pixel in pixels
                .get_mut(from..to)
                .unwrap_or_default()
                .chunks_mut(self.samples)
            {
                pixel.fill(COLOUR);
                if let (true, Some(alpha)) = (self.alpha, pixel.last_mut()) {
                    *alpha = u8::MAX;
                }
            }
        }
    }
}

/// What nobody needs for finding out why a selector does not match, and what often holds a session that no scenario knows.
static SCRIPTS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?is)(<(?:script|noscript)\b[^>]*>)(.*?)(</(?:script|noscript)>|\z)").ok()
});
static TAGS: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"(?is)<(?:input|meta|param)\b(?:[^>"]|"[^"]*")*>"#).ok());
static VALUES: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"(?is)\b(value|content|http-equiv)\s*=\s*"([^"]*)""#).ok());

/// Nothing runs in it, and nothing is fetched for it.
const POLICY: &str = "<!doctype html>\n<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n";

/// The document, without scripts, and without what fields and tags carry along.
fn document(html: &str, veil: &Veil) -> String {
    let (Some(scripts), Some(tags), Some(values)) = (&*SCRIPTS, &*TAGS, &*VALUES) else {
        return String::new();
    };
    let script = |found: &Captures<'_>| {
        let left_out = match found[2].len() {
            0 => String::new(),
            length => format!("/* {length} bytes left out */"),
        };
        format!("{}{left_out}{}", &found[1], &found[3])
    };
    let value = |found: &Captures<'_>| format!("{}=\"({} bytes)\"", &found[1], found[2].len());
    let tag = |found: &Captures<'_>| values.replace_all(&found[0], value).into_owned();
    let html = scripts.replace_all(html, script);
    POLICY.to_owned() + &veil.cover(&tags.replace_all(&html, tag))
}

/// What is to be known of a page besides its document. Of what is stored and typed only how long it is.
fn about(whole: &Whole, veil: &Veil) -> String {
    let mut lines = vec![
        format!("address  {}", address(&whole.url)),
        format!("title    {}", whole.title),
    ];
    for (name, kind, called, id, length) in &whole.fields {
        lines.push(format!(
            "field    {name} type={kind} name={called} id={id}: {length} characters"
        ));
    }
    for (kind, key, length) in &whole.stored {
        lines.push(format!("stored   {kind} {key}: {length} characters"));
    }
    shown(lines.iter().map(String::as_str), veil)
}

fn loaded(whole: &Whole, veil: &Veil) -> String {
    let lines = whole.loaded.iter().map(|(at, url, by, status, took)| {
        #[expect(clippy::cast_possible_truncation, reason = "milliseconds of this age")]
        let at = Timestamp::from_millisecond(*at as i64);
        let at = at.map_or_else(|_| String::new(), |at| format!("{at:.3}"));
        format!("{at}  {status:<4} {}  for {by}, {took} ms", address(url))
    });
    let lines: Vec<String> = lines.collect();
    shown(lines.iter().map(String::as_str), veil)
}

/// At most so many bytes, whole characters, said where it is cut.
fn cut(mut text: String, most: usize) -> String {
    if text.len() <= most {
        return text;
    }
    let end = (0..=most).rev().find(|at| text.is_char_boundary(*at));
    let left_out = text.len() - end.unwrap_or_default();
    text.truncate(end.unwrap_or_default());
    text + &printable(&format!("\u{2026} ({left_out} bytes more)"), 80)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::browser::Secret;

    fn veil() -> Veil {
        Veil::over(&[Secret::new("hunter2&more".to_owned())])
    }

    #[test]
    fn a_document_keeps_its_structure_and_nothing_that_is_secret() {
        let html = r#"<html><head><meta name="csrf" content="abc"><script>let a = "x";</script></head><body data-p="hunter2&amp;more">
<input type="password" value="hunt" class="a>b"><a href="/p/abcdefghijklmnop234567abcdefghijklmnop2345672">x</a></body></html>"#;
        let kept = document(html, &veil());
        assert!(kept.starts_with("<!doctype html>\n<meta http-equiv=\"Content-Security-Policy\""));
        for there in [
            "<meta name=\"csrf\" content=\"(3 bytes)\">",
            "<script>/* 12 bytes left out */</script>",
            "data-p=\"***\"",
            "value=\"(4 bytes)\" class=\"a>b\"",
            "href=\"/p/abcdef…\"",
        ] {
            assert!(kept.contains(there), "{there}: {kept}");
        }
    }

    #[test]
    fn what_is_secret_is_covered_also_where_it_is_parted() {
        let shown =
            |text: &str, always, left| (text.to_owned(), always, vec![[left, 0.0, 1.0, 1.0]]);
        let screen = Screen {
            width: 10.0,
            height: 10.0,
            zoom: 1.0,
            crowded: false,
            found: vec![
                shown("plain", false, 1.0),
                shown("hunt", false, 2.0),
                shown("er2&more", false, 3.0),
                shown("", true, 4.0),
                shown(
                    "http://x/abcdefghijklmnop234567abcdefghijklmnop2345672",
                    false,
                    5.0,
                ),
            ],
        };
        let lefts: Vec<f64> = screen.covered(&veil()).iter().map(|one| one[0]).collect();
        assert_eq!(lefts, [2.0, 3.0, 4.0, 5.0]);
    }

    #[test]
    fn a_box_is_painted_flat_and_nothing_else_is_touched() {
        let (mut bytes, side) = (Vec::new(), 40);
        let mut encoder = png::Encoder::new(&mut bytes, side, side);
        encoder.set_color(png::ColorType::Rgba);
        encoder
            .write_header()
            .unwrap()
            .write_image_data(&[7; 40 * 40 * 4])
            .unwrap();
        // The picture has twice as many pixels as the window has units.
        let painted = covered(
            &bytes,
            20.0,
            20.0,
            &[[8.0, 8.0, 2.0, 2.0], [19.0, 30.0, 5.0, f64::NAN]],
        )
        .unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(painted))
            .read_info()
            .unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut pixels).unwrap();
        let at = |x: usize, y: usize| &pixels[(y * 40 + x) * 4..][..4];
        assert_eq!([at(8, 8), at(27, 27)], [[96, 96, 96, 255]; 2]);
        assert_eq!([at(7, 8), at(28, 27), at(0, 0)], [[7; 4]; 3]);
        assert!(covered(b"no picture", 1.0, 1.0, &[]).is_err());
    }

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!(cut("aü".to_owned(), 2), "a… (2 bytes more)");
        assert_eq!(cut("aü".to_owned(), 3), "aü");
    }
}
