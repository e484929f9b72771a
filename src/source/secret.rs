//! Secrets in a text: keys and passwords that open something to whoever reads them.
//!
//! They are told by the shapes that their makers gave them. What stands for one (`your-key`,
//! `<password>`, `xxxx`) is none.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::LazyLock;

use memchr::memmem::Finder;
use serde_json::Value;

/// A secret and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secret {
    pub range: Range<usize>,
    pub kind: SecretKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretKind {
    /// A key of Supabase that is above row level security: a token with the role `service_role`, or
    /// `sb_secret_…`.
    ServiceKey,
    /// The same, as each local stack has it.
    LocalServiceKey,
    /// A key that the app shows to everybody: `anon`, `sb_publishable_…`.
    PublicKey,
    /// The secret key of another service, by its name.
    Key(&'static str),
    /// A key for tests of another service.
    TestKey(&'static str),
    /// A connection string with a password.
    DatabaseUrl,
    /// The same to the machine itself.
    LocalDatabaseUrl,
    PrivateKey,
    /// What is handed to `vault.create_secret()`.
    VaultSecret,
    /// The password of a role, or of one in another database (`create user mapping`).
    Password,
    /// One that everybody tries first: `postgres`, `password`.
    WeakPassword,
}

/// How a secret is told from other text where its mark stands.
enum Shape {
    /// The mark is its start. It has at least so many more characters.
    Key(usize, SecretKind),
    Token,
    Url,
    PrivateKey,
    VaultSecret,
    /// The mark ends the keyword PASSWORD.
    Password,
}

/// The marks of secrets.
const SHAPES: [(&str, Shape); 19] = [
    ("sb_secret_", Shape::Key(20, SecretKind::ServiceKey)),
    ("sb_publishable_", Shape::Key(20, SecretKind::PublicKey)),
    ("sk_live_", Shape::Key(16, SecretKind::Key("Stripe"))),
    ("rk_live_", Shape::Key(16, SecretKind::Key("Stripe"))),
    ("sk_test_", Shape::Key(16, SecretKind::TestKey("Stripe"))),
    ("whsec_", Shape::Key(24, SecretKind::Key("a webhook"))),
    ("ghp_", Shape::Key(30, SecretKind::Key("GitHub"))),
    ("github_pat_", Shape::Key(30, SecretKind::Key("GitHub"))),
    ("xoxb-", Shape::Key(20, SecretKind::Key("Slack"))),
    ("xoxp-", Shape::Key(20, SecretKind::Key("Slack"))),
    ("sk-proj-", Shape::Key(30, SecretKind::Key("OpenAI"))),
    ("sk-ant-", Shape::Key(30, SecretKind::Key("Anthropic"))),
    ("eyJ", Shape::Token),
    ("postgres://", Shape::Url),
    ("postgresql://", Shape::Url),
    ("PRIVATE KEY-----", Shape::PrivateKey),
    ("create_secret", Shape::VaultSecret),
    ("assword", Shape::Password),
    ("ASSWORD", Shape::Password),
];

/// What finds them: dear to make, and used for every finding.
static FINDERS: LazyLock<[Finder; SHAPES.len()]> =
    LazyLock::new(|| SHAPES.map(|(mark, _)| Finder::new(mark)));

/// The secret key of every local stack (`supabase start`).
const LOCAL_KEY: &str = "sb_secret_N7UND0UgjKTVK";

/// The secrets of a text, in order.
pub fn find(text: &str) -> Vec<Secret> {
    let mut found = Vec::new();
    for (finder, (mark, shape)) in FINDERS.iter().zip(&SHAPES) {
        found.extend(finder.find_iter(text.as_bytes()).filter_map(|at| shape.read(text, at, mark)));
    }
    found.sort_by_key(|secret| (secret.range.start, secret.range.end));
    // A key within what goes to the vault is one secret.
    let mut end = 0;
    found.retain(|secret| {
        let apart = secret.range.start >= end;
        end = end.max(secret.range.end);
        apart
    });
    found
}

impl Shape {
    /// The secret whose mark stands at a place, if it is one.
    fn read(&self, text: &str, at: usize, mark: &str) -> Option<Secret> {
        match self {
            Self::Key(length, kind) => key(text, at, mark, *length, *kind),
            Self::Token => token(text, at),
            Self::Url => url(text, at, mark),
            Self::PrivateKey => private_key(text, at),
            Self::VaultSecret => vault(text, at),
            Self::Password => password(text, at + mark.len()),
        }
    }
}

/// A key with a start that nothing else has, and at least so many characters behind it.
fn key(text: &str, at: usize, start: &str, length: usize, kind: SecretKind) -> Option<Secret> {
    let body = at + start.len();
    let end = run(text, body, is_key);
    if end - body < length || !starts_word(text, at) || is_placeholder(&text[body..end]) {
        return None;
    }
    let local = text[at..end].starts_with(LOCAL_KEY);
    Some(Secret { range: at..end, kind: if local { SecretKind::LocalServiceKey } else { kind } })
}

/// The text with its secrets made unreadable, character for character.
pub fn masked(text: &str) -> Cow<'_, str> {
    let found = find(text);
    if found.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut masked = String::with_capacity(text.len());
    let mut from = 0;
    for secret in found {
        masked.push_str(&text[from..secret.range.start]);
        masked.extend(text[secret.range.clone()].chars().map(|_| '*'));
        from = secret.range.end;
    }
    masked.push_str(&text[from..]);
    Cow::Owned(masked)
}

fn is_key(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

/// The end of the bytes from a place on that are as wanted.
fn run(text: &str, from: usize, wanted: fn(u8) -> bool) -> usize {
    text.as_bytes()[from..].iter().position(|byte| !wanted(*byte)).map_or(text.len(), |n| from + n)
}

fn starts_word(text: &str, at: usize) -> bool {
    at == 0 || !is_key(text.as_bytes()[at - 1])
}

/// Whether a value only stands for one.
fn is_placeholder(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    let words =
        ["your", "example", "placeholder", "change", "replace", "secret_here", "xxx", "...", "todo", "dummy"];
    let mut letters: Vec<char> = lower.chars().collect();
    letters.sort_unstable();
    letters.dedup();
    letters.len() < 5
        || words.iter().any(|word| lower.contains(word))
        || value.contains(['<', '>', '{', '}', '$', '[', ']', '%'])
}

/// A JSON Web Token: what it says of itself decides.
fn token(text: &str, at: usize) -> Option<Secret> {
    let is_dot = |at: usize| text.as_bytes().get(at) == Some(&b'.');
    let header = run(text, at, is_key);
    if !starts_word(text, at) || !is_dot(header) {
        return None;
    }
    let payload = run(text, header + 1, is_key);
    if !is_dot(payload) {
        return None;
    }
    let end = run(text, payload + 1, is_key);
    let claims: Value = serde_json::from_slice(&decoded(&text[header + 1..payload])?).ok()?;
    let is_local = claims["iss"] == "supabase-demo";
    let kind = match claims["role"].as_str()? {
        "service_role" | "supabase_admin" | "postgres" if is_local => SecretKind::LocalServiceKey,
        "service_role" | "supabase_admin" | "postgres" => SecretKind::ServiceKey,
        "anon" => SecretKind::PublicKey,
        _ => return None,
    };
    (end - payload > 20).then_some(Secret { range: at..end, kind })
}

/// Base64 in the alphabet of URLs, without padding (RFC 4648, section 5).
fn decoded(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let (mut bits, mut held) = (0_u32, 0);
    for byte in text.bytes() {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'-' | b'+' => 62,
            b'_' | b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push(u8::try_from(bits >> held & 0xff).ok()?);
        }
    }
    Some(bytes)
}

/// A connection string with a password.
fn url(text: &str, at: usize, scheme: &str) -> Option<Secret> {
    let end =
        run(text, at, |byte| byte.is_ascii_graphic() && !matches!(byte, b'\'' | b'"' | b'`' | b')' | b';'));
    let (user, host) = text[at + scheme.len()..end].split_once('@')?;
    let (_, password) = user.split_once(':')?;
    if password.is_empty() || (password != "postgres" && is_placeholder(password)) {
        return None;
    }
    let local = ["localhost", "127.0.0.1", "host.docker.internal", "db:", "supabase_db", "0.0.0.0"];
    let is_local = password == "postgres" || local.iter().any(|name| host.starts_with(name));
    let kind = if is_local { SecretKind::LocalDatabaseUrl } else { SecretKind::DatabaseUrl };
    Some(Secret { range: at..end, kind })
}

/// The heading of a key in PEM; the key follows on lines of its own.
fn private_key(text: &str, at: usize) -> Option<Secret> {
    let start = text[..at].rfind("-----BEGIN ")?;
    let words = &text[start + "-----BEGIN ".len()..at];
    let end = at + "PRIVATE KEY-----".len();
    let body = text.as_bytes().get(end..end + 40).is_some_and(|rest| {
        let symbols =
            rest.iter().filter(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'='));
        symbols.count() >= 32
    });
    (words.len() < 12 && body).then_some(Secret { range: start..end, kind: SecretKind::PrivateKey })
}

