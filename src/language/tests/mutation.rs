//! Whatever is written, the compiler answers: texts torn and mixed at random, from a fixed seed.

use std::path::PathBuf;

use pikoci_language::LanguageCompiler;
use pikoci_model::port::{CompileRequest, Compiler};

/// Pieces that are likely to hit something.
const PIECES: [&[u8]; 34] = [
    b"\"",
    b"${",
    b"}",
    b"{",
    b"%{",
    b"$${",
    b"<<-EOT\n",
    b"<<E\n",
    b"EOT\n",
    b"\n",
    b"\\",
    b"[",
    b"]",
    b"(",
    b")",
    b"...",
    b"[*]",
    b".*",
    b"var.",
    b"each.key",
    b"for x in ",
    b" : ",
    b"? 1 : 2",
    b"=",
    b"=> ",
    b"1 % 0",
    b"1e308",
    b"-",
    b"!",
    b"/*",
    b"#",
    b"\xff",
    "é\u{1F600}".as_bytes(),
    b"${A:-'",
];

/// xorshift: the same numbers on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).unwrap() % limit.max(1)
    }
}

fn mutate(text: &mut Vec<u8>, random: &mut Random) {
    let at = random.below(text.len() + 1);
    let end = (at + 1 + random.below(40)).min(text.len());
    match random.below(5) {
        0 => {
            text.drain(at..end);
        }
        1 => {
            let copy = text[at..end].to_vec();
            let to = random.below(text.len() + 1);
            text.splice(to..to, copy);
        }
        2 => text.truncate(at),
        3 if at < text.len() => text[at] = u8::try_from(random.below(128)).unwrap(),
        _ => {
            text.splice(at..at, PIECES[random.below(PIECES.len())].iter().copied());
        }
    }
}

fn texts() -> Vec<Vec<u8>> {
    let tests = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests");
    let mut files: Vec<PathBuf> = ["good", "bad"]
        .iter()
        .flat_map(|folder| std::fs::read_dir(tests.join(folder)).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "hcl"))
        .collect();
    files.sort();
    files.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

#[tokio::test]
async fn torn_texts_get_an_answer() {
    let compiler = LanguageCompiler::default();
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    for original in texts() {
        for _ in 0..20 {
            let mut text = original.clone();
            for _ in 0..=random.below(4) {
                mutate(&mut text, &mut random);
            }
            let compilation = compiler.compile(request(text.clone())).await;
            assert!(compilation.diagnostics.iter().all(|diagnostic| !compiler.render(diagnostic).is_empty()));
            if let Ok(formatted) = compiler.format("pipeline.hcl", &text) {
                let again = compiler.format("pipeline.hcl", formatted.as_bytes());
                assert_eq!(again.as_ref(), Ok(&formatted), "from:\n{}", String::from_utf8_lossy(&text));
                let after = compiler.compile(request(formatted.clone().into_bytes())).await;
                assert_eq!(
                    after.pipeline,
                    compilation.pipeline,
                    "from:\n{}\nto:\n{formatted}",
                    String::from_utf8_lossy(&text)
                );
            }
        }
    }
}

#[tokio::test]
async fn what_is_never_closed_is_read_only_a_few_times() {
    let compiler = LanguageCompiler::default();
    for line in [
        "\"${\n",
        "${\n",
        "<<E\n",
        "\"${<<E\n",
        "\"${A:-\n",
        "\"${A:-${\"${",
        "[",
        "%{\n",
        "/*\n",
        "\"%{ if \"\n",
    ] {
        for head in ["a = ", "a = <<EOT\n"] {
            let text = format!("{head}{}\nEOT\n", line.repeat(4_000));
            let compilation = compiler.compile(request(text.into_bytes())).await;
            assert!(compilation.pipeline.is_none());
        }
    }
}

#[tokio::test]
async fn deep_texts_get_an_answer() {
    let compiler = LanguageCompiler::default();
    let nests = [
        ("[", "]"),
        ("(", ")"),
        ("{ a = ", "}"),
        ("\"${", "}\""),
        ("!", ""),
        ("-", ""),
        ("f(", ")"),
        ("1 + ", ""),
    ];
    for (open, close) in nests {
        for depth in [30, 63, 70, 200, 5000] {
            let value = format!("{}1{}", open.repeat(depth), close.repeat(depth));
            let text = format!("job \"a\" {{\n  description = {value}\n}}\n");
            let compilation = compiler.compile(request(text.into_bytes())).await;
            assert!(depth < 100 || compilation.pipeline.is_none());
        }
    }
}

fn request(source: Vec<u8>) -> CompileRequest {
    CompileRequest {
        file: "pipeline.hcl".to_owned(),
        source,
        vars: std::collections::BTreeMap::new(),
        now: chrono::DateTime::UNIX_EPOCH,
        fragment: false,
        lenient_vars: true,
        fetch: false,
        strict: true,
    }
}
