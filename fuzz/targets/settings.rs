//! `rls-lint.yaml`, and after a NUL `config.toml`.
#![no_main]

#[path = "../../tests/it/hardness/promises.rs"]
#[allow(dead_code)]
mod promises;

const SQL: &[u8] = b"create table todos (id int); create policy p on todos using (true);";

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut parts = bytes.splitn(2, |byte| *byte == 0);
    let (yaml, toml) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    promises::project(&[
        ("rls-lint.yaml", yaml),
        ("supabase/config.toml", toml),
        ("supabase/migrations/1_first.sql", SQL),
    ]);
});
