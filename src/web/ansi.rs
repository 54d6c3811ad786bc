//! Colours of a terminal (SGR sequences) as classes of spans; every other escape sequence is left out.
//!
//! 256 colours and RGB become the nearest of the sixteen that the themes define: a page has no inline style.
//! The script reads colours the same way (`assets/script/ansi.js`).

/// How text looks from here on; carried from line to line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Style {
    foreground: Option<u8>,
    background: Option<u8>,
    bold: bool,
    dim: bool,
    italic: bool,
    underline: bool,
    inverse: bool,
}

/// Text of one look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// Classes, separated by spaces; empty for plain text.
    pub class: String,
    /// The text, not escaped.
    pub text: String,
}

impl Span {
    pub(crate) fn html(&self, out: &mut String) {
        if self.class.is_empty() {
            crate::page::escape_into(&self.text, out);
            return;
        }
        out.push_str("<span class=\"");
        out.push_str(&self.class);
        out.push_str("\">");
        crate::page::escape_into(&self.text, out);
        out.push_str("</span>");
    }
}

/// Splits one line into spans of one look each, going on from `style` and leaving the look of its end there.
#[must_use]
pub fn spans(line: &str, style: &mut Style) -> Vec<Span> {
    let mut out: Vec<Span> = Vec::new();
    let mut rest = line;
    while let Some(at) = rest.find('\x1b') {
        push(&rest[..at], *style, &mut out);
        let (sequence, after) = take_sequence(&rest[at + 1..]);
        if let Some(parameters) = sequence {
            style.apply(parameters);
        }
        rest = after;
    }
    push(rest, *style, &mut out);
    out
}

fn push(text: &str, style: Style, out: &mut Vec<Span>) {
    let text: String = text.chars().filter(|c| !c.is_control() || *c == '\t').collect();
    if text.is_empty() {
        return;
    }
    let class = style.class();
    match out.last_mut() {
        Some(last) if last.class == class => last.text.push_str(&text),
        _ => out.push(Span { class, text }),
    }
}

/// What follows an escape character: the parameters if it sets a look, and the text after the sequence.
fn take_sequence(text: &str) -> (Option<&str>, &str) {
    match text.as_bytes().first() {
        Some(b'[') => {
            let body = &text[1..];
            match body.find(|c: char| ('\x40'..='\x7e').contains(&c)) {
                Some(end) => {
                    let sets_look = body.as_bytes()[end] == b'm' && body[..end].bytes().all(is_parameter);
                    (sets_look.then_some(&body[..end]), &body[end + 1..])
                }
                None => (None, ""),
            }
        }
        Some(b']') => {
            let end = text.find('\x07').map(|at| at + 1).or_else(|| text.find("\x1b\\").map(|at| at + 2));
            (None, end.map_or("", |end| &text[end..]))
        }
        Some(byte) if byte.is_ascii() => (None, &text[1..]),
        _ => (None, text),
    }
}

fn is_parameter(byte: u8) -> bool {
    byte.is_ascii_digit() || byte == b';' || byte == b':'
}

impl Style {
    fn apply(&mut self, parameters: &str) {
        let mut numbers = parameters.split([';', ':']).map(|n| n.parse::<u32>().unwrap_or(0));
        while let Some(number) = numbers.next() {
            match number {
                0 => *self = Self::default(),
                1 => self.bold = true,
                2 => self.dim = true,
                3 => self.italic = true,
                4 => self.underline = true,
                7 => self.inverse = true,
                22 => (self.bold, self.dim) = (false, false),
                23 => self.italic = false,
                24 => self.underline = false,
                27 => self.inverse = false,
                30..=37 => self.foreground = Some(low(number - 30)),
                90..=97 => self.foreground = Some(low(number - 90 + 8)),
                40..=47 => self.background = Some(low(number - 40)),
                100..=107 => self.background = Some(low(number - 100 + 8)),
                38 => self.foreground = extended(&mut numbers).or(self.foreground),
                48 => self.background = extended(&mut numbers).or(self.background),
                39 => self.foreground = None,
                49 => self.background = None,
                _ => {}
            }
        }
    }

    fn class(self) -> String {
        let mut names = Vec::new();
        let (fg, bg) = if self.inverse {
            (self.background, self.foreground)
        } else {
            (self.foreground, self.background)
        };
        names.extend(fg.map(|n| format!("f{n}")));
        names.extend(bg.map(|n| format!("g{n}")));
        let flags = [
            (self.bold, "b"),
            (self.dim, "d"),
            (self.italic, "i"),
            (self.underline, "u"),
            (self.inverse && self.foreground.is_none(), "v"),
        ];
        names.extend(flags.iter().filter(|(on, _)| *on).map(|(_, name)| (*name).to_owned()));
        names.join(" ")
    }
}

fn low(number: u32) -> u8 {
    (number & 15) as u8
}

/// `5;n` or `2;r;g;b` after 38 or 48, as the nearest of sixteen.
fn extended(numbers: &mut impl Iterator<Item = u32>) -> Option<u8> {
    match numbers.next()? {
        5 => Some(of_256(numbers.next()?)),
        2 => Some(nearest(numbers.next()?, numbers.next()?, numbers.next()?)),
        _ => None,
    }
}

fn of_256(number: u32) -> u8 {
    match number {
        0..16 => low(number),
        16..232 => {
            let cube = number - 16;
            nearest(cube / 36 * 51, cube / 6 % 6 * 51, cube % 6 * 51)
        }
        _ => {
            let grey = (number.min(255) - 232) * 10 + 8;
            nearest(grey, grey, grey)
        }
    }
}

/// One bit per primary that is more than half of the strongest; bright when the strongest is strong.
fn nearest(red: u32, green: u32, blue: u32) -> u8 {
    let strongest = red.max(green).max(blue).min(255);
    if strongest < 48 {
        return 0;
    }
    let bit = |part: u32, value: u8| if part * 2 > strongest { value } else { 0 };
    let hue = bit(red, 1) | bit(green, 2) | bit(blue, 4);
    match (hue, strongest) {
        (7, 0..128) => 8,
        (_, 200..) => hue | 8,
        _ => hue,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(line: &str) -> String {
        let spans = spans(line, &mut Style::default());
        spans
            .iter()
            .map(|s| if s.class.is_empty() { s.text.clone() } else { format!("[{}:{}]", s.class, s.text) })
            .collect()
    }

    #[test]
    fn colours_become_classes() {
        assert_eq!(said("a \x1b[1;31mred\x1b[0m b"), "a [f1 b:red] b");
        assert_eq!(said("\x1b[38;5;196mx\x1b[39my\x1b[48;2;0;0;200mz"), "[f9:x]y[g12:z]");
        assert_eq!(said("\x1b[7mi\x1b[27m\x1b[31;7mj"), "[v:i][g1:j]");
    }

    #[test]
    fn other_sequences_vanish() {
        assert_eq!(said("\x1b[2K\x1b[1Gdone\x1b]0;title\x07!\x1b(B"), "done!B");
        assert_eq!(said("cut \x1b[31"), "cut ");
        assert_eq!(said("end\x1b"), "end");
        assert_eq!(said("\x1bß"), "ß");
    }

    #[test]
    fn the_look_goes_on_in_the_next_line() {
        let mut style = Style::default();
        let _ = spans("\x1b[32mgreen", &mut style);
        assert_eq!(spans("still", &mut style)[0].class, "f2");
    }
}
