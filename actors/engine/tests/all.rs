//! The engine through its outermost face, with ports that behave.

mod builds;
mod supervise;
mod world;
