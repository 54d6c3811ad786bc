//! Being written.

pub mod workplace; // written by the lead: keep this line; `Workplace` port is done here
