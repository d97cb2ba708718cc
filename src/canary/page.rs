use std::sync::LazyLock;

use crate::model::{Form, Part, TokenId};

use super::body::{Body, Large};
use super::pdf::pdf;

/// What a visitor is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// HTTP status code.
    pub status: u16,
    /// Media type.
    pub media_type: &'static str,
    /// Where else it is to be looked for.
    pub location: Option<String>,
    /// The body.
    pub body: Body,
}

/// What a page looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    Plain,
    Image,
    Style,
    Pdf,
    Moved(u16),
    LeadsOnByMarkup,
    LeadsOnByScript,
    Large,
    Script,
    NotFound,
    Slow,
}

impl Look {
    /// What a path is answered with. A path's ending decides for everybody; without one, the form that a token of ours
    /// names. Nobody else can name a form, so whoever tries a broken token gets a plain page, as with a token of the
    /// plain form.
    pub(super) fn of(path: &str, token: Option<TokenId>) -> Self {
        let path = path.split(['?', '#']).next().unwrap_or_default();
        match path.to_ascii_lowercase().rsplit_once('.') {
            Some((_, "png")) => Self::Image,
            Some((_, "css")) => Self::Style,
            Some((_, "pdf")) => Self::Pdf,
            _ => token
                .filter(|token| token.part == Part::Link)
                .map_or(Self::Plain, |token| Self::behind(token.form)),
        }
    }

    /// What is behind a form's link.
    const fn behind(form: Form) -> Self {
        match form {
            // A picture or document whose link has lost its ending, as all that are plain.
            Form::Image | Form::Pdf => Self::Plain,
            Form::Http | Form::QuerySecret | Form::Https | Form::Credentials => Self::Plain,
            Form::RobotsAllowed | Form::RobotsDenied => Self::Plain,
            Form::Redirect301 => Self::Moved(301),
            Form::Redirect302 => Self::Moved(302),
            Form::Redirect307 => Self::Moved(307),
            Form::RedirectMeta => Self::LeadsOnByMarkup,
            Form::RedirectScript => Self::LeadsOnByScript,
            Form::Large => Self::Large,
            Form::Script => Self::Script,
            Form::NotFound => Self::NotFound,
            Form::Slow => Self::Slow,
        }
    }
}

/// What a page may need to know of its link.
pub(super) trait Surroundings {
    /// The address of a child.
    fn child(&self, part: Part) -> String;
    /// The token of a child.
    fn token(&self, part: Part) -> String;
}

/// A page; nothing in it tells who made it.
pub(super) fn page(look: Look, around: &impl Surroundings) -> Page {
    match look {
        Look::Plain => html(200, plain(around, "")),
        Look::Slow => Page {
            body: Body::Slow(plain(around, "").into_bytes()),
            ..html(200, String::new())
        },
        Look::Script => html(200, plain(around, &computed(&around.token(Part::Script)))),
        Look::LeadsOnByMarkup => html(
            200,
            leading_on(&format!(
                "<meta http-equiv=\"refresh\" content=\"0; url={}\">",
                around.child(Part::Hop)
            )),
        ),
        Look::LeadsOnByScript => html(
            200,
            leading_on(&format!(
                "<script>location.replace(\"{}\")</script>",
                around.child(Part::Hop)
            )),
        ),
        Look::Moved(status) => Page {
            location: Some(around.child(Part::Hop)),
            ..html(status, leading_on(""))
        },
        Look::NotFound => nothing_here(),
        Look::Image => file("image/png", Body::Whole(IMAGE.clone())),
        Look::Style => file("text/css; charset=utf-8", Body::Whole(STYLE.into())),
        Look::Pdf => file(
            "application/pdf",
            Body::Whole(pdf(&around.child(Part::Hop))),
        ),
        Look::Large => {
            let body = Body::Large(Large::of(&around.token(Part::Link)));
            file("application/octet-stream", body)
        }
    }
}

/// What stands where no token is.
#[must_use]
pub fn nothing_here() -> Page {
    let body = "<!doctype html>\n<title>Not found</title>\n<h1>Not found</h1>\n";
    html(404, body.to_owned())
}

/// What programs are asked (RFC 9309): the same for every host, so that it says nothing about one link.
pub(super) fn robots() -> Page {
    let body = "User-agent: *\nAllow: /open/\nDisallow: /private/\n";
    file("text/plain; charset=utf-8", Body::Whole(body.into()))
}

fn html(status: u16, text: String) -> Page {
    Page {
        status,
        ..file("text/html; charset=utf-8", Body::Whole(text.into_bytes()))
    }
}

const fn file(media_type: &'static str, body: Body) -> Page {
    Page {
        status: 200,
        media_type,
        location: None,
        body,
    }
}

