//! The forms in which a secret may show up in a log.

use std::collections::BTreeSet;
use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};

/// Shorter values (in characters) are not masked: they would blot out the log and hide nothing.
pub const SHORTEST: usize = 3;
/// Widths at which usual tools break base64 into lines.
const BASE64_WIDTHS: [usize; 2] = [76, 64];

/// Every form of every value; none twice.
pub fn all<'a>(values: impl IntoIterator<Item = &'a str>) -> BTreeSet<Vec<u8>> {
    let mut found = BTreeSet::new();
    for value in values {
        for part in parts(value) {
            add_forms(part, &mut found);
        }
    }
    found
}

/// Whether the value is too short to be masked.
pub fn is_too_short(value: &str) -> bool {
    value.chars().count() < SHORTEST
}

/// The value, without the space around it, and its single lines.
fn parts(value: &str) -> impl Iterator<Item = &str> {
    let lines = value.lines().map(str::trim);
    [value, value.trim()].into_iter().chain(lines).filter(|part| !is_too_short(part))
}

fn add_forms(part: &str, found: &mut BTreeSet<Vec<u8>>) {
    found.insert(part.as_bytes().to_vec());
    // `echo "$SECRET" | base64` encodes the line's end too.
    for text in [part.to_owned(), format!("{part}\n")] {
        for engine in [&STANDARD, &STANDARD_NO_PAD, &URL_SAFE, &URL_SAFE_NO_PAD] {
            add_base64(&engine.encode(&text), found);
        }
    }
    for digits in [Digits::Upper, Digits::Lower] {
        let encoded = percent_encoded(part, digits);
        found.insert(encoded.replace("%20", "+").into_bytes());
        found.insert(encoded.into_bytes());
    }
    let json = serde_json::Value::from(part).to_string();
    let json = json.get(1..json.len() - 1).unwrap_or_default();
    found.insert(json.replace('/', "\\/").into_bytes());
    found.insert(ascii_only(json).into_bytes());
    found.insert(json.as_bytes().to_vec());
}

/// The whole, and its lines where a tool would break it; a last line of a few letters is no secret.
fn add_base64(encoded: &str, found: &mut BTreeSet<Vec<u8>>) {
    for width in BASE64_WIDTHS.into_iter().filter(|width| encoded.len() > *width) {
        let lines = encoded.as_bytes().chunks(width).filter(|line| line.len() >= 8);
        found.extend(lines.map(<[u8]>::to_vec));
    }
    found.insert(encoded.as_bytes().to_vec());
}

#[derive(Clone, Copy)]
enum Digits {
    Upper,
    Lower,
}

fn percent_encoded(text: &str, digits: Digits) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        let _ = match (byte, digits) {
            (b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~', _) => {
                encoded.write_char(char::from(byte))
            }
            (_, Digits::Upper) => write!(encoded, "%{byte:02X}"),
            (_, Digits::Lower) => write!(encoded, "%{byte:02x}"),
        };
    }
    encoded
}

/// JSON text with every character beyond ASCII as `\uXXXX`, as some writers do.
fn ascii_only(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for character in json.chars() {
        if character.is_ascii() {
            text.push(character);
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                let _ = write!(text, "\\u{unit:04x}");
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_known_in_all_its_forms() {
        let forms = all(["p@ss/wörd \"x\""]);
        for form in [
            "p@ss/wörd \"x\"",
            "cEBzcy93w7ZyZCAieCI=",
            "cEBzcy93w7ZyZCAieCI",
            "cEBzcy93w7ZyZCAieCIK",
            "p%40ss%2Fw%C3%B6rd%20%22x%22",
            "p%40ss%2fw%c3%b6rd%20%22x%22",
            "p%40ss%2Fw%C3%B6rd+%22x%22",
            "p@ss/wörd \\\"x\\\"",
            "p@ss\\/wörd \\\"x\\\"",
            "p@ss/w\\u00f6rd \\\"x\\\"",
        ] {
            assert!(forms.contains(form.as_bytes()), "{form}");
        }
    }

    #[test]
    fn lines_count_by_themselves_and_short_ones_not_at_all() {
        let forms = all(["first line\n}\nlast"]);
        assert!(forms.contains(&b"first line"[..]) && forms.contains(&b"last"[..]));
        assert!(!forms.contains(&b"}"[..]));
        assert!(all(["ab", "äö"]).is_empty());
        assert!(!all(["äöü"]).is_empty());
    }
}
