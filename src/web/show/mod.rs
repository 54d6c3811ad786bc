//! From the store to what a browser shows: gathers what a page's context holds and renders it.

mod build;
mod files;
mod frame;
mod graph;
mod job;
mod lanes;
mod logs;
mod pipeline;
mod pipelines;
mod promise;
mod refusal;
mod resource;
mod words;
mod workers;

pub(crate) use build::build;
pub(crate) use files::routes;
pub(crate) use frame::{PageQuery, frame, html};
pub use graph::graph_of_file;
pub(crate) use graph::{graph_of, lay_out};
pub(crate) use job::job;
pub(crate) use pipeline::pipeline;
pub(crate) use pipelines::pipelines;
pub(crate) use refusal::refusal;
pub(crate) use resource::resource;
pub(crate) use workers::workers;
