//! The JSON schema of `rls-lint.yaml`, which editors complete and check it by.

use serde_json::{Map, Value, json};

use crate::config::rule_set;
use crate::rule::Rule;
use crate::rules;

/// The schema that `policies/schema.json` holds.
pub fn schema() -> Value {
    let mut by_name: Vec<_> = rules::ALL.to_vec();
    by_name.sort_by_key(|rule| rule.id);
    let rules: Map<_, _> = by_name.iter().map(|rule| (rule.id.to_string(), of_rule(rule))).collect();
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "rls-lint.yaml",
        "description": "Which rules of rls-lint look, how severe they are, with which options.",
        "type": ["object", "null"],
        "additionalProperties": false,
        "properties": {
            "name": { "type": "string", "description": "What the rule-set is called." },
            "summary": { "type": "string", "description": "What the rule-set is for." },
            "extends": {
                "description": "The rule-sets, or files of settings, that this one starts from. The default is recommended.",
                "anyOf": [
                    { "$ref": "#/definitions/base" },
                    { "type": "array", "items": { "$ref": "#/definitions/base" } },
                    { "type": "null" },
                ],
            },
            "rules": { "$ref": "#/definitions/rules" },
            "overrides": {
                "description": "Other levels and options for some files.",
                "type": "array",
                "items": {
                    "type": "object",
                    "additionalProperties": false,
                    "properties": {
                        "paths": {
                            "description": "Patterns of files, relative to this file.",
                            "$ref": "#/definitions/texts",
                        },
                        "rules": { "$ref": "#/definitions/rules" },
                    },
                },
            },
            "known-roles": { "description": "Roles that no migration makes.", "$ref": "#/definitions/texts" },
            "exposed-schemas": {
                "description": "The schemas of the Data API, in place of [api] schemas in config.toml.",
                "$ref": "#/definitions/texts",
            },
        },
        "definitions": {
            "base": {
                "anyOf": [
                    { "enum": rule_set::names().collect::<Vec<_>>() },
                    { "type": "string", "pattern": "\\.ya?ml$" },
                ],
            },
            "level": { "enum": ["off", "on", "info", "warning", "error", false, true] },
            "texts": {
                "anyOf": [
                    { "type": "string" },
                    { "type": "array", "items": { "type": "string" } },
                    { "type": "null" },
                ],
            },
            "rules": { "type": ["object", "null"], "additionalProperties": false, "properties": rules },
        },
    })
}

fn of_rule(rule: &Rule) -> Value {
    let options: Map<_, _> =
        rule.options.known().iter().map(|name| ((*name).to_string(), of_option(rule, name))).collect();
    let with_options = json!({
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "level": { "$ref": "#/definitions/level" },
            "options": { "type": "object", "additionalProperties": false, "properties": options },
        },
    });
    json!({ "description": rule.summary, "anyOf": [{ "$ref": "#/definitions/level" }, with_options] })
}

/// The types that an option takes: it is asked with a value of each.
fn of_option(rule: &Rule, name: &str) -> Value {
    let samples = [
        (json!({ "type": "boolean" }), serde_yaml::Value::from(true)),
        (json!({ "type": "integer" }), 1.into()),
        (json!({ "type": "string" }), "a".into()),
        (json!({ "type": "array", "items": { "type": "string" } }), vec!["a"].into()),
    ];
    let takes = |value: serde_yaml::Value| {
        let options = serde_yaml::Mapping::from_iter([(name.into(), value)]);
        rule.options.parse(options).is_ok()
    };
    let taken: Vec<_> =
        samples.into_iter().filter(|(_, sample)| takes(sample.clone())).map(|(form, _)| form).collect();
    match taken.as_slice() {
        [] => json!({}),
        [one] => one.clone(),
        many => json!({ "anyOf": many }),
    }
}
