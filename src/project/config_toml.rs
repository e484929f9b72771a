//! `supabase/config.toml`: what it says about the database and about who reaches it.
//!
//! Unknown keys are the Supabase CLI's business. What is broken is said with its place, and the rest
//! is still read.

use std::ops::Range;

use crate::map::IndexMap;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::catalog::api::ApiSettings;
use crate::catalog::name::QName;
use crate::catalog::platform::Exposure;

/// Where `supabase init` expects the seed.
pub(super) const SEED: &str = "./seed.sql";

/// The part of the file that matters here, with the defaults of `supabase init`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigToml {
    /// `project_id`
    pub project_id: Option<String>,
    /// `[api] enabled`, `schemas`; `[auth] enable_anonymous_sign_ins`, `[auth.email] enable_confirmations`,
    /// `[auth.hook.*]`
    pub api: ApiSettings,
    /// Where `[api] schemas` names each.
    pub exposed_at: Vec<(String, Range<usize>)>,
    /// `[api] extra_search_path`
    pub extra_search_path: Vec<String>,
    /// `[api] auto_expose_new_tables`
    pub exposure: Exposure,
    /// `[db] major_version`
    pub major_version: u32,
    /// `[db.migrations] schema_paths`
    pub declared_paths: Vec<FilePattern>,
    /// `[db.seed] sql_paths`; empty where seeding is off.
    pub seed_paths: Vec<FilePattern>,
    /// `[storage.buckets.<id>]`, by id.
    pub buckets: IndexMap<String, DeclaredBucket>,
}

impl Default for ConfigToml {
    fn default() -> Self {
        Self {
            project_id: None,
            api: ApiSettings::default(),
            exposed_at: Vec::new(),
            extra_search_path: vec!["public".into(), "extensions".into()],
            exposure: Exposure::Exposed,
            major_version: 17,
            declared_paths: Vec::new(),
            seed_paths: vec![FilePattern { text: SEED.into(), range: None }],
            buckets: IndexMap::default(),
        }
    }
}

/// A pattern of SQL files, relative to the `supabase` folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilePattern {
    pub text: String,
    /// Where it stands; nowhere if it is a default.
    pub range: Option<Range<usize>>,
}

/// A storage bucket of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeclaredBucket {
    pub public: bool,
    /// Where its id stands.
    pub range: Range<usize>,
}

/// A place in the file that cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TomlFlaw {
    pub range: Range<usize>,
    pub message: String,
}

impl ConfigToml {
    /// Reads the text of the file, as far as it can be read.
    pub fn parse(text: &str) -> (Self, Vec<TomlFlaw>) {
        let (table, errors) = DeTable::parse_recoverable(text);
        let flaws = errors
            .into_iter()
            .map(|error| TomlFlaw {
                range: error.span().unwrap_or(0..0),
                message: format!("this is no TOML: {}", error.message()),
            })
            .collect();
        let mut reader = Reader { root: table.get_ref(), flaws };
        let config = reader.config();
        // One mistake often upsets the parser more than once; the first place in a line tells.
        let mut flaws = reader.flaws;
        flaws.sort_by_key(|flaw| flaw.range.start);
        flaws.dedup_by_key(|flaw| {
            text.as_bytes()[..flaw.range.start].iter().filter(|byte| **byte == b'\n').count()
        });
        (config, flaws)
    }
}

struct Reader<'a> {
    root: &'a DeTable<'a>,
    flaws: Vec<TomlFlaw>,
}

