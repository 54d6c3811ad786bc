//! The engine through its outermost face, with ports that behave.

mod builds;
mod installation;
mod services;
mod supervise;
mod town;
mod wire;
mod world;
