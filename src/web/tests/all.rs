//! The tests of the web crate, one binary.

#[cfg(test)]
mod changes;
#[cfg(test)]
mod contrast;
#[cfg(test)]
mod described;
#[cfg(test)]
mod guests;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod pages;
#[cfg(test)]
mod pictures;
#[cfg(test)]
mod reading;
#[cfg(test)]
mod runs;
#[cfg(test)]
mod sample;
#[cfg(test)]
mod sessions;
#[cfg(test)]
mod shown;
#[cfg(test)]
mod streams;
#[cfg(test)]
mod workers;
#[cfg(test)]
mod world;
