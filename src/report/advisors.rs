//! Rows of Supabase's advisors, as `supabase db advisors` and the dashboard read them.

use std::io::{self, Write};

use super::Report;

/// Writes one JSON array, a row on each line.
pub(crate) fn render(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    for (at, row) in report.advisors.iter().enumerate() {
        out.write_all(if at == 0 { b"[\n" } else { b",\n" })?;
        serde_json::to_writer(&mut *out, row)?;
    }
    out.write_all(if report.advisors.is_empty() { b"[]\n" } else { b"\n]\n" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_rows_are_an_empty_array() {
        let mut out = Vec::new();
        render(&Report::default(), &mut out).expect("writing to memory works");
        assert_eq!(out, b"[]\n");
    }
}
