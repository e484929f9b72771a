//! The reader of PL/pgSQL, on any text.
#![no_main]

#[path = "../../tests/it/hardness/promises.rs"]
#[allow(dead_code)]
mod promises;

libfuzzer_sys::fuzz_target!(|text: &str| promises::body(text));
