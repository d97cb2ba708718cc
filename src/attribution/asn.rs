//! Which autonomous system announces an address: from the tables that are in use.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::span::{Span, Spans};
use crate::model::{DataVersion, LookedAsn};

/// The longest line of a table: ten times the longest known one. What is longer is something else.
const LINE_BYTES: usize = 4096;
/// The longest name of whoever runs a system that is kept.
const ORG_CHARS: usize = 120;
/// What ends an MMDB file's data and begins its description.
const MMDB_MARK: &[u8] = b"\xab\xcd\xefMaxMind.com";

/// A file that is no table of autonomous systems. Each text completes "failed to …".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AsnError {
    /// A line is none.
    #[error(
        "read the table {name}, line {line}: {reason}; expected `start,end,asn,\"org\"` or `prefix,asn,\"org\"`"
    )]
    Line {
        /// The file.
        name: String,
        /// Counted from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// There is nothing in it.
    #[error(
        "read the table {0}: it is empty; expected a CSV file or an MMDB file of autonomous systems"
    )]
    Empty(String),
    /// It looks like an MMDB file and is none.
    #[error(
        "read the table {name}: it begins like an MMDB file and cannot be read as one: {reason}"
    )]
    Broken {
        /// The file.
        name: String,
        /// Why not.
        reason: String,
    },
    /// It is an MMDB file about something else.
    #[error(
        "read the table {name}: it is an MMDB file of type `{kind}`, and holds no autonomous systems; take one that does, such as GeoLite2-ASN"
    )]
    Other {
        /// The file.
        name: String,
        /// Its type, as it says.
        kind: String,
    },
}

/// A table of autonomous systems.
#[derive(Clone)]
pub struct AsnTable {
    version: DataVersion,
    rows: Rows,
}

#[derive(Clone)]
enum Rows {
    Spans {
        systems: Vec<(u32, String)>,
        spans: Spans<Row>,
    },
    Mmdb(Arc<maxminddb::Reader<Vec<u8>>>),
}

/// A row of a CSV file.
#[derive(Debug, Clone, Copy)]
struct Row {
    /// The place of its system.
    system: u32,
    network: Option<IpNet>,
}

/// What an MMDB file says of an address.
#[derive(Debug, Deserialize)]
struct Said {
    autonomous_system_number: Option<u32>,
    autonomous_system_organization: Option<String>,
}

impl fmt::Debug for AsnTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AsnTable").field(&self.version).finish()
    }
}

impl AsnTable {
    /// Reads a table: an MMDB file (<https://maxmind.github.io/MaxMind-DB/>), or CSV lines `start,end,asn,"org"` as
    /// iptoasn.com and ip-location-db have them (tabs do as well), or `prefix,asn,"org"`. The name is for messages, and
    /// beside each factor.
    ///
    /// # Errors
    /// It is none.
    pub fn read(name: &str, bytes: Vec<u8>) -> Result<Self, AsnError> {
        let digest = data_encoding::HEXLOWER.encode(&Sha256::digest(&bytes));
        let version = DataVersion {
            source: name.to_owned(),
            version: format!("sha256:{}", &digest[..16]),
        };
        if bytes.is_empty() {
            return Err(AsnError::Empty(name.to_owned()));
        }
        let rows = if is_mmdb(&bytes) {
            mmdb(name, bytes)?
        } else {
            csv(name, &bytes)?
        };
        Ok(Self { version, rows })
    }

    /// The same, under another version: a table that is known by its date.
    #[must_use]
    pub(super) fn of_version(mut self, version: DataVersion) -> Self {
        self.version = version;
        self
    }

    /// Which state of which table it is.
    #[must_use]
    pub const fn version(&self) -> &DataVersion {
        &self.version
    }

    /// The system that announces an address; of several networks the narrowest counts.
    #[must_use]
    pub fn find(&self, address: IpAddr) -> Option<LookedAsn> {
        let address = address.to_canonical();
        let (number, org, prefix) = match &self.rows {
            Rows::Spans { systems, spans } => {
                let row = spans.at(address).next()?;
                let (number, org) = systems.get(row.system as usize)?;
                (*number, org.clone(), row.network)
            }
            Rows::Mmdb(reader) => found(reader, address)?,
        };
        // Tables say 0 of what nobody announces.
        (number != 0).then(|| LookedAsn {
            number,
            org,
            prefix,
            table: self.version.clone(),
        })
    }
}

