//! Levels of indentation.

use super::{Bracket, Line};

/// Gives each line its level. However many brackets a line opens, what follows is one level deeper.
pub(super) fn indent(lines: &mut [Line]) {
    // One entry for each open bracket: whether it made a level.
    let mut open: Vec<bool> = Vec::new();
    for line in lines {
        let outside = open.len();
        let leading =
            line.brackets.iter().filter(|bracket| **bracket == Bracket::Close { leading: true }).count();
        let kept = outside.saturating_sub(leading);
        line.level = open[..kept].iter().filter(|level| **level).count();

        for bracket in &line.brackets {
            match bracket {
                Bracket::Open => open.push(false),
                Bracket::Close { .. } => {
                    open.pop();
                }
            }
        }
        // Of the brackets that this line leaves open, the last makes the level, so that `}, {` is level with what it divides.
        let opened_here = open.len() > kept.min(lowest(outside, &line.brackets));
        if let (true, Some(last)) = (opened_here, open.last_mut()) {
            *last = true;
        }
    }
}

/// How few of the brackets outside stay open throughout a line.
fn lowest(outside: usize, brackets: &[Bracket]) -> usize {
    let mut depth = outside;
    let mut lowest = outside;
    for bracket in brackets {
        match bracket {
            Bracket::Open => depth += 1,
            Bracket::Close { .. } => {
                depth = depth.saturating_sub(1);
                lowest = lowest.min(depth);
            }
        }
    }
    lowest
}
