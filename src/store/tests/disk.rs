//! What only a store on disk can show.
