//! Who asks, and what they may.
//!
//! A session is a signed token: as a bearer for programs, in a cookie that scripts cannot read for browsers. A request
//! that changes something and comes with the cookie must also carry the session's CSRF token, in a header or a form.

mod act;
mod asker;
pub(crate) mod login;
mod logins;
mod password;
mod role;
mod session;

pub(crate) use act::{Act, MAX_BODY};
pub(crate) use asker::{Asker, MAIN_TEAM};
pub(crate) use logins::Logins;
pub use password::{hash_password, is_password};
pub(crate) use role::Role;
pub(crate) use session::{Session, SessionKeys, same};
