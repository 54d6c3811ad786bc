//! The commands that people type: exit codes, and what stands where.

mod file;
mod local;
mod remote;
mod secrets;
mod shell;
