//! Functions that encode and decode text.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::call::{Call, Function, Outcome, bounded, failed};
use crate::value::Value;

pub(super) const FUNCTIONS: &[Function] = &[
    Function::exactly("base64decode", 1, base64decode),
    Function::exactly("base64encode", 1, |c| Ok(STANDARD.encode(c.string(0)?).into())),
    Function::exactly("csvdecode", 1, csvdecode),
    Function::exactly("jsondecode", 1, |c| {
        Value::from_json(&c.string(0)?).map_err(|reason| failed(format!("the text is no JSON: {reason}")))
    }),
    Function::exactly("jsonencode", 1, |c| {
        c.value(0).to_json().map(Value::text).ok_or(super::FnError::Secret { index: 0 })
    })
    .taking_null(),
    Function::exactly("urlencode", 1, |c| Ok(urlencode(&c.string(0)?).into())),
];

fn base64decode(call: &Call<'_>) -> Outcome {
    let bytes =
        STANDARD.decode(call.string(0)?).map_err(|e| failed(format!("the text is no base64: {e}")))?;
    let text = String::from_utf8(bytes).map_err(|_| failed("the decoded bytes are no UTF-8 text"))?;
    Ok(text.into())
}

/// Query encoding: letters, digits and `-_.~` stay, a space becomes `+`.
fn urlencode(text: &str) -> String {
    use std::fmt::Write;
    text.bytes().fold(String::new(), |mut out, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            b' ' => out.push('+'),
            // Writing to a string does not fail.
            _ => write!(out, "%{byte:02X}").unwrap_or(()),
        }
        out
    })
}

/// What an object takes beside its keys and values, in bytes.
const ROW_SIZE: usize = 256;

fn csvdecode(call: &Call<'_>) -> Outcome {
    let text = call.string(0)?;
    let mut records = Records { rest: &text, line: 1 };
    let (_, header) = records.next().transpose()?.ok_or_else(|| failed("the header line is missing"))?;
    let mut named = BTreeSet::new();
    if let Some(twice) = header.iter().find(|name| !named.insert(name.as_str())) {
        return Err(failed(format!("column {twice:?} is named twice")));
    }
    // Each row repeats the names of all columns.
    let row_size = ROW_SIZE + header.iter().map(String::len).sum::<usize>();
    let mut size = 0;
    let mut rows = Vec::new();
    for record in records {
        let (line, fields) = record?;
        size = bounded(size + row_size)?;
        if fields.len() != header.len() {
            return Err(failed(format!(
                "line {line}: {} fields, the header has {}",
                fields.len(),
                header.len()
            )));
        }
        let row = header.iter().cloned().zip(fields.into_iter().map(Value::text)).collect();
        rows.push(Value::Object(row));
    }
    Ok(rows.into())
}

/// The records of a CSV text with the lines they begin on. Empty lines are skipped; a quoted
/// field may hold commas, line breaks and doubled quotes.
struct Records<'a> {
    rest: &'a str,
    line: usize,
}

impl Iterator for Records<'_> {
    type Item = Result<(usize, Vec<String>), super::FnError>;

    fn next(&mut self) -> Option<Self::Item> {
        while let Some(rest) = self.rest.strip_prefix("\r\n").or_else(|| self.rest.strip_prefix('\n')) {
            self.rest = rest;
            self.line += 1;
        }
        if self.rest.is_empty() {
            return None;
        }
        let line = self.line;
        let record = self.record();
        if record.is_err() {
            self.rest = "";
        }
        Some(record.map(|fields| (line, fields)))
    }
}

impl Records<'_> {
    fn record(&mut self) -> Result<Vec<String>, super::FnError> {
        let mut fields = Vec::new();
        loop {
            fields.push(if self.rest.starts_with('"') { self.quoted()? } else { self.plain()? });
            if let Some(rest) = self.rest.strip_prefix(',') {
                self.rest = rest;
            } else {
                return Ok(fields);
            }
        }
    }

    fn plain(&mut self) -> Result<String, super::FnError> {
        let end = self.rest.find([',', '\n']).unwrap_or(self.rest.len());
        let (field, rest) = self.rest.split_at(end);
        if field.contains('"') {
            return Err(failed(format!("line {}: a quote inside a field that is not quoted", self.line)));
        }
        self.rest = rest;
        Ok(if rest.starts_with(',') { field } else { field.strip_suffix('\r').unwrap_or(field) }.to_owned())
    }

    fn quoted(&mut self) -> Result<String, super::FnError> {
        let begun = self.line;
        let mut field = String::new();
        self.rest = &self.rest[1..];
        loop {
            let end =
                self.rest.find('"').ok_or_else(|| failed(format!("line {begun}: a quote is not closed")))?;
            field.push_str(&self.rest[..end]);
            self.rest = &self.rest[end + 1..];
            let Some(rest) = self.rest.strip_prefix('"') else { break };
            field.push('"');
            self.rest = rest;
        }
        self.line += field.matches('\n').count();
        let after = self.rest.strip_prefix('\r').unwrap_or(self.rest);
        if !(self.rest.starts_with(',') || after.is_empty() || after.starts_with('\n')) {
            return Err(failed(format!("line {}: text behind a closing quote", self.line)));
        }
        if !self.rest.starts_with(',') {
            self.rest = after;
        }
        Ok(field)
    }
}