impl<'a> Reader<'a> {
    fn config(&mut self) -> ConfigToml {
        let default = ConfigToml::default();
        let exposed = match self.list("api.schemas") {
            Some(names) => names.iter().map(|name| name.as_str().into()).collect(),
            None => default.api.schemas,
        };
        let api_is_on = self.flag("api.enabled").unwrap_or(true);
        let seeds_are_on = self.flag("db.seed.enabled").unwrap_or(true);
        let seed_paths = self.patterns("db.seed.sql_paths").unwrap_or(default.seed_paths);
        ConfigToml {
            project_id: self.root.get("project_id").and_then(|id| id.get_ref().as_str()).map(str::to_string),
            api: ApiSettings {
                schemas: if api_is_on { exposed } else { Vec::new() },
                exposed_at: IndexMap::default(),
                anonymous_sign_ins: self.flag("auth.enable_anonymous_sign_ins").unwrap_or(false),
                confirmed_addresses: self.flag("auth.email.enable_confirmations"),
                auth_hooks: self.auth_hooks(),
            },
            exposed_at: self
                .patterns("api.schemas")
                .into_iter()
                .flatten()
                .filter_map(|name| Some((name.text, name.range?)))
                .collect(),
            extra_search_path: self.list("api.extra_search_path").unwrap_or(default.extra_search_path),
            exposure: match self.flag("api.auto_expose_new_tables") {
                Some(false) => Exposure::Explicit,
                _ => Exposure::Exposed,
            },
            major_version: self.version("db.major_version").unwrap_or(default.major_version),
            declared_paths: self.patterns("db.migrations.schema_paths").unwrap_or_default(),
            seed_paths: if seeds_are_on { seed_paths } else { Vec::new() },
            buckets: self.buckets(),
        }
    }

    fn auth_hooks(&mut self) -> Vec<QName> {
        let mut hooks = Vec::new();
        for (name, _) in self.keys("auth.hook") {
            let key = |part: &str| format!("auth.hook.{name}.{part}");
            if self.flag(&key("enabled")) == Some(true)
                && let Some(uri) = self.text(&key("uri"))
            {
                hooks.extend(hook_function(&uri));
            }
        }
        hooks
    }

    fn buckets(&mut self) -> IndexMap<String, DeclaredBucket> {
        let mut buckets = IndexMap::default();
        for (id, range) in self.keys("storage.buckets") {
            let public = self.flag(&format!("storage.buckets.{id}.public")).unwrap_or(false);
            buckets.insert(id, DeclaredBucket { public, range });
        }
        buckets
    }

    /// The value under a dotted path of keys, and where it stands.
    fn value(&self, path: &str) -> Option<(&'a DeValue<'a>, Range<usize>)> {
        let (parents, key) = path.rsplit_once('.')?;
        let value = self.table(parents)?.get(key)?;
        Some((value.get_ref(), value.span()))
    }

    fn table(&self, path: &str) -> Option<&'a DeTable<'a>> {
        path.split('.').try_fold(self.root, |table, key| match table.get(key)?.get_ref() {
            DeValue::Table(table) => Some(table),
            _ => None,
        })
    }

    fn keys(&self, path: &str) -> Vec<(String, Range<usize>)> {
        let keys = self.table(path).into_iter().flat_map(|table| table.keys());
        // A dot within a key would read as two keys; such a bucket is left out.
        keys.map(|key| (key.get_ref().to_string(), key.span()))
            .filter(|(key, _)| !key.contains('.'))
            .collect()
    }

    fn flag(&mut self, path: &str) -> Option<bool> {
        self.typed(path, "true or false", |value| value.as_bool())
    }

    fn text(&mut self, path: &str) -> Option<String> {
        self.typed(path, "a text", |value| value.as_str().map(str::to_string))
    }

    /// Of PostgreSQL; newer ones than there are today will come.
    fn version(&mut self, path: &str) -> Option<u32> {
        let version = |value: &DeValue<'_>| value.as_integer()?.as_str().parse().ok();
        self.typed(path, "a version of PostgreSQL such as 17", |value| {
            version(value).filter(|version| (9..40).contains(version))
        })
    }

    fn list(&mut self, path: &str) -> Option<Vec<String>> {
        self.typed(path, "a list of texts", |value| {
            value.as_array()?.iter().map(|item| item.get_ref().as_str().map(str::to_string)).collect()
        })
        // A list with a value that is known only where it runs is as good as none.
        .filter(|list: &Vec<String>| !list.iter().any(|item| item.starts_with("env(")))
    }

