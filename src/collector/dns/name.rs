use std::fmt::Write;

use hickory_proto::rr::Name;

/// A name as RFC 1035 section 5.1 writes it, in the case it was sent, with a dot at its end.
pub(super) fn written(name: &Name) -> String {
    let mut text = String::new();
    for label in name.iter() {
        for &byte in label {
            match byte {
                b'.' | b'\\' => text.extend(['\\', char::from(byte)]),
                b'!'..=b'~' => text.push(char::from(byte)),
                // Writing to a string does not fail.
                _ => _ = write!(text, "\\{byte:03}"),
            }
        }
        text.push('.');
    }
    if text.is_empty() {
        ".".to_owned()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_of_a_name_is_told() {
        let name = Name::from_labels([&b"a.B"[..], b"\\", b"\x00\xff x"]).unwrap();
        assert_eq!(written(&name), "a\\.B.\\\\.\\000\\255\\032x.");
        assert_eq!(written(&Name::root()), ".");
    }
}
