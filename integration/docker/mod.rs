//! Containers of a real engine: what becomes of them when their step succeeds, fails, is cancelled or loses its worker,
//! and whose they are.

pub mod engine;
mod services;
mod slow;
mod tasks;
mod yard;
