//! Dumps of a whole database, which hold what the platform makes as well.

use std::borrow::Cow;

use crate::catalog::Catalog;
use crate::sql::name::Ident;
use crate::sql::statement::Statement;

/// The statements of a file that are the project's. A dump of a whole database says of each object what it is and
/// in which schema, in a comment before it; what is the platform's is there already, and nobody restores it.
pub(super) fn own_statements<'s>(
    catalog: &Catalog,
    text: &str,
    statements: &'s [Statement],
) -> Cow<'s, [Statement]> {
    const HEAD: usize = 100;
    let head = &text.as_bytes()[..HEAD.min(text.len())];
    let is_dump = memchr::memmem::find(head, b"PostgreSQL database dump").is_some();
    if !is_dump || !text.contains("\nCREATE SCHEMA auth;") {
        return Cow::Borrowed(statements);
    }
    let mut entries = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let said = line.strip_prefix("-- Name: ").or_else(|| line.strip_prefix("-- Data for Name: "));
        entries.extend(said.map(|said| (at, is_platforms(catalog, said))));
        at += line.len();
    }
    let is_own = |statement: &&Statement| {
        let start = statement.span.start as usize;
        let entry = entries[..entries.partition_point(|(at, _)| *at <= start)].last();
        !entry.is_some_and(|(_, is_platforms)| *is_platforms)
    };
    statements.iter().filter(is_own).cloned().collect()
}

/// `users; Type: TABLE; Schema: auth; Owner: supabase_auth_admin`. Policies and triggers on the platform's tables
/// are the project's.
fn is_platforms(catalog: &Catalog, entry: &str) -> bool {
    const BESIDE: [&str; 6] =
        ["_realtime", "cron", "net", "pgsodium_masks", "supabase_functions", "supabase_migrations"];
    let is_managed = |schema: &str| catalog.is_managed(&Ident::new(schema)) || BESIDE.contains(&schema);
    let part =
        |label: &str| entry.split("; ").find_map(|part| part.trim().strip_prefix(label)).unwrap_or_default();
    let name = entry.split("; ").next().unwrap_or_default();
    let (kind, schema) = (part("Type: "), part("Schema: "));
    match kind {
        "SCHEMA" => is_managed(name),
        "EVENT TRIGGER" => part("Owner: ") == "supabase_admin",
        "PUBLICATION" => name == "supabase_realtime",
        "POLICY" => false,
        "TRIGGER" if schema == "auth" => false,
        "ACL" | "COMMENT" if schema == "-" => name.strip_prefix("SCHEMA ").is_some_and(is_managed),
        _ => is_managed(schema),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::platform::Exposure;
    use crate::source::{FileId, FileRole, SourceFile};
    use crate::sql;

    fn kept(text: &str) -> Vec<String> {
        let source = SourceFile::new("x.sql".into(), FileRole::Migration, text.as_bytes().to_vec());
        let migration = sql::parse(FileId(0), &source);
        let catalog = Catalog::supabase(Exposure::default());
        let own = own_statements(&catalog, &source.text, &migration.statements);
        own.iter().map(|statement| source.text[statement.span.range()].to_string()).collect()
    }

    const DUMP: &str = "--
-- PostgreSQL database dump
--

SET row_security = off;

--
-- Name: auth; Type: SCHEMA; Schema: -; Owner: supabase_admin
--

CREATE SCHEMA auth;

--
-- Name: users; Type: TABLE; Schema: auth; Owner: supabase_auth_admin
--

CREATE TABLE auth.users (id uuid);
ALTER TABLE auth.users OWNER TO supabase_auth_admin;

--
-- Name: notes; Type: TABLE; Schema: public; Owner: postgres
--

CREATE TABLE public.notes (id uuid);

--
-- Name: users on_sign_up; Type: TRIGGER; Schema: auth; Owner: supabase_auth_admin
--

CREATE TRIGGER on_sign_up AFTER INSERT ON auth.users FOR EACH ROW EXECUTE FUNCTION public.f();

--
-- Name: objects all; Type: POLICY; Schema: storage; Owner: supabase_storage_admin
--

CREATE POLICY anybody ON storage.objects USING (true);

--
-- Name: SCHEMA auth; Type: ACL; Schema: -; Owner: supabase_admin
--

GRANT USAGE ON SCHEMA auth TO anon;
";

    #[test]
    fn what_the_platform_has_made_is_left_out() {
        assert_eq!(
            kept(DUMP),
            [
                "SET row_security = off",
                "CREATE TABLE public.notes (id uuid)",
                "CREATE TRIGGER on_sign_up AFTER INSERT ON auth.users FOR EACH ROW EXECUTE FUNCTION public.f()",
                "CREATE POLICY anybody ON storage.objects USING (true)",
            ]
        );
    }

    #[test]
    fn any_other_file_is_read_whole() {
        assert_eq!(kept(&DUMP.replace("CREATE SCHEMA auth;", "")).len(), 7);
        assert_eq!(kept(&DUMP.replace("PostgreSQL database dump", "mine")).len(), 8);
    }
}
