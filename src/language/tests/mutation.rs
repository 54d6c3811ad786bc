//! Whatever is written, the compiler answers: texts torn and mixed at random, from a fixed seed.
