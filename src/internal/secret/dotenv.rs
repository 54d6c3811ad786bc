//! Files of `KEY=VALUE` lines.

use serde_json::{Map, Value as Json};

/// Blank lines and lines that begin with `#` are skipped; `export` before a key is too. A value in
/// single quotes is literal, one in double quotes knows `\n`, `\t`, `\r`, `\"`, `\\` and `\$`; both
/// may go over several lines. Without quotes a value ends at ` #` and loses surrounding blanks.
pub(super) fn parse(text: &str) -> Result<Map<String, Json>, String> {
    let mut values = Map::new();
    let mut rest = text;
    let mut line = 1;
    while !rest.is_empty() {
        let end = rest.find('\n').unwrap_or(rest.len());
        let current = rest[..end].trim();
        if current.is_empty() || current.starts_with('#') {
            rest = rest.get(end + 1..).unwrap_or_default();
            line += 1;
            continue;
        }
        let at = rest[..end].find('=').ok_or_else(|| format!("line {line} has no `=`"))?;
        let key = rest[..at].trim();
        let key = key.strip_prefix("export ").unwrap_or(key).trim();
        if key.is_empty() {
            return Err(format!("line {line} has no key before its `=`"));
        }
        let (value, length) =
            value(&rest[at + 1..]).ok_or_else(|| format!("line {line} has a quote that is not closed"))?;
        values.insert(key.to_owned(), Json::from(value));
        let after = at + 1 + length;
        line += rest[..after].matches('\n').count() + 1;
        let end = rest[after..].find('\n').map_or(rest.len(), |end| after + end + 1);
        rest = &rest[end..];
    }
    Ok(values)
}

/// The value at the start of `text` and how many bytes it takes.
fn value(text: &str) -> Option<(String, usize)> {
    let blanks = text.len() - text.trim_start_matches([' ', '\t']).len();
    let body = &text[blanks..];
    if let Some(quoted) = body.strip_prefix('\'') {
        let end = quoted.find('\'')?;
        return Some((quoted[..end].to_owned(), blanks + end + 2));
    }
    if let Some(quoted) = body.strip_prefix('"') {
        let (value, length) = unescape(quoted)?;
        return Some((value, blanks + length + 2));
    }
    let end = body.find('\n').unwrap_or(body.len());
    let plain = &body[..end];
    let plain = plain.find(" #").map_or(plain, |comment| &plain[..comment]);
    Some((plain.trim().to_owned(), blanks + end))
}

/// Up to the closing double quote.
fn unescape(text: &str) -> Option<(String, usize)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, at)),
            '\\' => match chars.next()?.1 {
                'n' => value.push('\n'),
                't' => value.push('\t'),
                'r' => value.push('\r'),
                c @ ('"' | '\\' | '$') => value.push(c),
                other => value.extend(['\\', other]),
            },
            c => value.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lines_become_keys_and_values() {
        let text = "# comment\n\nA=1\nexport B = two words # note\nC='it''\nD=\"x\\ny \\$z\" # note\nE=\"two\nlines\"\nF=a=b#c\nG=\n";
        let values = Json::Object(parse(text).unwrap());
        assert_eq!(
            values,
            json!({"A": "1", "B": "two words", "C": "it", "D": "x\ny $z", "E": "two\nlines", "F": "a=b#c", "G": ""})
        );
    }

    #[test]
    fn wrong_lines_are_named_without_their_text() {
        assert_eq!(parse("A=1\nhunter2\n").unwrap_err(), "line 2 has no `=`");
        assert_eq!(parse("A=\"x\ny\"\nB='hunter2").unwrap_err(), "line 3 has a quote that is not closed");
        assert_eq!(parse("=x").unwrap_err(), "line 1 has no key before its `=`");
    }
}
