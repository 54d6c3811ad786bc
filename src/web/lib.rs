//! The web: pages, the HTTP interface and live streams.
//!
//! | where | what |
//! |---|---|
//! | [`serve`], [`WebDeps`] | the server and what it is given: ports of the model, settings, nothing else |
//! | `api` | every operation, one file per aggregate; its documentation is generated from the same code |
//! | `auth` | who asks: passwords, sessions, failed logins, forged requests |
//! | `live` | server-sent events, driven by signals and read from the store |
//! | `show` | from the store to the context of a page |
//! | [`page`], [`graph`], [`ansi`], [`assets`] | from a context to what a browser shows |
//!
//! **Invariant:** a change is asked of the engine through `Control`; the store is only read, except for what belongs
//! to the web alone (webhook tokens).

pub mod ansi;
pub mod assets;
pub mod graph;
pub mod page;

mod api;
mod auth;
mod deps;
mod face;
mod held;
mod live;
mod metrics;
mod openapi;
mod refused;
mod serve;
mod show;
mod site;
mod standing;

pub use auth::{hash_password, is_password};
pub use deps::{
    Export, ExportError, Exported, ExtraMetrics, Transport, TransportHealth, WebDeps, WebSettings,
    WorkerTokens,
};
pub use openapi::document;
pub use serve::{WebServer, serve};
pub use show::graph_of_file;
