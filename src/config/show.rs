//! Settings as text, each with what gave it.

use std::fmt;
use std::io::{self, Write};
use std::path::Path;

use crate::config::layer::Entry;
use crate::config::{Exposed, Level, Origin, Overriding, Settings};
use crate::rules;

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RuleSet(name) => write!(f, "rule-set {name}"),
            Self::File(path, line) => write!(f, "{path}:{line}"),
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::On => f.write_str("on"),
            Self::At(severity) => write!(f, "{severity}"),
        }
    }
}

impl Settings {
    /// Writes what holds, as YAML that could stand in a file of settings; comments say what gave it.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        match self.files.as_slice() {
            [] => writeln!(out, "# no file of settings")?,
            files => writeln!(out, "# from {}", files.join(", "))?,
        }
        writeln!(out, "# each rule is written out, so that nothing is left to extend")?;
        writeln!(out, "extends: []\nrules:")?;
        let mut all: Vec<_> = rules::ALL.to_vec();
        all.sort_by_key(|rule| rule.id);
        for rule in all {
            let settings = self.rules.get(rule.id);
            let level = self.level_of_project(rule.id);
            let mut from = match settings {
                _ if !self.is_allowed(rule.id) => "--only names others".to_string(),
                _ if self.only.contains(&rule.id) => "--only".to_string(),
                Some(settings) => settings.level_from.to_string(),
                None => "no rule-set holds it".to_string(),
            };
            if level == Level::On {
                from += &format!("; {} by itself", rule.severity);
            }
            match settings.and_then(|settings| settings.written.as_ref()) {
                None => write_commented(out, &format!("  {}: {level}", rule.id), &from)?,
                Some((written, options_from)) => {
                    writeln!(out, "  {}:", rule.id)?;
                    write_commented(out, &format!("    level: {level}"), &from)?;
                    write_commented(out, &format!("    options: {written}"), &options_from.to_string())?;
                }
            }
        }
        self.write_overrides(out)?;
        if !self.known_roles.is_empty() {
            writeln!(out, "known-roles:")?;
        }
        for (name, from) in &self.known_roles {
            write_commented(out, &format!("  - {}", serde_json::to_string(name)?), &from.to_string())?;
        }
        match &self.exposed {
            Some(Exposed { names, from, .. }) => {
                let names: Vec<_> = names.iter().map(|name| &name.value).collect();
                let names = serde_json::to_string(&names)?;
                write_commented(out, &format!("exposed-schemas: {names}"), &from.to_string())
            }
            None => writeln!(out, "# exposed-schemas: as supabase/config.toml says"),
        }
    }

    /// Their paths are relative to the folder of the last file of settings.
    fn write_overrides(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut heading = Some(match self.files.last() {
            Some(file) => format!("overrides:  # the paths are those of a file beside {file}"),
            None => "overrides:".to_string(),
        });
        for Overriding { given, paths_from, rules_from } in &self.overrides {
            let paths = given.patterns_in(&self.folder);
            let rules = given.rules.iter().zip(rules_from);
            let rules: Vec<_> = rules.filter(|((id, _), _)| self.is_allowed(id)).collect();
            if paths.is_empty() || rules.is_empty() {
                continue;
            }
            if let Some(heading) = heading.take() {
                writeln!(out, "{heading}")?;
            }
            let paths = serde_json::to_string(&paths)?;
            write_commented(out, &format!("  - paths: {paths}"), &paths_from.to_string())?;
            writeln!(out, "    rules:")?;
            for ((id, Entry { level, options, written, .. }), from) in rules {
                let level = level.map(|level| format!("level: {level}"));
                let options = options.as_ref().map(|_| format!("options: {written}"));
                let parts: Vec<_> = level.into_iter().chain(options).collect();
                let text = format!("      {id}: {{{}}}", parts.join(", "));
                write_commented(out, &text, &from.to_string())?;
            }
        }
        Ok(())
    }

    /// The level of a rule where no override holds.
    pub(super) fn level_of_project(&self, rule: &'static str) -> Level {
        let without = Self { overrides: Vec::new(), ..self.clone() };
        without.level(rule, Path::new(""))
    }
}

fn write_commented(out: &mut dyn Write, text: &str, comment: &str) -> io::Result<()> {
    writeln!(out, "{text:<44}  # {comment}")
}
