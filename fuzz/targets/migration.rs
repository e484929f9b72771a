//! Splitter, parser and lowering, on any bytes.
#![no_main]

#[path = "../../tests/it/hardness/promises.rs"]
#[allow(dead_code)]
mod promises;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    promises::parse(bytes);
});
