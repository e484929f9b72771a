use crate::map::IndexMap;

use crate::diagnostic::{Identity, Severity};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::source::secret::{self, SecretKind};
use crate::source::{FileRole, SourceFile, Span};

declare_rule! {
    /// Finds keys and passwords in SQL files.
    ///
    /// ## Why it matters
    ///
    /// Migrations are committed. A key that is used in a trigger, a webhook or a scheduled request
    /// stays in the history of the repository after it was taken out, and everybody who ever cloned it
    /// has it: with the service key of a project they read and change every row, past row level
    /// security.
    ///
    /// ```sql,bad
    /// select vault.create_secret('s3cr3t-t0ken-of-the-mailer', 'mailer');
    /// ```
    ///
    /// ```sql,good
    /// select cron.schedule('mails', '* * * * *', $$
    ///   select net.http_post(url := 'https://example.com', headers := jsonb_build_object('Authorization',
    ///     (select decrypted_secret from vault.decrypted_secrets where name = 'mailer')))
    /// $$);
    /// ```
    ///
    /// Looked at are all SQL files of the project but its tests, bodies, arguments and comments included. Tokens are
    /// read: one with the role `service_role` is an error. The keys that every local stack has, public
    /// keys (`anon`), keys for tests and passwords like `postgres` are an info. The secret is not printed
    /// in any form, by this rule or another.
    ///
    /// ## How to fix
    ///
    /// Make a new key and take the old one out of use: it is known. Keep the new one in the Vault,
    /// where it is put by hand or by a deployment, and read it from `vault.decrypted_secrets`.
    "secret-in-migration" {
        group: Group::Platform,
        severity: Severity::Error,
        summary: "secret stands in a SQL file",
        sources: &[],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    // By the secret, so that what is repeated is said once.
    let mut places: IndexMap<&str, (SecretKind, Vec<Span>)> = IndexMap::default();
    for migration in cx.files {
        let SourceFile { text, role, .. } = cx.sources.get(migration.file);
        if *role == FileRole::Test {
            continue;
        }
        for secret in secret::find(text) {
            let span = Span::new(migration.file, secret.range.start, secret.range.end);
            places.entry(&text[secret.range]).or_insert_with(|| (secret.kind, Vec::new())).1.push(span);
        }
    }
    let mut known: Vec<SecretKind> = Vec::new();
    for (kind, spans) in places.into_values() {
        let nth = known.iter().filter(|other| **other == kind).count();
        known.push(kind);
        let file = cx.sources.get(spans[0].file);
        let (mut severity, what, note, help) = words(kind);
        // Seeds fill local stacks, whose vaults and roles need something.
        let of_stack = matches!(kind, SecretKind::VaultSecret | SecretKind::Password);
        if of_stack && file.role == FileRole::Seed {
            severity = Severity::Info;
        }
        // Where the program runs is no part of it.
        let name = file.path.rsplit('/').next().unwrap_or_default();
        let found = out.report(spans[0], Identity::plain("file", name), what);
        found.severity(severity).note(note).help(help).what(format!("{kind:?} {nth}"));
        found.label_each(spans.iter().skip(1).map(|span| (*span, "and here")));
    }
}

const RENEW: &str =
    "make a new key, take this one out of use, and read the new one from vault.decrypted_secrets";

/// How bad it is, what it is, a few words, and what to do.
fn words(kind: SecretKind) -> (Severity, String, &'static str, &'static str) {
    let (error, info) = (Severity::Error, Severity::Info);
    match kind {
        SecretKind::ServiceKey => (
            error,
            "a service key of Supabase is in the repository: whoever has it reads and changes every row, past row level security".into(),
            "a service key",
            RENEW,
        ),
        SecretKind::LocalServiceKey => (
            info,
            "this is the service key of local stacks, which everybody knows: it works on no hosted project".into(),
            "a local key",
            "read the key of each environment from vault.decrypted_secrets, so that it works on all of them",
        ),
        SecretKind::PublicKey => (
            info,
            "a public key of a project is in a SQL file: everybody may know it, and other environments have another".into(),
            "a public key",
            "read the key of each environment from vault.decrypted_secrets, so that it works on all of them",
        ),
        SecretKind::Key(service) => (
            error,
            format!("a secret key of {service} is in the repository: whoever has it can act as the project"),
            "a secret key",
            RENEW,
        ),
        SecretKind::TestKey(service) => (
            info,
            format!("a test key of {service} is in a SQL file"),
            "a test key",
            "read the key of each environment from vault.decrypted_secrets",
        ),
        SecretKind::DatabaseUrl => (
            error,
            "a database's address with its password is in the repository: whoever has it can connect".into(),
            "a password",
            "change the password, and keep the new one in the Vault",
        ),
        SecretKind::LocalDatabaseUrl => (
            info,
            "the address and password of a local database are in a SQL file".into(),
            "a local password",
            "read the address of each environment from vault.decrypted_secrets",
        ),
        SecretKind::PrivateKey => (
            error,
            "a private key is in the repository: whoever has it can sign and decrypt as its owner".into(),
            "a private key starts here",
            RENEW,
        ),
        SecretKind::Password => (
            error,
            "a password of the database is in the repository: whoever has it can log in as the role".into(),
            "a password",
            "set another one by hand or from the environment of the deployment: alter role … password '…';",
        ),
        SecretKind::WeakPassword => (
            info,
            "a password that is guessed at once is in a SQL file: it is good for a local database alone".into(),
            "a password",
            "set one by hand or from the environment of the deployment: alter role … password '…';",
        ),
        SecretKind::VaultSecret => (
            error,
            "a secret is put into the Vault in plain text: the repository keeps what the Vault encrypts".into(),
            "a secret",
            "make a new secret, and put it into the Vault by hand or from the environment of the deployment",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::diagnostic::Severity;
    use crate::testing::{Bench, check};

    #[test]
    fn secrets_are_found_wherever_they_stand() {
        check(
            &RULE,
            r#"
             select net.http_post('https://example.com', headers := '{"Authorization": "Bearer sk_live_4eC39HqLyjWDarjtT1zdp7dc"}'::jsonb);
             --                                                                                ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ error: a secret key of Stripe is in the repository
             -- ghp_16C7e42F292c6912E7710c838347Ae178B4a
             -- ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ error: a secret key of GitHub
             create table t (id int);
             create trigger hook after insert on t for each row
               execute function supabase_functions.http_request('https://example.com', 'POST', '{"x":"rk_live_4eC39HqLyjWDarjtT1zdp7dc"}');
             --                                                                                       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ error: Stripe
             create function f() returns text language plpgsql as $$ begin return 'sb_secret_4eC39HqLyjWDarjtT1zdp7dcQ9'; end $$;
             --                                                                    ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ error: a service key of Supabase
             -- file: seed.sql
             select vault.create_secret('s3cr3t-v4lue', 'x');
             --                          ^^^^^^^^^^^^ info: a secret is put into the Vault in plain text
             insert into t (id) select 1 where 'sk_test_4eC39HqLyjWDarjtT1zdp7dc' <> '';
             --                                 ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ info: a test key of Stripe
             "#,
        );
    }

    #[test]
    fn what_is_repeated_is_said_once() {
        let text = "select 'sk_live_4eC39HqLyjWDarjtT1zdp7dc'; select 'sk_live_4eC39HqLyjWDarjtT1zdp7dc';
             select 'sk_live_anotherKeyOfTheSameShape1234';";
        let found = Bench::new(text).run(&RULE, &RULE.options.defaults());
        assert_eq!(found.iter().map(|found| found.labels.len()).collect::<Vec<_>>(), [1, 0]);
        assert_ne!(found[0].fingerprint(), found[1].fingerprint());
    }

    #[test]
    fn the_local_key_is_known_to_all() {
        let text = "select 'sb_secret_N7UND0UgjKTVK-0123456789-abcdefghijkl';";
        let found = Bench::new(text).run(&RULE, &RULE.options.defaults());
        assert_eq!(found[0].severity, Severity::Info);
    }

    #[test]
    fn the_secret_is_told_to_nobody() {
        let text =
            "select 'sk_live_4eC39HqLyjWDarjtT1zdp7dc'; select vault.create_secret('s3cr3t-v4lue', 'x');";
        for found in Bench::new(text).run(&RULE, &RULE.options.defaults()) {
            let said = format!("{found:?}");
            assert!(!said.contains("4eC39") && !said.contains("s3cr3t"), "{said}");
        }
    }
}
