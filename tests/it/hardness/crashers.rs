//! What the fuzzers in `fuzz/` broke something with, cut down to what it takes.

use crate::hardness::promises;

#[test]
fn bodies() {
    for text in [
        "begin select 1 into a.; end",
        "begin select 1 into a. ; return; end",
        "begin insert into a (b into c.'; end",
        "begin select 1 into a.",
    ] {
        promises::body(text);
    }
}

#[test]
fn projects() {
    for text in [
        "select 'eyJhbGciOi",
        "create table t (id int, owner uuid); do $$ declare t text; begin foreach t in array array['t'] loop
           execute format('alter table %I enable row level security', t);
           execute format('create policy p on %I using (owner = auth.uid()) with check (owner = auth.uid())', t);
         end loop; end $$;",
    ] {
        let report = promises::project(&[("supabase/migrations/1_first.sql", text.as_bytes())]);
        assert!(report.problems.is_empty());
    }
}
