//! Everything, on a project of several migrations: they are cut at lines `-- file`.
#![no_main]

#[path = "../../tests/it/hardness/promises.rs"]
#[allow(dead_code)]
mod promises;

libfuzzer_sys::fuzz_target!(|text: &str| {
    let names: Vec<_> = (0..=9).map(|number| format!("supabase/migrations/{number}_part.sql")).collect();
    let parts = text.splitn(names.len(), "-- file\n");
    let mut files: Vec<_> = names.iter().map(String::as_str).zip(parts.map(str::as_bytes)).collect();
    files.push(("supabase/config.toml", b""));
    promises::project(&files);
});