/// The text that is handed to `vault.create_secret()`.
fn vault(text: &str, at: usize) -> Option<Secret> {
    let before = text[..at].trim_end();
    let schema = before.strip_suffix('.')?.trim_end().trim_end_matches('"');
    let is_vault = schema.len() >= 5
        && schema.is_char_boundary(schema.len() - 5)
        && schema[schema.len() - 5..].eq_ignore_ascii_case("vault");
    let after = &text[at + "create_secret".len()..];
    let open = after.trim_start_matches('"').trim_start().strip_prefix('(')?.trim_start();
    let value = open.strip_prefix('\'').filter(|_| is_vault)?;
    // In a body that is a text itself, quotes are doubled.
    let value = value.strip_prefix('\'').unwrap_or(value);
    let start = text.len() - value.len();
    let end = start + value.find('\'')?;
    let secret = &text[start..end];
    let plain =
        secret.len() < 8 || secret.starts_with("http") && !secret.contains('@') || is_placeholder(secret);
    (!plain).then_some(Secret { range: start..end, kind: SecretKind::VaultSecret })
}

/// The text behind the keyword PASSWORD, which ends here: roles and user mappings have one.
fn password(text: &str, end: usize) -> Option<Secret> {
    let start = end.checked_sub("password".len()).filter(|start| text.is_char_boundary(*start))?;
    let goes_on = |byte: &u8| is_key(*byte) || matches!(byte, b'\'' | b'"' | b'.' | b'$');
    let is_keyword = matches!(text.as_bytes()[start], b'p' | b'P')
        && !text.as_bytes()[..start].last().is_some_and(goes_on);
    let rest = &text[end..];
    let value = rest.trim_start();
    if !is_keyword || value.len() == rest.len() {
        return None;
    }
    let value = value.strip_prefix('\'')?;
    // In a body that is a text itself, quotes are doubled.
    let value = value.strip_prefix('\'').unwrap_or(value);
    let start = text.len() - value.len();
    let end = start + value.find('\'')?;
    let secret = &text[start..end];
    let is_weak = ["postgres", "password", "admin", "root", "test", "secret", "123456"]
        .iter()
        .any(|weak| secret.eq_ignore_ascii_case(weak));
    if secret.is_empty() || is_hash(secret) || !is_weak && is_placeholder(secret) {
        return None;
    }
    let kind = if is_weak { SecretKind::WeakPassword } else { SecretKind::Password };
    Some(Secret { range: start..end, kind })
}

