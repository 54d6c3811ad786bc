//! One measured figure, with its goal.

use serde::Serialize;

/// What was measured.
#[derive(Serialize)]
pub struct Figure {
    name: String,
    value: f64,
    unit: &'static str,
    goal: Option<Goal>,
    /// Parts or circumstances that explain it.
    notes: Vec<String>,
}

#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
enum Goal {
    AtMost(f64),
    AtLeast(f64),
}

impl Figure {
    /// A figure that only stands beside others.
    pub fn new(name: impl Into<String>, value: f64, unit: &'static str) -> Self {
        Self { name: name.into(), value, unit, goal: None, notes: Vec::new() }
    }

    pub fn at_most(mut self, goal: f64) -> Self {
        self.goal = Some(Goal::AtMost(goal));
        self
    }

    pub fn at_least(mut self, goal: f64) -> Self {
        self.goal = Some(Goal::AtLeast(goal));
        self
    }

    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// One line for people, and one for each note.
    #[expect(clippy::print_stdout, reason = "the figures are what this program is for")]
    pub fn print(&self) {
        let goal = match self.goal {
            None => String::new(),
            Some(Goal::AtMost(goal)) => format!("goal ≤ {goal} {:<9} {}", self.unit, self.verdict()),
            Some(Goal::AtLeast(goal)) => format!("goal ≥ {goal} {:<9} {}", self.unit, self.verdict()),
        };
        let text = format!("{:<52} {:>9} {:<9} {goal}", self.name, shown(self.value), self.unit);
        println!("{}", text.trim_end());
        for note in &self.notes {
            println!("    {note}");
        }
    }

    fn verdict(&self) -> String {
        let share = match self.goal {
            None => return String::new(),
            Some(Goal::AtMost(goal)) => goal / self.value,
            Some(Goal::AtLeast(goal)) => self.value / goal,
        };
        let word = match share {
            share if share >= 1.0 => "reached",
            share if share >= 0.5 => "missed",
            _ => "below half",
        };
        format!("{word} ({:.0} %)", share * 100.0)
    }
}

fn shown(value: f64) -> String {
    if value >= 100.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_says_how_much_of_the_goal_is_reached() {
        assert_eq!(Figure::new("a", 2.0, "ms").at_most(4.0).verdict(), "reached (200 %)");
        assert_eq!(Figure::new("a", 5.0, "ms").at_most(4.0).verdict(), "missed (80 %)");
        assert_eq!(Figure::new("a", 100.0, "MB/s").at_least(350.0).verdict(), "below half (29 %)");
    }
}
