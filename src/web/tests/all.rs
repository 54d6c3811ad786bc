//! The tests of the web crate, one binary.

mod pages;
mod pictures;
mod sample;
