//! The web: pages, the HTTP interface and live streams.

pub mod ansi;
pub mod assets;
pub mod graph;
pub mod page;
