//! The migrations folder, as the Supabase CLI reads it.

use std::ffi::OsString;

/// Versions from this one on are never taken for the `_init` file of old CLI releases.
const FIRST_KEPT_INIT: u64 = 20_211_209_000_000;

/// Why the CLI does not run a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SkipReason {
    /// Its name is not `<digits>_<name>.sql`.
    Name,
    /// It is the `<timestamp>_init.sql` that old CLI releases wrote, and stands first.
    OldInit,
}

/// What the CLI makes of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Run,
    Skip(SkipReason),
    /// No SQL.
    Ignore,
}

/// Judges each name of a folder; `names` are sorted by bytes.
pub(super) fn judge(names: &[OsString]) -> Vec<Verdict> {
    names
        .iter()
        .enumerate()
        .map(|(at, name)| {
            let name = name.to_string_lossy();
            if at == 0 && is_old_init(&name) {
                Verdict::Skip(SkipReason::OldInit)
            } else if version(&name).is_some() {
                Verdict::Run
            } else if is_sql(&name) {
                Verdict::Skip(SkipReason::Name)
            } else {
                Verdict::Ignore
            }
        })
        .collect()
}

/// The version of `^([0-9]+)_(.*)\.sql$`.
pub fn version(name: &str) -> Option<&str> {
    let (digits, rest) = name.split_once('_')?;
    let numeric = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    (numeric && rest.ends_with(".sql")).then_some(digits)
}

/// Whether a name says SQL, in any case.
pub(super) fn is_sql(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, extension)| extension.eq_ignore_ascii_case("sql"))
}

fn is_old_init(name: &str) -> bool {
    // The CLI looks for fourteen digits before `_init.sql` anywhere in the name.
    name.find("_init.sql")
        .and_then(|end| name.get(end.checked_sub(14)?..end))
        .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
        .and_then(|digits| digits.parse::<u64>().ok())
        .is_some_and(|version| version < FIRST_KEPT_INIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdicts(names: &[&str]) -> Vec<Verdict> {
        judge(&names.iter().map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn any_number_of_digits_is_a_version() {
        assert_eq!(version("1_a.sql"), Some("1"));
        assert_eq!(version("20250101000000_.sql"), Some("20250101000000"));
        for name in ["a.sql", "1-a.sql", "_a.sql", "1_a.SQL", "1_a.sql.bak", "1.sql"] {
            assert_eq!(version(name), None, "{name}");
        }
    }

    #[test]
    fn other_sql_is_skipped_and_the_rest_is_none_of_ours() {
        assert_eq!(
            verdicts(&["1_a.sql", "README.md", "a.sql", "b.SQL"]),
            [Verdict::Run, Verdict::Ignore, Verdict::Skip(SkipReason::Name), Verdict::Skip(SkipReason::Name)]
        );
    }

    #[test]
    fn an_old_init_file_is_skipped_only_when_it_stands_first() {
        let old = "20210101000000_init.sql";
        assert_eq!(verdicts(&[old]), [Verdict::Skip(SkipReason::OldInit)]);
        assert_eq!(verdicts(&["20200101000000_a.sql", old]), [Verdict::Run, Verdict::Run]);
        assert_eq!(verdicts(&["20220101000000_init.sql"]), [Verdict::Run]);
    }
}
