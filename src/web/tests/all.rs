//! The tests of the web crate, one binary.

mod contrast;
mod pages;
mod pictures;
mod sample;
