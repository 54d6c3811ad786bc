//! The worker's end of a shim's control socket: sending never waits, receiving is event-driven.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use nix::sys::socket::{Shutdown, shutdown};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::Notify;

use crate::protocol::{Event, Order};
use crate::sys::packet::{self, Received};

/// One shim's control socket.
pub struct Connection {
    socket: AsyncFd<OwnedFd>,
    waiting: Mutex<VecDeque<(Order, Vec<OwnedFd>)>>,
    more: Notify,
    hung_up: AtomicBool,
}

impl Connection {
    /// # Errors
    /// The runtime cannot watch the socket.
    pub fn new(socket: OwnedFd) -> io::Result<Self> {
        // SAFETY: an owned descriptor stays open and the same until it is dropped, with the registration.
        let socket =
            unsafe { AsyncFd::register_with_interest(socket, Interest::READABLE | Interest::WRITABLE) }?;
        Ok(Self { socket, waiting: Mutex::default(), more: Notify::new(), hung_up: AtomicBool::new(false) })
    }

    /// Sends an order, now or as soon as the shim reads again, in the order of the calls.
    ///
    /// # Errors
    /// The shim is gone, or the order cannot be sent at all; it was dropped.
    pub fn send(&self, order: Order, descriptors: Vec<OwnedFd>) -> io::Result<()> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if !waiting.is_empty() {
            waiting.push_back((order, descriptors));
            return Ok(());
        }
        match self.try_send(&order, &descriptors) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                waiting.push_back((order, descriptors));
                self.more.notify_one();
                Ok(())
            }
            sent => sent,
        }
    }

    fn try_send(&self, order: &Order, descriptors: &[OwnedFd]) -> io::Result<()> {
        let borrowed: Vec<_> = descriptors.iter().map(AsFd::as_fd).collect();
        packet::send(self.socket.get_ref(), order, &borrowed)
    }

    /// The next event; none when the shim is gone. Only one caller at a time.
    pub async fn next(&self) -> Option<Event> {
        loop {
            tokio::select! {
                guard = self.socket.readable() => {
                    let mut guard = guard.ok()?;
                    match packet::receive(self.socket.get_ref()) {
                        Ok(Received::Message(event, _)) => return Some(event),
                        Ok(Received::Nothing) => guard.clear_ready(),
                        Ok(Received::Refused(reason)) => tracing::warn!(reason, "a shim's message was refused"),
                        Ok(Received::Closed) | Err(_) => return None,
                    }
                }
                () = self.send_waiting() => {}
            }
        }
    }

    /// Sends what had to wait, when there is such. May be given up and called again at any await.
    async fn send_waiting(&self) {
        if self.waiting.lock().unwrap_or_else(PoisonError::into_inner).is_empty() {
            self.more.notified().await;
        }
        while let Ok(mut guard) = self.socket.writable().await {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            let Some((order, descriptors)) = waiting.front() else { return };
            match self.try_send(order, descriptors) {
                Ok(()) => {
                    waiting.pop_front();
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => guard.clear_ready(),
                Err(error) => {
                    waiting.clear();
                    if error.kind() != io::ErrorKind::BrokenPipe {
                        // An order that is lost without a word would be waited for for ever.
                        tracing::error!(%error, "an order cannot be sent to its shim, which is given up");
                        self.close();
                    }
                }
            }
        }
    }

    /// Closes the conversation: for the shim this is the loss of its worker.
    pub fn hang_up(&self) {
        self.hung_up.store(true, Ordering::Relaxed);
        self.close();
    }

    fn close(&self) {
        let _ = shutdown(self.socket.get_ref().as_raw_fd(), Shutdown::Both);
    }

    /// Whether it was this side that closed it: the shim lives, and does what is left to do.
    pub fn is_hung_up(&self) -> bool {
        self.hung_up.load(Ordering::Relaxed)
    }
}
