//! Thin, safe faces of the system calls that the launcher is made of.
//!
//! Everything here is small enough to be checked by eye; the processes above it contain no `unsafe` of their own.

pub mod boottime;
pub mod cgroup;
pub mod deadline;
pub mod descriptors;
pub mod fork;
pub mod harden;
pub mod image;
pub mod namespaces;
pub mod packet;
pub mod signals;
pub mod status;
pub mod wait;
