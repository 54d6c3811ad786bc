//! A refusal: what was wrong, and what to do next.

use askama::Template;

use super::{Frame, written};

/// The page of a refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorPage {
    /// What stands around it.
    pub frame: Frame,
    /// HTTP status.
    pub status: u16,
    /// The code of the refusal: `A404`.
    pub code: String,
    /// What was wrong.
    pub message: String,
    /// What to do next; empty for the usual advice of the status.
    pub advice: String,
    /// Identifier of the request, to be found in the server's log; may be empty.
    pub request_id: String,
}

#[derive(Template)]
#[template(path = "error.html")]
struct View<'a> {
    page: &'a ErrorPage,
    frame: &'a Frame,
}

/// The page of a refusal as HTML.
#[must_use]
pub fn render_error(page: &ErrorPage) -> String {
    written(&View { page, frame: &page.frame })
}

impl View<'_> {
    fn title(&self) -> &'static str {
        match self.page.status {
            400 => "This request cannot be understood",
            401 => "Please log in",
            403 => "You may not do this",
            404 => "There is nothing here",
            409 => "Not in this state",
            413 => "Too large",
            422 => "This is not valid",
            429 => "Too many tries",
            503 => "The server cannot answer now",
            500.. => "The server made a mistake",
            _ => "Refused",
        }
    }

    fn advice(&self) -> &str {
        if !self.page.advice.is_empty() {
            return &self.page.advice;
        }
        match self.page.status {
            401 => "Log in, and you come back here.",
            403 => {
                "Ask an admin of the team for a higher role, or log in as somebody else. If the page was open for long, load it again and repeat."
            }
            404 => {
                "Look at the address, or go back to the pipelines. What you may not see is not shown either."
            }
            409 => "Go back: the page shows how it stands now.",
            429 => "Wait a minute, then try again.",
            503 => {
                "Its database or broker does not answer. It goes on by itself as soon as they do; try again shortly."
            }
            500.. => "Try again. If it stays, look for the request in the server's log.",
            _ => "Go back and try again.",
        }
    }
}
