//! The tests of the web crate, one binary.

#[cfg(test)]
mod contrast;
#[cfg(test)]
mod pages;
#[cfg(test)]
mod pictures;
#[cfg(test)]
mod sample;
