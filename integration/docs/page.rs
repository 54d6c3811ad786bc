//! A page of the documentation and what stands in it.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The root of the repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// A Markdown file.
pub struct Page {
    /// Relative to the root.
    pub path: PathBuf,
    pub text: String,
}

/// A fenced block.
pub struct Block {
    /// `hcl`, `console`, …
    pub language: String,
    /// What stands after the language.
    pub words: Vec<String>,
    /// The block's first line, from 1.
    pub line: usize,
    pub text: String,
}

impl Page {
    pub fn read(path: &str) -> Self {
        let text = fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        Self { path: PathBuf::from(path), text }
    }

    /// The pages of the folder `docs`.
    pub fn guides() -> Vec<Self> {
        let mut names: Vec<String> = fs::read_dir(root().join("docs"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.ends_with(".md"))
            .collect();
        names.sort();
        assert!(!names.is_empty(), "docs/ is empty");
        names.iter().map(|name| Self::read(&format!("docs/{name}"))).collect()
    }

    /// The guides, and what stands beside them at the root.
    pub fn all() -> Vec<Self> {
        let beside = ["README.md", "ARCHITECTURE.md", "ROADMAP.md", "CHANGELOG.md"].map(Self::read);
        beside.into_iter().chain(Self::guides()).collect()
    }

    /// Its name without folder and extension.
    pub fn name(&self) -> String {
        self.path.file_stem().unwrap().to_string_lossy().into_owned()
    }

    /// Where a line is, for messages.
    pub fn at(&self, line: usize) -> String {
        format!("{}:{line}", self.path.display())
    }

    /// All fenced blocks, in order.
    pub fn blocks(&self) -> Vec<Block> {
        let mut blocks = Vec::new();
        let mut open: Option<Block> = None;
        for (index, line) in self.text.lines().enumerate() {
            match (line.strip_prefix("```"), open.take()) {
                (Some(""), Some(block)) => blocks.push(block),
                (Some(info), None) => {
                    let mut words = info.split_whitespace().map(str::to_owned);
                    let language = words.next().unwrap_or_default();
                    open = Some(Block {
                        language,
                        words: words.collect(),
                        line: index + 2,
                        text: String::new(),
                    });
                }
                (_, Some(mut block)) => {
                    block.text.push_str(line);
                    block.text.push('\n');
                    open = Some(block);
                }
                (None, None) => {}
            }
        }
        assert!(open.is_none(), "{}: a fence is not closed", self.path.display());
        blocks
    }

    /// Its prose: lines outside of fenced blocks, with their numbers from 1.
    pub fn prose(&self) -> Vec<(usize, &str)> {
        let mut inside = false;
        let numbered = self.text.lines().enumerate().map(|(index, line)| (index + 1, line));
        numbered
            .filter(|(_, line)| {
                let fence = line.starts_with("```");
                inside ^= fence;
                !inside && !fence
            })
            .collect()
    }

    /// The rows of all tables whose first cell is one word in backticks: that word, and the other cells.
    pub fn rows(&self) -> Vec<(String, Vec<String>)> {
        let row = |line: &str| {
            let cells: Vec<String> = line
                .strip_prefix("| ")?
                .trim_end_matches('|')
                .split(" | ")
                .map(|cell| cell.trim().to_owned())
                .collect();
            let (first, rest) = cells.split_first()?;
            let word = first.strip_prefix('`')?.strip_suffix('`')?;
            (!word.contains('`')).then(|| (word.to_owned(), rest.to_vec()))
        };
        self.prose().into_iter().filter_map(|(_, line)| row(line)).collect()
    }

    /// The part below a heading, up to the next heading that is not deeper.
    pub fn section(&self, heading: &str) -> String {
        let depth = |line: &str| line.chars().take_while(|c| *c == '#').count();
        let mut prose = self.prose().into_iter().map(|(_, line)| line);
        let start = prose
            .by_ref()
            .find(|line| depth(line) > 0 && line.trim_start_matches('#').trim() == heading)
            .unwrap_or_else(|| panic!("{} has no heading {heading:?}", self.path.display()));
        let inside = prose.take_while(|line| depth(line) == 0 || depth(line) > depth(start));
        inside.collect::<Vec<_>>().join("\n")
    }
}

/// Every word in backticks.
pub fn code_words(text: &str) -> Vec<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}