/// The mark stands in the last 128 KiB of such a file.
fn is_mmdb(bytes: &[u8]) -> bool {
    let tail = &bytes[bytes.len().saturating_sub(128 << 10)..];
    // Its tree begins with binary numbers; no text has a zero byte.
    bytes.iter().take(64).any(|byte| *byte == 0)
        || tail
            .windows(MMDB_MARK.len())
            .any(|window| window == MMDB_MARK)
}

fn mmdb(name: &str, bytes: Vec<u8>) -> Result<Rows, AsnError> {
    let broken = |error: maxminddb::MaxMindDbError| AsnError::Broken {
        name: name.to_owned(),
        reason: error.to_string(),
    };
    let reader = maxminddb::Reader::from_source(bytes).map_err(broken)?;
    let kind = &reader.metadata().database_type;
    if !kind.to_ascii_lowercase().contains("asn") {
        return Err(AsnError::Other {
            name: name.to_owned(),
            kind: kind.clone(),
        });
    }
    // What was cut off in the middle is found out now, not at some address later.
    reader.verify().map_err(broken)?;
    Ok(Rows::Mmdb(Arc::new(reader)))
}

fn found(
    reader: &maxminddb::Reader<Vec<u8>>,
    address: IpAddr,
) -> Option<(u32, String, Option<IpNet>)> {
    let found = reader.lookup(address).ok()?;
    let prefix = found.network().ok().and_then(|network| {
        IpNet::new(network.ip(), network.prefix())
            .ok()
            .map(|network| network.trunc())
    });
    let said: Said = found.decode().ok().flatten()?;
    let org = said.autonomous_system_organization.unwrap_or_default();
    Some((said.autonomous_system_number?, short(&org), prefix))
}

fn csv(name: &str, bytes: &[u8]) -> Result<Rows, AsnError> {
    let mut systems: Vec<(u32, String)> = Vec::new();
    let mut places: HashMap<(u32, String), u32> = HashMap::new();
    let mut rows = Vec::new();
    for (index, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        let wrong = |reason: String| AsnError::Line {
            name: name.to_owned(),
            line: index + 1,
            reason,
        };
        let Some(parsed) = row(line).map_err(wrong)? else {
            continue;
        };
        let system = (parsed.number, parsed.org);
        let place = *places.entry(system).or_insert_with_key(|system| {
            systems.push(system.clone());
            u32::try_from(systems.len() - 1).unwrap_or(u32::MAX)
        });
        let row = Row {
            system: place,
            network: parsed.network,
        };
        rows.push((parsed.span, row));
    }
    if rows.is_empty() {
        return Err(AsnError::Empty(name.to_owned()));
    }
    let spans = Spans::new(rows);
    Ok(Rows::Spans { systems, spans })
}

struct Parsed {
    span: Span,
    network: Option<IpNet>,
    number: u32,
    org: String,
}

/// None for a line that says nothing: an empty one, a remark, or the heading of columns.
fn row(line: &[u8]) -> Result<Option<Parsed>, String> {
    if line.len() > LINE_BYTES {
        return Err(format!("it is longer than {LINE_BYTES} bytes"));
    }
    let line = std::str::from_utf8(line).map_err(|_| "it is not UTF-8 text".to_owned())?;
    let line = line.trim_start_matches('\u{feff}').trim();
    let is_heading = line.chars().next().is_some_and(char::is_alphabetic)
        && !line.contains(':')
        && (line.contains("asn") || line.contains("start"));
    if line.is_empty() || line.starts_with('#') || is_heading {
        return Ok(None);
    }
    let fields = fields(line);
    let text = |index: usize| fields.get(index).map(String::as_str).unwrap_or_default();
    let (span, network, rest) = match text(0).parse::<IpNet>() {
        Ok(network) => (Span::of(network), Some(network.trunc()), 1),
        Err(_) => {
            let (first, last) = (address(text(0))?, address(text(1))?);
            let span = Span::between(first, last);
            let span = span.ok_or_else(|| format!("{last} does not come behind {first}"))?;
            (span, None, 2)
        }
    };
    let number = text(rest);
    let number = number
        .trim_start_matches("AS")
        .parse()
        .map_err(|_| format!("`{}` is no number of an autonomous system", short(number)))?;
    // iptoasn.com has a country in between.
    let org = fields.get(rest + 1..).unwrap_or_default().last();
    Ok(Some(Parsed {
        span,
        network,
        number,
        org: short(org.map(String::as_str).unwrap_or_default()),
    }))
}

