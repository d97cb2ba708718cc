use std::ops::Range;
use std::time::{Duration, SystemTime};

use http::StatusCode;

use crate::canary::{Body, Page};
use crate::model::Request;

use super::limits;

/// An answer, ready to be written: its head, and which bytes of the page come after it.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    /// The lines that a plain web server sends, as HTTP/1 writes them, and none that names one.
    pub(super) lines: Vec<(&'static str, String)>,
    body: Body,
    left: Range<u64>,
}

impl Answer {
    /// Answers a request with a page.
    pub(super) fn new(page: Page, request: &Request) -> Self {
        let length = page.body.len();
        let (status, span) = match range(&page.body, request) {
            Asked::Whole => (page.status, 0..length),
            Asked::Part(span) => (206, span),
            Asked::Beyond => (416, 0..0),
        };
        let left = if request.method == "HEAD" {
            0..0
        } else {
            span.clone()
        };
        Self {
            status: StatusCode::from_u16(status).unwrap_or(StatusCode::OK),
            lines: lines(&page, status, &span),
            body: page.body,
            left,
        }
    }

    /// How many bytes the page has in all.
    pub(super) fn whole(&self) -> u64 {
        self.body.len()
    }

    /// Whether nothing comes after the head.
    pub(super) fn is_empty(&self) -> bool {
        self.left.is_empty()
    }

    /// How long to wait before the next piece.
    pub(super) const fn wait(&self) -> Option<Duration> {
        match self.body {
            Body::Slow(_) => Some(limits::PIECE_TIME),
            Body::Whole(_) | Body::Large(_) => None,
        }
    }

    /// The next piece; none after the last.
    pub(super) fn next(&mut self) -> Option<Vec<u8>> {
        if self.left.is_empty() {
            return None;
        }
        let end = self.body.piece_end(self.left.start, self.left.end);
        let piece = self.body.bytes(self.left.start..end);
        self.left.start = end;
        Some(piece)
    }
}

fn lines(page: &Page, status: u16, span: &Range<u64>) -> Vec<(&'static str, String)> {
    let mut lines = vec![
        ("Date", httpdate::fmt_http_date(SystemTime::now())),
        ("Content-Type", page.media_type.to_owned()),
        ("Content-Length", (span.end - span.start).to_string()),
        ("Cache-Control", "no-store".to_owned()),
    ];
    if let Some(location) = &page.location {
        lines.push(("Location", location.clone()));
    }
    if let Body::Large(large) = &page.body {
        lines.push(("Accept-Ranges", "bytes".to_owned()));
        lines.push(("ETag", large.tag()));
    }
    let length = page.body.len();
    match status {
        206 => lines.push((
            "Content-Range",
            format!("bytes {}-{}/{length}", span.start, span.end - 1),
        )),
        416 => lines.push(("Content-Range", format!("bytes */{length}"))),
        _ => {}
    }
    lines
}

/// How much of a page is asked for.
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    Whole,
    Part(Range<u64>),
    /// Nothing of what is there.
    Beyond,
}

/// RFC 9110 section 14: a range counts only for GET, for what is given in ranges, and where `If-Range` names the very
/// same content. Whatever is not one plain range is answered with the whole.
fn range(body: &Body, request: &Request) -> Asked {
    let (Body::Large(large), "GET") = (body, request.method.as_str()) else {
        return Asked::Whole;
    };
    let line = |name| request.header(name).map(|value| value.text());
    let same = line("if-range").is_none_or(|tag| tag.trim() == large.tag());
    match line("range").filter(|_| same) {
        Some(text) => single(&text, body.len()).unwrap_or(Asked::Whole),
        None => Asked::Whole,
    }
}

/// One range of bytes of a content of this length; none where the text is anything else.
fn single(text: &str, length: u64) -> Option<Asked> {
    let (unit, span) = text.split_once('=')?;
    let (first, last) = span.trim().split_once('-')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return None;
    }
    let span = match (first, last) {
        ("", suffix) => length.saturating_sub(number(suffix)?)..length,
        (first, "") => number(first)?..length,
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            if last < first {
                return None;
            }
            first..length.min(last.saturating_add(1))
        }
    };
    Some(if span.is_empty() {
        Asked::Beyond
    } else {
        Asked::Part(span)
    })
}

/// Plain digits. A number that is too large lies beyond every end.
fn number(text: &str) -> Option<u64> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canary::{LARGE_BYTES, Large};
    use crate::model::Bytes;

    #[test]
    fn one_plain_range_is_read_as_the_standard_says() {
        for (text, asked) in [
            ("bytes=0-0", Some(Asked::Part(0..1))),
            ("Bytes= 2-4", Some(Asked::Part(2..5))),
            ("bytes=2-", Some(Asked::Part(2..10))),
            ("bytes=-3", Some(Asked::Part(7..10))),
            ("bytes=-99", Some(Asked::Part(0..10))),
            ("bytes=9-99999999999999999999999", Some(Asked::Part(9..10))),
            ("bytes=10-", Some(Asked::Beyond)),
            ("bytes=99999999999999999999999-", Some(Asked::Beyond)),
            ("bytes=-0", Some(Asked::Beyond)),
            ("bytes=4-2", None),
            ("bytes=0-1,3-4", None),
            ("bytes=-", None),
            ("bytes=+1-2", None),
            ("bytes=a-", None),
            ("lines=0-1", None),
            ("bytes", None),
        ] {
            assert_eq!(single(text, 10), asked, "{text}");
        }
    }

    fn asked(method: &str, lines: &[(&str, &str)]) -> Request {
        let line =
            |(name, value): &(&str, &str)| ((*name).to_owned(), Bytes::from(value.as_bytes()));
        Request {
            method: method.into(),
            target: Bytes::default(),
            version: "HTTP/1.1".into(),
            tls: false,
            opening: None,
            forwarded: None,
            headers: lines.iter().map(line).collect(),
        }
    }

    fn answer(request: &Request) -> (u16, Option<String>, u64) {
        let page = Page {
            status: 200,
            media_type: "application/octet-stream",
            location: None,
            body: Body::Large(Large::of("x")),
        };
        let answer = Answer::new(page, request);
        let range = answer
            .lines
            .iter()
            .find(|(name, _)| *name == "Content-Range");
        (
            answer.status.as_u16(),
            range.map(|(_, value)| value.clone()),
            answer.left.end - answer.left.start,
        )
    }

    #[test]
    fn a_range_counts_only_where_it_may() {
        let tag = Large::of("x").tag();
        let part = (206, Some(format!("bytes 0-4/{LARGE_BYTES}")), 5);
        let range = ("Range", "bytes=0-4");
        assert_eq!(answer(&asked("GET", &[range])), part);
        assert_eq!(answer(&asked("GET", &[range, ("If-Range", &tag)])), part);
        let whole = (200, None, LARGE_BYTES);
        for other in [
            "\"other\"",
            &format!("W/{tag}"),
            "Tue, 24 Nov 2026 21:00:00 GMT",
        ] {
            assert_eq!(answer(&asked("GET", &[range, ("If-Range", other)])), whole);
        }
        assert_eq!(answer(&asked("POST", &[range])), whole);
        assert_eq!(answer(&asked("HEAD", &[range])), (200, None, 0));
        let beyond = (416, Some(format!("bytes */{LARGE_BYTES}")), 0);
        assert_eq!(
            answer(&asked("GET", &[("Range", "bytes=8388608-")])),
            beyond
        );
    }
}
