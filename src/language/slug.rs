//! Names: slugs, and what becomes one.

/// The longest name, in bytes.
pub const MAX_NAME_BYTES: usize = 255;

/// Whether a name consists of lower-case letters, digits, `-` and `_`.
#[must_use]
pub fn is_slug(name: &str) -> bool {
    is_slug_with(name, "")
}

/// Whether a step's name is right: a slug, in which `.` may stand too.
#[must_use]
pub fn is_step_name(name: &str) -> bool {
    is_slug_with(name, ".")
}

fn is_slug_with(name: &str, more: &str) -> bool {
    !name.is_empty()
        && name.len() <= MAX_NAME_BYTES
        && name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c) || more.contains(c))
}

/// Whether a name may be a variable's or a parameter's: letters, digits and `_`, not beginning with a digit.
#[must_use]
pub fn is_identifier(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.len() <= MAX_NAME_BYTES
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// The slug nearest to a name: lower case, every run of other characters one `-`, none at the ends.
#[must_use]
pub fn slugify(name: &str) -> String {
    let mut slug = String::with_capacity(name.len());
    for c in name.chars().flat_map(char::to_lowercase) {
        match c {
            'a'..='z' | '0'..='9' | '_' => slug.push(c),
            _ if slug.ends_with('-') => {}
            _ => slug.push('-'),
        }
    }
    slug.trim_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs() {
        assert!(is_slug("my-app_2") && is_slug("a--b"));
        assert!(
            !is_slug("")
                && !is_slug("My")
                && !is_slug("a b")
                && !is_slug("a.b")
                && !is_slug(&"a".repeat(256))
        );
        assert!(is_step_name("unit.fast") && !is_step_name("a/b"));
        assert!(is_identifier("dbPassword_1") && !is_identifier("1a") && !is_identifier("a-b"));
    }

    #[test]
    fn slugified_names() {
        assert_eq!(slugify("My App: Über!"), "my-app-ber");
        assert_eq!(slugify("--a--b--"), "a-b");
        assert_eq!(slugify("!!"), "");
    }
}
