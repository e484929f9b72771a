//! Findings one per line, as editors and `grep` like them.

use std::io::{self, Write};

use super::{Report, one_line};

/// Writes `file:line:column: severity[rule] message` lines.
pub(super) fn render(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    for diagnostic in &report.diagnostics {
        let file = report.sources.get(diagnostic.span.file);
        writeln!(
            out,
            "{}:{}: {}[{}] {}",
            one_line(&file.path),
            file.position(diagnostic.span.start),
            diagnostic.severity,
            diagnostic.rule,
            one_line(&diagnostic.message),
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::example;
    use super::*;

    #[test]
    fn one_line_per_finding() {
        assert_eq!(
            example::rendered(render, &example::report()),
            "\
migrations/1_init.sql:2:14: info[no-primary-key] public.todos has no primary key
migrations/2_open.sql:1:1: error[rls-disabled-on-exposed-table] anyone can read and write public.todos
migrations/2_open.sql:2:19: warning[always-true-write-policy] policy \"open\" lets anon write every row of public.todos
"
        );
    }
}
