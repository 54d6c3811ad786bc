//! Levels of indentation.

use super::{Bracket, Line};

/// Gives each line its level. However many brackets a line opens, what follows is one level deeper.
pub(super) fn indent(lines: &mut [Line]) {
    // One entry for each open bracket: whether it made a level.
    let mut open: Vec<bool> = Vec::new();
    for line in lines {
        let outside = open.len();
        let leading = line.brackets.iter().filter(|bracket| **bracket == Bracket::Close { leading: true }).count();
        let kept = outside.saturating_sub(leading);
        line.level = open[..kept].iter().filter(|level| **level).count();

        let mut lowest = outside;
        for bracket in &line.brackets {
            match bracket {
                Bracket::Open => open.push(false),
                Bracket::Close { .. } => {
                    open.pop();
                    lowest = lowest.min(open.len());
                }
            }
        }
        // Of the brackets that this line leaves open, the first makes the level.
        if let Some(first) = open.get_mut(lowest) {
            *first = true;
        }
    }
}
