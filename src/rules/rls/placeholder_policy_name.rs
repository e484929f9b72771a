use crate::catalog::policy::Policy;
use crate::catalog::table::Table;
use crate::diagnostic::{Identity, Severity};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::sql::expr::{Expr, Literal};

declare_rule! {
    /// Finds policies whose names say that they were not meant to stay: `fixme`, `tmp`, `debug`.
    ///
    /// ## Why it matters
    ///
    /// "temp allow all" is written on a Friday to see whether row level security is what breaks the
    /// app, and goes to production on Monday.
    ///
    /// ```sql,bad
    /// create table public.notes (id bigint primary key, user_id uuid);
    /// create policy "FIXME allow reads" on public.notes for select using (user_id is not null);
    /// ```
    ///
    /// ```sql,good
    /// create table public.notes (id bigint primary key, user_id uuid);
    /// create policy "Users read notes with an owner" on public.notes for select
    ///   using (user_id is not null);
    /// ```
    ///
    /// The words are `fixme`, `xxx`, `hack`, `tmp`, `temp`, `temporary`, `debug`, `placeholder`, and
    /// `TODO` in capitals, as long as they are no part of the table's name or of a text that the policy
    /// compares with, such as a bucket's.
    ///
    /// ## How to fix
    ///
    /// Look whether the policy is right, and give it a name that says what it allows.
    "placeholder-policy-name" {
        group: Group::Rls,
        severity: Severity::Info,
        summary: "a policy's name says that it is not finished",
        sources: &["pgrls:HYG002"],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

const WORDS: &[&str] = &["debug", "fixme", "hack", "placeholder", "temp", "temporary", "tmp", "xxx"];

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    for (table, policy) in cx.catalog.own_policies() {
        let about = about(table, policy);
        let is_placeholder = |word: &str| {
            let lower = word.to_lowercase();
            let is_subject = || about.iter().any(|text| text.contains(&lower));
            (WORDS.contains(&lower.as_str()) || word == "TODO") && !is_subject()
        };
        let mut words = policy.name.split(|letter: char| !letter.is_alphanumeric());
        let Some(word) = words.find(|word| is_placeholder(word)) else { continue };
        let message = format!(
            "policy {} on {} is not finished by its name: {word}",
            policy.name.delimited(),
            table.name
        );
        out.report(policy.name_span, Identity::part("policy", &table.name, policy.name.as_str()), message)
            .note("look whether it is right")
            .help(format!(
                "alter policy {} on {} rename to …; -- what it allows",
                policy.name.quoted(),
                table.name.quoted()
            ));
    }
}

/// What a policy may be about: its table, and what its conditions compare with, such as a bucket.
fn about(table: &Table, policy: &Policy) -> Vec<String> {
    let mut texts = vec![table.name.name.to_lowercase()];
    for expr in policy.expressions() {
        expr.walk(&mut |part| {
            if let Expr::Literal(Literal::String(text)) = part {
                texts.push(text.to_lowercase());
            }
        });
    }
    texts
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::check;

    #[test]
    fn words_and_not_parts_of_words() {
        check(
            &RULE,
            "create table public.todos (id bigint, open boolean);
             create table public.temp_files (id bigint);
             create policy \"TODO narrow this\" on public.temp_files using (id > 0);
             --            ^^^^^^^^^^^^^^^^^^ info: policy \"TODO narrow this\" on public.temp_files is not finished by its name: TODO
             create policy p_tmp on public.todos using (open);
             --            ^^^^^ info: tmp
             create policy \"Users see a todo\" on public.todos using (open);
             create policy \"template attempt\" on public.todos using (open);
             create policy \"temp files\" on public.temp_files using (id > 0);
             create policy \"debug files\" on storage.objects for insert with check (bucket_id = 'scraper-debug');"
        );
    }
}
