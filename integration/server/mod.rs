//! The server as its operator meets it: one at a time on a file, its flags, a start again, a disk that is full.

mod alone;
mod full_disk;
mod restart;
mod unheard;
