//! Tests of the whole program, as one binary: it is run as users run it, and the house is looked after.

mod access;
mod action;
mod adopt;
mod catalog;
mod change;
mod cli;
mod config;
mod doubts;
mod fixtures;
mod formats;
mod gitlab;
mod hardness;
mod harness;
mod house;
mod names;
mod oracle;
mod readme;
