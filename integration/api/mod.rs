//! The interface against its own description: every documented operation is called, and what really comes is compared
//! with what the document says.

mod caller;
mod document;
mod operations;
