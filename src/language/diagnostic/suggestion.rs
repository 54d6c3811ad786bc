//! "Did you mean": the nearest of the names that would have been right.

/// How far a misspelling may be from what was meant.
const MAX_DISTANCE: usize = 2;

/// The name nearest to `given` within two edits; among equals the first.
///
/// Short names need to be nearer, so that `a` does not suggest `on`.
pub fn nearest<'a>(given: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = MAX_DISTANCE.min(given.chars().count().saturating_sub(1));
    names
        .into_iter()
        .filter(|name| *name != given)
        .filter_map(|name| distance_within(given, name, limit).map(|distance| (distance, name)))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// The Levenshtein distance, when it is not above `limit`.
fn distance_within(left: &str, right: &str, limit: usize) -> Option<usize> {
    let right: Vec<char> = right.chars().collect();
    if left.chars().count().abs_diff(right.len()) > limit {
        return None;
    }
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, l) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, r) in right.iter().enumerate() {
            let substitution = diagonal + usize::from(l != *r);
            diagonal = row[j + 1];
            row[j + 1] = substitution.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row.last().copied().filter(|distance| *distance <= limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_wins() {
        assert_eq!(nearest("resorce", ["job", "resource"]), Some("resource"));
        assert_eq!(nearest("triger", ["trigger", "tiger"]), Some("trigger"));
        assert_eq!(nearest("passd", ["passed", "params"]), Some("passed"));
    }

    #[test]
    fn what_is_too_far_is_not_suggested() {
        assert_eq!(nearest("resource", ["job"]), None);
        assert_eq!(nearest("x", ["on", "y"]), None);
        assert_eq!(nearest("", ["y"]), None);
    }
}