/// A script that asks for a token which stands nowhere in the page: its characters are numbers there, each mixed with
/// its place, and only who does the sum has them.
fn computed(token: &str) -> String {
    let mixed = token
        .bytes()
        .zip(0_u32..)
        .map(|(byte, at)| (u32::from(byte) ^ (at * 7 + 3)).to_string());
    let numbers = mixed.collect::<Vec<_>>().join(",");
    format!(
        r#"<script>
new Image().src = "/" + [{numbers}].map(function (n, i) {{
  return String.fromCharCode(n ^ (i * 7 + 3));
}}).join("") + ".png";
</script>
"#
    )
}

fn leading_on(how: &str) -> String {
    format!(
        "<!doctype html>\n<meta charset=\"utf-8\">\n{how}\n<title>Moved</title>\n<h1>Moved</h1>\n"
    )
}

fn plain(around: &impl Surroundings, at_the_end: &str) -> String {
    let (image, style) = (around.child(Part::Image), around.child(Part::Style));
    format!(
        r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Notes from the garden</title>
<meta name="description" content="What grew this week, and what did not.">
<meta property="og:type" content="article">
<meta property="og:title" content="Notes from the garden">
<meta property="og:description" content="What grew this week, and what did not.">
<meta property="og:image" content="{image}">
<link rel="stylesheet" href="{style}">
</head>
<body>
<h1>Notes from the garden</h1>
<img src="{image}" alt="" width="320" height="168">
<p>The beans are up. The peas are late, as they were last year, and the slugs are early.</p>
{at_the_end}</body>
</html>
"#
    )
}

const STYLE: &str = "body { max-width: 40rem; margin: 2rem auto; font: 1rem/1.5 serif; }\n";

/// A quiet slope of green. Previewers drop pictures that are too small, so it has a usual size; drawn once.
static IMAGE: LazyLock<Vec<u8>> = LazyLock::new(|| draw(320, 168).unwrap_or_default());

fn draw(width: u32, height: u32) -> Result<Vec<u8>, png::EncodingError> {
    let shade = |at: u32| u8::try_from(96 + at % width / 4 + at / width / 4).unwrap_or(u8::MAX);
    let pixels: Vec<u8> = (0..width * height)
        .flat_map(|at| [shade(at) / 2, shade(at), shade(at) / 3])
        .collect();
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(png::ColorType::Rgb);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&pixels)?;
    writer.finish()?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Nowhere;

    impl Surroundings for Nowhere {
        fn child(&self, part: Part) -> String {
            format!("http://192.0.2.1/{}", self.token(part))
        }

        fn token(&self, part: Part) -> String {
            format!("{}0123", part.name())
        }
    }

    #[test]
    fn no_page_names_the_tool() {
        let link = |form| TokenId {
            run: crate::model::RunId(1),
            trial: crate::model::TrialId(1),
            arm: crate::model::Arm::Sent,
            form,
            part: Part::Link,
        };
        let endings = ["/x.png", "/x.css", "/x.pdf"].map(|path| Look::of(path, None));
        let forms = Form::ALL
            .iter()
            .map(|&form| Look::of("/x", Some(link(form))));
        let looks = forms.chain(endings);
        let pages = looks.map(|look| page(look, &Nowhere));
        for page in pages.chain([nothing_here(), robots()]) {
            let body = page.body.bytes(0..1 << 16);
            let text = String::from_utf8_lossy(&body).to_lowercase();
            let head = format!("{:?} {}", page.location, page.media_type);
            for word in ["waxseal", "canary", "token", "audit", "rust"] {
                assert!(
                    !text.contains(word) && !head.contains(word),
                    "{word} in {text}"
                );
            }
        }
    }

    /// A link is where the table says, and the rules for programs are about those places.
    #[test]
    fn robots_are_told_what_their_forms_need() {
        let body = robots().body;
        let text = String::from_utf8(body.bytes(0..body.len())).unwrap();
        for (form, rule) in [
            (Form::RobotsAllowed, "Allow: /open/\n"),
            (Form::RobotsDenied, "Disallow: /private/\n"),
        ] {
            assert!(text.contains(rule), "{text}");
            let (_, folder) = rule.trim().split_once(": ").unwrap();
            let link = crate::canary::dress_of(form).link;
            assert!(link.ends_with(&format!("COLLECTOR{folder}TOKEN")), "{link}");
        }
    }

    #[test]
    fn what_a_script_computes_stands_nowhere() {
        let Body::Whole(text) = page(Look::Script, &Nowhere).body else {
            panic!("a page is held")
        };
        let text = String::from_utf8(text).unwrap();
        assert!(text.contains("fromCharCode"));
        for word in ["script0123", "3210tpircs"] {
            assert!(!text.contains(word), "{text}");
        }
    }

    #[test]
    fn the_image_is_a_png_of_usual_size() {
        let decoder = png::Decoder::new(std::io::Cursor::new(IMAGE.as_slice()));
        let reader = decoder.read_info().unwrap();
        assert_eq!((reader.info().width, reader.info().height), (320, 168));
    }
}
