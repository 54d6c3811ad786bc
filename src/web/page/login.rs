//! The login.

use askama::Template;

use super::{Frame, written};

/// The page of the login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginPage {
    /// What stands around it.
    pub frame: Frame,
    /// Where to go afterwards: a path of this server, or empty.
    pub next: String,
    /// The name that was entered before.
    pub username: String,
    /// Why the last try was refused.
    pub error: Option<String>,
}

#[derive(Template)]
#[template(path = "login.html")]
struct View<'a> {
    page: &'a LoginPage,
    frame: &'a Frame,
}

/// The page of the login as HTML.
#[must_use]
pub fn render_login(page: &LoginPage) -> String {
    written(&View { page, frame: &page.frame })
}
