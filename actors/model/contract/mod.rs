//! Contract suites of the ports, with a behaving in-memory implementation of each.
