//! The engine through its outermost face, with ports that behave.

mod supervise;
