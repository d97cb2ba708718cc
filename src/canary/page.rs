use std::sync::LazyLock;

use crate::model::Part;

/// What a visitor is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// HTTP status code.
    pub status: u16,
    /// Media type.
    pub media_type: &'static str,
    /// The body.
    pub body: Vec<u8>,
}

/// Where a page's children are.
pub(super) struct Children {
    pub(super) image: String,
    pub(super) style: String,
}

/// The page for a part of a link. `child` gives the address of a child; nothing in it tells who made it.
pub(super) fn page(part: Part, children: &Children) -> Page {
    match part {
        Part::Link | Part::Secret | Part::Host => Page {
            status: 200,
            media_type: "text/html; charset=utf-8",
            body: html(children),
        },
        Part::Image => Page {
            status: 200,
            media_type: "image/png",
            body: IMAGE.clone(),
        },
        Part::Style => Page {
            status: 200,
            media_type: "text/css; charset=utf-8",
            body: STYLE.into(),
        },
    }
}

/// What stands where no token is.
#[must_use]
pub fn nothing_here() -> Page {
    let body = "<!doctype html>\n<title>Not found</title>\n<h1>Not found</h1>\n";
    Page {
        status: 404,
        media_type: "text/html; charset=utf-8",
        body: body.into(),
    }
}

fn html(Children { image, style }: &Children) -> Vec<u8> {
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
</body>
</html>
"#
    )
    .into_bytes()
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

    #[test]
    fn no_page_names_the_tool() {
        let children = Children {
            image: "/a.png".into(),
            style: "/b.css".into(),
        };
        let mut pages: Vec<Page> = Part::ALL
            .iter()
            .map(|&part| page(part, &children))
            .collect();
        pages.push(nothing_here());
        for page in pages {
            let text = String::from_utf8_lossy(&page.body).to_lowercase();
            for word in ["waxseal", "canary", "token", "audit", "rust"] {
                assert!(!text.contains(word), "{word} in {text}");
            }
        }
    }

    #[test]
    fn the_image_is_a_png_of_usual_size() {
        let decoder = png::Decoder::new(std::io::Cursor::new(IMAGE.as_slice()));
        let reader = decoder.read_info().unwrap();
        assert_eq!((reader.info().width, reader.info().height), (320, 168));
    }
}
