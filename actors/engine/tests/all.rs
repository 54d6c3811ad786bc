//! The engine through its outermost face, with ports that behave.

#[cfg(test)]
mod agent;
#[cfg(test)]
mod builds;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod histories;
#[cfg(test)]
mod installation;
#[cfg(test)]
mod losses;
#[cfg(test)]
mod neighbours;
#[cfg(test)]
mod outbox;
#[cfg(test)]
mod panics;
#[cfg(test)]
mod pipelines;
#[cfg(test)]
mod reruns;
#[cfg(test)]
mod resources;
#[cfg(test)]
mod servers;
#[cfg(test)]
mod services;
#[cfg(test)]
mod stopping;
#[cfg(test)]
mod supervise;
#[cfg(test)]
mod town;
#[cfg(test)]
mod wire;
#[cfg(test)]
mod world;
