//! Short names of two letters, which the command line does not know by itself: `-tc`, `-pn`, `-jn`.

/// Rewrites the exact words `-tc`, `-pn` and `-jn` to their long names; words after `--` stay.
pub fn whole_words(arguments: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut literal = false;
    let rewrite = |word: String| {
        literal |= word == "--";
        let long = match word.as_str() {
            _ if literal => return word,
            "-tc" => "--team-canonical",
            "-pn" => "--pipeline-name",
            "-jn" => "--job-name",
            _ => return word,
        };
        long.to_owned()
    };
    arguments.into_iter().map(rewrite).collect()
}

#[cfg(test)]
mod tests {
    use super::whole_words;

    #[test]
    fn only_whole_words_are_rewritten() {
        let words = |line: &str| whole_words(line.split(' ').map(str::to_owned)).join(" ");
        assert_eq!(
            words("jobs get -tc main -pn p -jn j"),
            "jobs get --team-canonical main --pipeline-name p --job-name j"
        );
        assert_eq!(words("x -tcmain -- -pn"), "x -tcmain -- -pn");
    }
}
