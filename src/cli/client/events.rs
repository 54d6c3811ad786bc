//! Server-sent events, read from bytes that come in any pieces.

/// One event.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Event {
    /// Its name; `message` if it has none.
    pub(super) name: String,
    /// Its data.
    pub(super) data: String,
    /// Its id, if it has one.
    pub(super) id: Option<String>,
}

/// Puts events together.
#[derive(Default)]
pub(super) struct Parser {
    line: Vec<u8>,
    name: String,
    data: String,
    id: Option<String>,
}

impl Parser {
    /// Takes the next bytes and gives the events that are complete.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Vec<Event> {
        let mut events = Vec::new();
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            self.line.extend_from_slice(&rest[..end]);
            rest = &rest[end + 1..];
            let line = std::mem::take(&mut self.line);
            events.extend(self.end_line(&String::from_utf8_lossy(&line)));
        }
        self.line.extend_from_slice(rest);
        events
    }

    fn end_line(&mut self, line: &str) -> Option<Event> {
        let line = line.strip_suffix('\r').unwrap_or(line);
        if line.is_empty() {
            return self.end_event();
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.name),
            "id" => self.id = Some(value.to_owned()),
            "data" => {
                self.data.push_str(value);
                self.data.push('\n');
            }
            // Comments, `retry`, and what later servers may say.
            _ => {}
        }
        None
    }

    fn end_event(&mut self) -> Option<Event> {
        let (name, mut data, id) =
            (std::mem::take(&mut self.name), std::mem::take(&mut self.data), self.id.take());
        data.pop()?;
        Some(Event { name: if name.is_empty() { "message".to_owned() } else { name }, data, id })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_in_any_pieces() {
        let text =
            "retry: 1000\n\nevent: log\nid: 17\ndata: {\"a\":\"ä\"}\n\n: hello\ndata: x\ndata: y\r\n\r\n";
        let whole = Parser::default().take(text.as_bytes());
        assert_eq!(whole.len(), 2);
        assert_eq!(
            whole[0],
            Event { name: "log".into(), data: "{\"a\":\"ä\"}".into(), id: Some("17".into()) }
        );
        assert_eq!(whole[1], Event { name: "message".into(), data: "x\ny".into(), id: None });
        for length in 1..text.len() {
            let mut parser = Parser::default();
            let pieces: Vec<Event> =
                text.as_bytes().chunks(length).flat_map(|piece| parser.take(piece)).collect();
            assert_eq!(pieces, whole, "in pieces of {length}");
        }
    }
}
