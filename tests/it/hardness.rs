//! No input crashes the program, hangs it or spoils its output.

mod deep;
mod mutate;
mod promises;
