//! The world that tests run in: the program's binary, git repositories, a deadline.
