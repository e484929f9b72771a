//! JUnit's XML: a suite for each file, a failed test for each finding. There is no standard; this is
//! what the schema of Jenkins' xUnit plugin takes, which is strict.

use std::io::{self, Write};

use crate::map::IndexMap;
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use super::{Report, clean_lines, one_line};
use crate::diagnostic::Diagnostic;

/// Writes one document. Where nothing is to be said, it holds a test that passed.
pub(super) fn render(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let mut suites: IndexMap<String, Vec<Test<'_>>> = IndexMap::default();
    if !report.problems.is_empty() {
        let tests = report.problems.iter().map(|problem| Test::Problem(problem)).collect();
        suites.insert(env!("CARGO_PKG_NAME").to_string(), tests);
    }
    for diagnostic in &report.diagnostics {
        let path = report.path_in_repository(&report.place(diagnostic.span));
        suites.entry(path).or_default().push(Test::Finding(diagnostic));
    }
    if suites.is_empty() {
        suites.insert(env!("CARGO_PKG_NAME").to_string(), vec![Test::Passed]);
    }
    let mut xml = Writer::new_with_indent(&mut *out, b' ', 2);
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let all: Vec<_> = suites.values().flatten().collect();
    xml.create_element("testsuites")
        .with_attributes([("name", env!("CARGO_PKG_NAME"))])
        .with_attributes(borrowed(&counts(&all)))
        .write_inner_content(|xml| {
            suites.iter().try_for_each(|(path, tests)| write_suite(path, tests, report, xml))
        })?;
    writeln!(out)
}

enum Test<'a> {
    Passed,
    Finding(&'a Diagnostic),
    Problem(&'a str),
}

fn counts(tests: &[&Test<'_>]) -> [(&'static str, String); 3] {
    let failures = tests.iter().filter(|test| matches!(test, Test::Finding(_))).count();
    let errors = tests.iter().filter(|test| matches!(test, Test::Problem(_))).count();
    [("tests", tests.len()), ("failures", failures), ("errors", errors)]
        .map(|(name, count)| (name, count.to_string()))
}

fn write_suite<W: Write>(
    path: &str,
    tests: &[Test<'_>],
    report: &Report,
    xml: &mut Writer<W>,
) -> io::Result<()> {
    let counts = counts(&tests.iter().collect::<Vec<_>>());
    xml.create_element("testsuite")
        .with_attributes([("name", &*legal(path))])
        .with_attributes(borrowed(&counts))
        .write_inner_content(|xml| tests.iter().try_for_each(|test| write_test(path, test, report, xml)))?;
    Ok(())
}

fn write_test<W: Write>(path: &str, test: &Test<'_>, report: &Report, xml: &mut Writer<W>) -> io::Result<()> {
    let class = legal(path);
    let case = |name: &str| [("name", name.to_string()), ("classname", class.clone())];
    match test {
        Test::Passed => {
            xml.create_element("testcase").with_attributes(borrowed(&case("nothing found"))).write_empty()?;
        }
        Test::Problem(problem) => {
            let message = legal(&one_line(problem));
            xml.create_element("testcase")
                .with_attributes(borrowed(&case("everything could be checked")))
                .write_inner_content(|xml| {
                    xml.create_element("error").with_attributes([("message", &*message)]).write_empty()?;
                    Ok::<_, io::Error>(())
                })?;
        }
        Test::Finding(diagnostic) => {
            let start = report.place(diagnostic.span).start;
            let name = legal(&one_line(&format!("{}: {}", diagnostic.rule, diagnostic.object)));
            let message = legal(&one_line(&diagnostic.message));
            let kind = diagnostic.severity.to_string();
            let mut text = format!("{class}:{start}: {kind}[{}] {message}", diagnostic.rule);
            if let Some(help) = &diagnostic.help {
                text += &format!("\nHelp: {}", legal(&clean_lines(help)));
            }
            xml.create_element("testcase").with_attributes(borrowed(&case(&name))).write_inner_content(
                |xml| {
                    xml.create_element("failure")
                        .with_attributes([("message", &*message), ("type", &*kind)])
                        .write_text_content(BytesText::new(&text))?;
                    Ok::<_, io::Error>(())
                },
            )?;
        }
    }
    Ok(())
}

fn borrowed<'a>(attributes: &'a [(&'a str, String)]) -> impl Iterator<Item = (&'a str, &'a str)> {
    attributes.iter().map(|(name, value)| (*name, value.as_str()))
}

/// A text without the characters that XML 1.0 cannot hold, however they are written.
fn legal(text: &str) -> String {
    let is_legal = |c: char| matches!(c, '\t' | '\n' | ' '..='\u{FFFD}' | '\u{10000}'..);
    text.chars().map(|c| if is_legal(c) { c } else { '\u{FFFD}' }).collect()
}

#[cfg(test)]
mod tests {
    use super::super::example;
    use super::*;
    use crate::diagnostic::Severity;

    #[test]
    fn a_file_is_a_suite_and_a_finding_a_failure() {
        let out = example::rendered(render, &example::report());
        let expected = r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="rls-lint" tests="3" failures="3" errors="0">
  <testsuite name="migrations/1_init.sql" tests="1" failures="1" errors="0">
    <testcase name="no-primary-key: table public.todos" classname="migrations/1_init.sql">
      <failure message="public.todos has no primary key" type="info">migrations/1_init.sql:2:14: info[no-primary-key] public.todos has no primary key</failure>
    </testcase>
  </testsuite>
"#;
        assert!(out.starts_with(expected), "{out}");
        assert!(out.ends_with("\n</testsuites>\n"), "{out}");
    }

    #[test]
    fn what_xml_cannot_hold_is_replaced() {
        let sources = example::sources(&[("a&\u{FFFF}.sql", "select 1")]);
        let place = example::at(&sources, 0, "select");
        let message = "table <\"x\"> & \u{1}\u{FFFE}]]>";
        let report =
            example::report_on(sources, vec![example::finding("x", Severity::Error, place, message)]);
        let out = example::rendered(render, &report);
        assert!(out.contains("name=\"a&amp;\u{FFFD}.sql\""), "{out}");
        assert!(out.contains("&lt;&quot;x&quot;&gt; &amp; \u{FFFD}\u{FFFD}]]&gt;"), "{out}");
    }

    #[test]
    fn there_is_always_a_test() {
        let clean = example::rendered(render, &Report::default());
        assert!(clean.contains("tests=\"1\" failures=\"0\" errors=\"0\""), "{clean}");
        let failed = example::rendered(render, &Report::failed("cannot read x.sql".into()));
        assert!(failed.contains("<error message=\"cannot read x.sql\"/>"), "{failed}");
    }
}