/// Whether it is what PostgreSQL keeps of a password, with which nobody can log in.
fn is_hash(password: &str) -> bool {
    password.starts_with("SCRAM-SHA-256$")
        || password
            .strip_prefix("md5")
            .is_some_and(|hash| hash.len() == 32 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A token without a signature that counts.
    fn token_of(payload: &str) -> String {
        const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let mut text = String::new();
        for chunk in payload.as_bytes().chunks(3) {
            let mut bits = 0_u32;
            for at in 0..3 {
                bits = bits << 8 | u32::from(chunk.get(at).copied().unwrap_or(0));
            }
            for at in 0..=chunk.len() {
                text.push(char::from(ALPHABET[(bits >> (18 - 6 * at) & 63) as usize]));
            }
        }
        format!("eyJhbGciOiJIUzI1NiJ9.{text}.c2lnbmF0dXJlLW9mLW5vdGhpbmctYXQtYWxs")
    }

    fn kinds(text: &str) -> Vec<SecretKind> {
        find(text).into_iter().map(|secret| secret.kind).collect()
    }

    #[test]
    fn tokens_say_what_they_are() {
        let token = |payload: &str| kinds(&format!("'Bearer {}'", token_of(payload)));
        assert_eq!(token(r#"{"role":"service_role","iss":"supabase"}"#), [SecretKind::ServiceKey]);
        assert_eq!(token(r#"{"role":"service_role","iss":"supabase-demo"}"#), [SecretKind::LocalServiceKey]);
        assert_eq!(token(r#"{"role":"anon","iss":"supabase"}"#), [SecretKind::PublicKey]);
        assert_eq!(token(r#"{"sub":"1","name":"somebody"}"#), []);
        assert_eq!(kinds("eyJ eyJhbGciOiJIUzI1NiJ9. eyJhbGciOiJIUzI1NiJ9.x.y"), []);
    }

    #[test]
    fn keys_have_their_own_shapes() {
        let body = "4eC39HqLyjWDarjtT1zdp7dcQ9";
        for (start, kind) in [
            ("sb_secret_", SecretKind::ServiceKey),
            ("sk_live_", SecretKind::Key("Stripe")),
            ("sk_test_", SecretKind::TestKey("Stripe")),
        ] {
            assert_eq!(kinds(&format!("select '{start}{body}';")), [kind]);
            assert_eq!(
                kinds(&format!(
                    "select 'my{start}{body}', '{start}short', '{start}your_key_goes_here_please';"
                )),
                []
            );
        }
        assert_eq!(kinds("postgres://app:hunter2real@db.acme.io:5432/x"), [SecretKind::DatabaseUrl]);
        assert_eq!(kinds("postgresql://postgres:postgres@db:5432/x"), [SecretKind::LocalDatabaseUrl]);
        assert_eq!(
            kinds("postgres://app:[YOUR-PASSWORD]@db.acme.io postgres://db.acme.io/x postgres://app@host"),
            []
        );
        let key = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQ";
        assert_eq!(kinds(&format!("-----BEGIN PRIVATE KEY-----\n{key}")), [SecretKind::PrivateKey]);
        assert_eq!(kinds("-----BEGIN PRIVATE KEY-----\\n..."), []);
    }

    #[test]
    fn the_vault_is_given_secrets() {
        assert_eq!(kinds("select vault.create_secret('s3cr3t-v4lue', 'name');"), [SecretKind::VaultSecret]);
        assert_eq!(
            kinds("execute 'select vault.create_secret(''s3cr3t-v4lue'')';"),
            [SecretKind::VaultSecret]
        );
        for harmless in [
            "select vault.create_secret(new.secret, 'name');",
            "select vault.create_secret('https://project.supabase.co', 'url');",
            "select vault.create_secret('your-service-key', 'key');",
            "select public.create_secret('s3cr3t-v4lue');",
        ] {
            assert_eq!(kinds(harmless), [], "{harmless}");
        }
    }

    #[test]
    fn roles_have_passwords() {
        for text in [
            "create role app with login password 'hunter2real';",
            "alter role app encrypted password 'hunter2real' valid until 'infinity';",
            "CREATE USER app PASSWORD 'hunter2real';",
            "create user mapping for app server s options (user 'app', password 'hunter2real');",
            "execute 'alter role app password ''hunter2real''';",
        ] {
            assert_eq!(kinds(text), [SecretKind::Password], "{text}");
            assert!(!masked(text).contains("hunter2"), "{text}");
        }
        assert_eq!(kinds("alter user postgres password 'postgres';"), [SecretKind::WeakPassword]);
        for harmless in [
            "alter role app password null;",
            "alter role app password 'SCRAM-SHA-256$4096:c2FsdA==$aa=:bb=';",
            "alter role app password '<password>';",
            "alter role app password 'your-password';",
            "insert into t (password, name) values ('password', 'somebody');",
            "create table t (password text default 'somebody');",
            "select new.password 'somebody';",
            "execute format('alter role app password %L', secret);",
        ] {
            assert_eq!(kinds(harmless), [], "{harmless}");
        }
    }

    #[test]
    fn what_is_masked_keeps_its_length() {
        let line = "select 'ä', 'sk_live_4eC39HqLyjWDarjtT1zdp7dc' as key;";
        let masked = masked(line);
        assert!(!masked.contains("4eC39"));
        assert_eq!(masked.chars().count(), line.chars().count());
        assert_eq!(super::masked("select 1"), "select 1");
    }
}
