//! Tests of the whole program, as one binary.

mod readme;
