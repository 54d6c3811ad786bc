//! The real program against real git, real servers and a real browser. Everything is in the tests.