    fn patterns(&mut self, path: &str) -> Option<Vec<FilePattern>> {
        let texts = self.list(path)?;
        let items = self.value(path)?.0.as_array()?.iter();
        let pattern =
            |(text, item): (String, &Spanned<DeValue<'_>>)| FilePattern { text, range: Some(item.span()) };
        Some(texts.into_iter().zip(items).map(pattern).collect())
    }

    fn typed<T>(
        &mut self,
        path: &str,
        wanted: &str,
        convert: impl Fn(&DeValue<'_>) -> Option<T>,
    ) -> Option<T> {
        let (value, range) = self.value(path)?;
        let converted = convert(value);
        // `env(NAME)` stands for a value of any type that is known only where it runs.
        let from_environment = value.as_str().is_some_and(|text| text.starts_with("env("));
        if converted.is_none() && !from_environment {
            self.flaws.push(TomlFlaw { range, message: format!("`{path}` is not {wanted}") });
        }
        converted
    }
}

/// The function of `pg-functions://postgres/auth/custom-access-token-hook`.
fn hook_function(uri: &str) -> Option<QName> {
    let mut parts = uri.strip_prefix("pg-functions://")?.split('/').skip(1);
    Some(QName::new(parts.next()?, parts.next()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_the_project_says() {
        let (config, flaws) = ConfigToml::parse(
            r#"
            project_id = "shop"
            [api]
            schemas = ["public", "api"]
            auto_expose_new_tables = false
            [db]
            major_version = 15
            [db.seed]
            sql_paths = ["./seeds/*.sql"]
            [auth]
            enable_anonymous_sign_ins = true
            [auth.email]
            enable_confirmations = false
            [auth.hook.custom_access_token]
            enabled = true
            uri = "pg-functions://postgres/public/add_claims"
            [auth.hook.send_sms]
            enabled = true
            uri = "https://example.com"
            [storage.buckets.avatars]
            public = true
            "#,
        );
        assert_eq!(flaws, []);
        assert_eq!(config.project_id.as_deref(), Some("shop"));
        assert_eq!(config.api.schemas, ["public", "api"]);
        assert_eq!(config.api.auth_hooks, [QName::new("public", "add_claims")]);
        assert!(config.api.anonymous_sign_ins);
        assert_eq!(config.api.confirmed_addresses, Some(false));
        assert_eq!((config.exposure, config.major_version), (Exposure::Explicit, 15));
        assert_eq!(config.seed_paths.len(), 1);
        assert_eq!(config.seed_paths[0].text, "./seeds/*.sql");
        assert!(config.buckets["avatars"].public);
    }

    #[test]
    fn an_empty_file_says_what_supabase_init_says() {
        assert_eq!(ConfigToml::parse(""), (ConfigToml::default(), Vec::new()));
    }

    #[test]
    fn values_from_the_environment_are_not_known() {
        let (config, flaws) = ConfigToml::parse("[auth]\nenable_anonymous_sign_ins = \"env(ANON)\"");
        assert_eq!((config, flaws), (ConfigToml::default(), Vec::new()));
    }

    #[test]
    fn a_version_is_one_that_there_may_be() {
        let (config, flaws) = ConfigToml::parse("[db]\nmajor_version = 99");
        assert_eq!(config.major_version, 17);
        assert_eq!(flaws[0].message, "`db.major_version` is not a version of PostgreSQL such as 17");
    }

    #[test]
    fn what_is_broken_hides_nothing_else() {
        let (config, flaws) =
            ConfigToml::parse("[api]\nschemas = \"public\"\n[db]\nmajor_version = 15\nport = \n");
        assert_eq!(config.major_version, 15);
        assert_eq!(config.api.schemas, ApiSettings::default().schemas);
        let messages: Vec<_> = flaws.iter().map(|flaw| flaw.message.as_str()).collect();
        assert_eq!(messages[0], "`api.schemas` is not a list of texts");
        assert!(messages[1].starts_with("this is no TOML: "), "{messages:?}");
    }
}
