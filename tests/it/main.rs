//! The program as users run it, and the rules of the house.

mod cli;
mod config;
mod fixtures;
mod harness;
mod house;
