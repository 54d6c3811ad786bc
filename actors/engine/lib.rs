//! Behaviour: what PikoCI decides and how its actors live, on actix.
//!
//! | where | what |
//! |---|---|
//! | [`decide`] | pure functions; each also says why it does not act |
//! | [`supervise`] | panic boundaries, restarts, budgets, and who is alive |
//! | [`server`] | versions, scheduling, dispatch, tracking, on the server |
//! | [`worker`] | agent, builds, steps, services and checks, on the worker |
//! | [`inbox`], [`post`] | between the bus and the actors |

pub mod decide;
pub mod inbox;
pub mod post;
pub mod server;
pub mod supervise;
mod throttle;
pub mod worker;
