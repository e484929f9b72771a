//! Comments that silence: each line of the input is one, between statements.
#![no_main]

#[path = "../../tests/it/hardness/promises.rs"]
#[allow(dead_code)]
mod promises;

libfuzzer_sys::fuzz_target!(|text: &str| {
    let sql: String = text.lines().map(|line| format!("-- rls-lint: {line}\ncreate table t (id int);\n")).collect();
    promises::project(&[("supabase/config.toml", b""), ("supabase/migrations/1_first.sql", sql.as_bytes())]);
});
