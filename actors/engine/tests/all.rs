//! The engine through its outermost face, with ports that behave.

mod agent;
mod builds;
mod resources;
mod installation;
mod services;
mod supervise;
mod town;
mod wire;
mod world;
