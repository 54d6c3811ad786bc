use super::*;

/// The rule itself, byte by byte: covered runs become `***`.
fn by_the_rule(forms: &[&str], text: &[u8]) -> Vec<u8> {
    let mut covered = vec![false; text.len()];
    for form in forms {
        for start in 0..text.len() {
            if text[start..].starts_with(form.as_bytes()) {
                covered[start..start + form.len()].fill(true);
            }
        }
    }
    let mut out = Vec::new();
    for (place, byte) in text.iter().enumerate() {
        match (covered[place], place > 0 && covered[place - 1]) {
            (false, _) => out.push(*byte),
            (true, false) => out.extend_from_slice(MASK),
            (true, true) => {}
        }
    }
    out
}

fn in_blocks(masker: &Masker, blocks: &[&[u8]]) -> Vec<u8> {
    let (mut scanner, mut buffer, mut out) = (Scanner::default(), BytesMut::new(), Vec::new());
    for block in blocks {
        buffer.extend_from_slice(block);
        out.extend_from_slice(&masker.scan(&mut scanner, &mut buffer, false));
    }
    out.extend_from_slice(&masker.scan(&mut scanner, &mut buffer, true));
    assert!(buffer.is_empty());
    out
}

#[test]
fn overlapping_matches_are_masked_as_one_at_every_border() {
    let secrets = ["abcab", "cabcd", "bcabcdx", "aaa", "xyz"];
    let masker = Masker::new(secrets);
    let text = b"--abcabcdx--aaaaaaa-xyzxyz-abca-cab-aa-\nabcabcabcabcd bcabcdxyz";
    let expected = by_the_rule(&secrets, text);
    for first in 0..=text.len() {
        for second in first..=text.len() {
            let blocks = [&text[..first], &text[first..second], &text[second..]];
            assert_eq!(in_blocks(&masker, &blocks), expected, "{first} {second}");
        }
    }
    let single: Vec<&[u8]> = text.chunks(1).collect();
    assert_eq!(in_blocks(&masker, &single), expected);
}

/// A small generator of numbers: the same texts at every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }

    fn text(&mut self, letters: &str, length: usize) -> String {
        (0..length).map(|_| char::from(letters.as_bytes()[self.below(letters.len())])).collect()
    }
}

#[test]
fn any_text_in_any_blocks_is_masked_by_the_rule() {
    let mut numbers = Numbers(1);
    for _ in 0..300 {
        let lengths = [3 + numbers.below(5), 3 + numbers.below(5), 3, 4];
        let secrets = lengths.map(|length| numbers.text("ab", length));
        let masker = Masker::new(secrets.iter().map(String::as_str));
        let text = numbers.text("abb-", 120).into_bytes();
        let forms: Vec<&str> = secrets.iter().map(String::as_str).collect();
        let mut blocks = Vec::new();
        let mut rest = &text[..];
        while !rest.is_empty() {
            let (block, after) = rest.split_at(1 + numbers.below(rest.len().min(9)));
            blocks.push(block);
            rest = after;
        }
        assert_eq!(in_blocks(&masker, &blocks), by_the_rule(&forms, &text), "{secrets:?}");
    }
}

#[test]
fn longer_secrets_are_masked_by_the_rule_though_most_is_only_skimmed() {
    let mut numbers = Numbers(5);
    for round in 0..400 {
        let lengths = [7 + numbers.below(20), 7 + numbers.below(20), 30, 12];
        let secrets = lengths.map(|length| numbers.text("abc", length));
        let masker = Masker::new(secrets.iter().map(String::as_str));
        let forms: Vec<&str> = secrets.iter().map(String::as_str).collect();
        let mut text = Vec::new();
        while text.len() < 600 {
            // Secrets, pieces of them, and what is like them, close together.
            let secret = &secrets[numbers.below(4)];
            let cut = if numbers.below(2) == 0 { secret.len() } else { numbers.below(secret.len()) };
            text.extend_from_slice(&secret.as_bytes()[..cut]);
            let length = numbers.below(40);
            text.extend_from_slice(numbers.text("abc--", length).as_bytes());
        }
        let mut blocks = Vec::new();
        let mut rest = &text[..];
        while !rest.is_empty() {
            let (block, after) = rest.split_at(1 + numbers.below(rest.len().min(1 + round)));
            blocks.push(block);
            rest = after;
        }
        assert_eq!(in_blocks(&masker, &blocks), by_the_rule(&forms, &text), "{secrets:?}");
    }
}

#[test]
fn only_a_live_beginning_is_held_back() {
    let masker = Masker::new(["secret"]);
    let (mut scanner, mut buffer) = (Scanner::default(), BytesMut::from(&b"login: "[..]));
    assert_eq!(&masker.scan(&mut scanner, &mut buffer, false)[..], b"login: ");
    buffer.extend_from_slice(b"my sec");
    assert_eq!(&masker.scan(&mut scanner, &mut buffer, false)[..], b"my ");
    buffer.extend_from_slice(b"ond");
    assert_eq!(&masker.scan(&mut scanner, &mut buffer, false)[..], b"second");
    buffer.extend_from_slice(b" secret");
    assert_eq!(&masker.scan(&mut scanner, &mut buffer, false)[..], b" ***");
}

#[test]
fn an_endless_match_is_not_held_back() {
    let masker = Masker::new(["aaa"]);
    let (mut scanner, mut buffer, mut out) = (Scanner::default(), BytesMut::new(), Vec::new());
    for _ in 0..1000 {
        buffer.extend_from_slice(&[b'a'; 100]);
        out.extend_from_slice(&masker.scan(&mut scanner, &mut buffer, false));
        assert!(buffer.len() < 3);
    }
    out.extend_from_slice(&masker.scan(&mut scanner, &mut buffer, true));
    assert_eq!(out, MASK);
}

#[test]
fn values_added_later_are_masked_from_then_on() {
    let masking = Masking::default();
    assert_eq!(masking.add(["ab"]), 1);
    let (mut scanner, mut buffer) = (Scanner::default(), BytesMut::from(&b"see one two"[..]));
    masking.add(["one two three"]);
    assert_eq!(&masking.current().scan(&mut scanner, &mut buffer, false)[..], b"see ");
    masking.add(["two"]);
    scanner.restart();
    assert_eq!(&masking.current().scan(&mut scanner, &mut buffer, true)[..], b"one ***");
}

#[test]
fn texts_that_nobody_printed_are_masked_in_every_form() {
    let masking = Masking::default();
    assert_eq!(masking.masked("pässword"), "pässword");
    masking.add(["pässword"]);
    assert_eq!(
        masking.masked("port is `pässword`, p%C3%A4ssword, cMOkc3N3b3Jk, p"),
        "port is `***`, ***, ***, p"
    );
}

#[test]
fn many_secrets_use_the_compact_automaton_alike() {
    let mut numbers = Numbers(7);
    let secrets: Vec<String> = (0..2000).map(|_| numbers.text("abcdefgh", 60)).collect();
    let masker = Masker::new(secrets.iter().map(String::as_str));
    assert!(matches!(masker.0, Some(Machine::Compact(_))));
    let text = format!("x{}y", secrets[1234]);
    assert_eq!(in_blocks(&masker, &[text.as_bytes()]), b"x***y");
}
