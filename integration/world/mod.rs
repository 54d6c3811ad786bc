//! The world that tests run in: the real program, real repositories, a deadline for everything that is awaited.

pub mod api;
pub mod deadline;
pub mod ports;
pub mod processes;
pub mod program;
pub mod repository;
pub mod servers;
