//! Which argument of a shell is its script.

use pikoci_model::text::Text;

/// The shells whose `-c` is known.
const SHELLS: [&str; 6] = ["sh", "bash", "dash", "ash", "ksh", "zsh"];

/// The index of the argument after a shell's `-c`: the one place of an argument list where a secret may stand, because the
/// shell gets its script as a file then.
pub(super) fn position(path: &Text, args: &[&Text]) -> Option<usize> {
    let path = path.as_literal()?;
    let name = path.rsplit('/').next().unwrap_or(path);
    if !SHELLS.contains(&name) {
        return None;
    }
    let mut index = 0;
    while let Some(option) = args.get(index).and_then(|arg| arg.as_literal()) {
        let letters = option.strip_prefix(['-', '+']).filter(|letters| !letters.starts_with('-'))?;
        index += 1;
        if letters.contains('c') {
            return (index < args.len()).then_some(index);
        }
        // `-o pipefail`: the option's own argument.
        index += usize::from(letters.ends_with('o'));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(path: &str, args: &[&str]) -> Option<usize> {
        let args: Vec<Text> = args.iter().map(|arg| Text::literal(*arg)).collect();
        position(&Text::literal(path), &args.iter().collect::<Vec<_>>())
    }

    #[test]
    fn the_script_follows_the_options() {
        assert_eq!(of("/bin/sh", &["-ec", "x"]), Some(1));
        assert_eq!(of("bash", &["-euo", "pipefail", "-c", "x", "name", "arg"]), Some(3));
        assert_eq!(of("sh", &["-e", "-c", "x"]), Some(2));
        assert_eq!(of("/bin/sh", &["script.sh", "-c", "x"]), None);
        assert_eq!(of("/bin/sh", &["-c"]), None);
        assert_eq!(of("curl", &["-c", "x"]), None);
        assert_eq!(of("/bin/bash", &["--login", "-c", "x"]), None);
    }
}
