//! The house itself: who may import whom.

mod imports;
