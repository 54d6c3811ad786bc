//! The documentation says what the program does: every example is run, every list is complete, every link leads
//! somewhere.

mod complete;
mod examples;
mod links;
mod page;
mod terminal;