fn address(text: &str) -> Result<IpAddr, String> {
    text.parse()
        .map_err(|_| format!("`{}` is no address or network", short(text)))
}

fn short(text: &str) -> String {
    text.chars().take(ORG_CHARS).collect()
}

/// The fields of a line: commas or tabs between them, quotes around those that hold one (RFC 4180).
fn fields(line: &str) -> Vec<String> {
    let between = if line.contains('\t') { '\t' } else { ',' };
    let mut fields = vec![String::new()];
    let (mut quoted, mut letters) = (false, line.chars().peekable());
    while let Some(letter) = letters.next() {
        let field = fields.last_mut();
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => {
                letters.next();
                field.into_iter().for_each(|field| field.push('"'));
            }
            '"' => quoted = !quoted,
            letter if letter == between && !quoted => fields.push(String::new()),
            letter => field.into_iter().for_each(|field| field.push(letter)),
        }
    }
    fields.iter().map(|field| field.trim().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> AsnTable {
        AsnTable::read("asn.csv", text.as_bytes().to_vec()).unwrap()
    }

    fn wrong(bytes: &[u8]) -> String {
        AsnTable::read("asn.csv", bytes.to_vec())
            .unwrap_err()
            .to_string()
    }

    fn system(table: &AsnTable, address: &str) -> Option<(u32, String)> {
        let found = table.find(address.parse().unwrap())?;
        Some((found.number, found.org))
    }

    #[test]
    fn every_common_shape_is_read() {
        let ranges = "1.0.0.0,1.0.0.255,13335,\"Cloudflare, Inc.\"\r\n1.0.4.0,1.0.7.255,38803,Wirefreebroadband\n\n\
                      2001:db8::,2001:db8:ffff::,64500,\"A \"\"B\"\"\"\n";
        let found = table(ranges);
        assert_eq!(
            system(&found, "1.0.0.9"),
            Some((13335, "Cloudflare, Inc.".to_owned()))
        );
        assert_eq!(
            system(&found, "1.0.6.9"),
            Some((38803, "Wirefreebroadband".to_owned()))
        );
        assert_eq!(
            system(&found, "2001:db8:1::1"),
            Some((64500, "A \"B\"".to_owned()))
        );
        assert_eq!(system(&found, "1.0.1.1"), None);
        let tabs = "start\tend\tasn\n1.0.0.0\t1.0.0.255\t13335\tUS\tCLOUDFLARENET\n1.0.1.0\t1.0.3.255\t0\tNone\tNot routed\n";
        let found = table(tabs);
        assert_eq!(
            system(&found, "1.0.0.9"),
            Some((13335, "CLOUDFLARENET".to_owned()))
        );
        assert_eq!(system(&found, "1.0.2.1"), None, "nobody announces it");
        let prefixes =
            "# remark\nprefix,asn,org\n10.0.0.0/8,AS64500,Wide\n10.1.0.0/16,64501,\"Narrow\"\n";
        let found = table(prefixes);
        assert_eq!(
            system(&found, "10.1.2.3"),
            Some((64501, "Narrow".to_owned()))
        );
        assert_eq!(system(&found, "10.2.2.3"), Some((64500, "Wide".to_owned())));
        let narrow = found.find("::ffff:10.1.2.3".parse().unwrap()).unwrap();
        assert_eq!(narrow.prefix, Some("10.1.0.0/16".parse().unwrap()));
        assert_eq!(narrow.table.source, "asn.csv");
        assert_eq!(narrow.table.version.len(), "sha256:".len() + 16);
    }

    #[test]
    fn what_is_no_table_is_told_with_its_line() {
        let good = "1.0.0.0,1.0.0.255,13335,x\n";
        for (bad, said) in [
            (
                "1.0.1.0,1.0.1.255",
                "line 2: `` is no number of an autonomous system",
            ),
            (
                "1.0.1.0,1.0.0.255,7,x",
                "line 2: 1.0.0.255 does not come behind 1.0.1.0",
            ),
            (
                "1.0.1.0,::1,7,x",
                "line 2: ::1 does not come behind 1.0.1.0",
            ),
            (
                "1.0.1.0/24,seven,x",
                "line 2: `seven` is no number of an autonomous system",
            ),
            ("1.0.1.0,1.0.1.25", "line 2: `` is no number"),
            (
                "{\"asn\": 1}",
                "line 2: `{asn: 1}` is no address or network",
            ),
            (
                "<!doctype html>",
                "line 2: `<!doctype html>` is no address or network",
            ),
            (
                "1.0.1.0/24,99999999999,x",
                "line 2: `99999999999` is no number",
            ),
        ] {
            let found = wrong(format!("{good}{bad}").as_bytes());
            assert!(found.contains(said), "{bad}: {found}");
            assert!(
                found.starts_with("read the table asn.csv, line 2: "),
                "{found}"
            );
        }
        assert!(wrong(b"").contains("it is empty"));
        assert!(wrong(b"# nothing\n\n").contains("it is empty"));
        assert!(wrong(b"\xff\xfe1,2,3").contains("line 1: it is not UTF-8 text"));
        let huge = [good.as_bytes(), &[b'1'; 1 << 20]].concat();
        assert!(wrong(&huge).contains("line 2: it is longer than 4096 bytes"));
    }

    /// A file of MaxMind's format with one node: addresses whose first bit is 0 are of AS64500.
    fn small_mmdb(kind: &str) -> Vec<u8> {
        let text = |text: &str| {
            let length = u8::try_from(text.len()).unwrap();
            let control = if length < 29 {
                vec![0x40 | length]
            } else {
                vec![0x5d, length - 29]
            };
            [&control, text.as_bytes()].concat()
        };
        let (tree, no_data) = ([0, 0, 1 + 16, 0, 0, 1], [0; 16]);
        let data = [
            vec![0xe2],
            text("autonomous_system_number"),
            vec![0xc2, 0xfb, 0xf4],
            text("autonomous_system_organization"),
            text("Example"),
        ];
        let number = |name: &str, control: u8, bytes: &[u8]| {
            [text(name), vec![control], bytes.to_vec()].concat()
        };
        let metadata = [
            vec![0xe9],
            number("node_count", 0xc1, &[1]),
            number("record_size", 0xa1, &[24]),
            number("ip_version", 0xa1, &[4]),
            [text("database_type"), text(kind)].concat(),
            [text("languages"), vec![0x00, 0x04]].concat(),
            number("binary_format_major_version", 0xa1, &[2]),
            number("binary_format_minor_version", 0xa0, &[]),
            [text("build_epoch"), vec![0x01, 0x02, 1]].concat(),
            [text("description"), vec![0xe1], text("en"), text("x")].concat(),
        ];
        [
            &tree[..],
            &no_data,
            &data.concat(),
            MMDB_MARK,
            &metadata.concat(),
        ]
        .concat()
    }

    #[test]
    fn an_mmdb_file_is_read_and_a_broken_one_told() {
        let whole = small_mmdb("GeoLite2-ASN");
        let found = AsnTable::read("asn.mmdb", whole.clone()).unwrap();
        assert_eq!(
            system(&found, "10.1.2.3"),
            Some((64500, "Example".to_owned()))
        );
        assert_eq!(system(&found, "200.1.2.3"), None);
        assert_eq!(
            found.find("10.1.2.3".parse().unwrap()).unwrap().prefix,
            Some("0.0.0.0/1".parse().unwrap())
        );
        let other = AsnTable::read("c.mmdb", small_mmdb("GeoLite2-Country"))
            .unwrap_err()
            .to_string();
        assert!(
            other.contains("of type `GeoLite2-Country`, and holds no autonomous systems"),
            "{other}"
        );
        for length in 1..whole.len() {
            assert!(
                AsnTable::read("asn.mmdb", whole[..length].to_vec()).is_err(),
                "{length}"
            );
        }
    }
}
