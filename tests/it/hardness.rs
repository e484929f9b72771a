//! No input crashes the program, hangs it or spoils its output.

mod crashers;
mod deep;
mod mutate;
mod promises;
