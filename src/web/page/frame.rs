//! What stands around every page: where one is, who one is, which colours.

/// Colours chosen by hand, or those of the system.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Theme {
    /// As the system says.
    #[default]
    System,
    /// Always light.
    Light,
    /// Always dark.
    Dark,
}

impl Theme {
    /// From the value of the cookie `theme`; anything unknown follows the system.
    #[must_use]
    pub fn from_cookie(value: Option<&str>) -> Self {
        match value {
            Some("light") => Self::Light,
            Some("dark") => Self::Dark,
            _ => Self::System,
        }
    }

    pub(crate) fn attribute(self) -> Option<&'static str> {
        match self {
            Self::System => None,
            Self::Light => Some("light"),
            Self::Dark => Some("dark"),
        }
    }
}

/// One part of the way to a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crumb {
    /// What is shown.
    pub label: String,
    /// Where it leads; none for the page itself.
    pub href: Option<String>,
}

impl Crumb {
    /// A part that leads somewhere.
    #[must_use]
    pub fn link(label: impl Into<String>, href: impl Into<String>) -> Self {
        Self { label: label.into(), href: Some(href.into()) }
    }

    /// The page itself.
    #[must_use]
    pub fn here(label: impl Into<String>) -> Self {
        Self { label: label.into(), href: None }
    }
}

/// The frame of a page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Frame {
    /// Canonical name of the team, empty where there is none (login, errors).
    pub team: String,
    /// Name of the user who is logged in.
    pub user: Option<String>,
    /// Token that every form carries.
    pub csrf: String,
    /// Colours.
    pub theme: Theme,
    /// When the page was made, ms since the epoch: all relative times count from it.
    pub now: i64,
    /// Address of the event stream that makes the page live; empty for none.
    pub events: String,
    /// Workers online; none when the reader may not know.
    pub workers: Option<u32>,
    /// What is wrong with the way to the workers.
    pub trouble: Option<String>,
    /// The reader may see the page of the workers.
    pub may_see_workers: bool,
    /// The way to this page, from the team down.
    pub crumbs: Vec<Crumb>,
}

impl Frame {
    pub(crate) fn style(&self) -> String {
        crate::assets::style_url()
    }

    pub(crate) fn script(&self) -> String {
        crate::assets::script_url()
    }

    pub(crate) fn workers_said(&self) -> Option<String> {
        self.workers.map(|n| match n {
            0 => "no worker".to_owned(),
            1 => "1 worker".to_owned(),
            n => format!("{n} workers"),
        })
    }
}
