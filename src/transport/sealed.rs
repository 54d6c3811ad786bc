//! Seals around a bus: what goes out is sealed, what comes in is opened, and who sent it is known from the seal.

mod server;
mod worker;

use pikoci_model::port::Address;
use pikoci_seal::mail::To;
pub use server::SealedServer;
pub use worker::SealedWorker;

fn receiver(to: &Address) -> To<'_> {
    match to {
        Address::AnyServer => To::AnyServer,
        Address::AllServers => To::AllServers,
        Address::AllWorkers => To::AllWorkers,
        Address::Node(node) => To::Node(&node.0),
    }
}
