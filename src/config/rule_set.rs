//! The rule-sets that are shipped: `policies/*.yaml`.

/// The rule-set of a project that names none.
pub const DEFAULT: &str = "recommended";

const SHIPPED: [(&str, &str); 4] = [
    ("recommended", include_str!("../../policies/recommended.yaml")),
    ("strict", include_str!("../../policies/strict.yaml")),
    ("security-only", include_str!("../../policies/security-only.yaml")),
    ("minimal", include_str!("../../policies/minimal.yaml")),
];

/// The names of the rule-sets.
pub fn names() -> impl Iterator<Item = &'static str> {
    SHIPPED.iter().map(|(name, _)| *name)
}

/// The YAML of a rule-set.
pub(super) fn text(name: &str) -> Option<&'static str> {
    SHIPPED.iter().find(|(shipped, _)| *shipped == name).map(|(_, text)| *text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;
    use crate::config::layer::Layer;
    use crate::rules;

    #[test]
    fn each_is_valid_and_says_what_it_is() {
        for (name, text) in SHIPPED {
            let (layer, flaws) = Layer::parse(text, std::path::Path::new(""));
            assert_eq!(flaws, [], "{name}");
            assert_eq!(layer.name.as_deref(), Some(name));
            assert!(layer.summary.is_some(), "{name}");
        }
    }

    #[test]
    fn each_is_read_as_yaml_has_it() {
        let levels = |layer: &Layer| -> Vec<_> {
            assert!(layer.overrides.is_empty() && layer.known_roles.is_empty() && layer.exposed.is_none());
            assert!(
                layer.rules.values().all(|entry| entry.options.is_none()),
                "options are read by `parse` only"
            );
            layer.rules.iter().map(|(rule, entry)| (*rule, entry.level)).collect()
        };
        let bases = |layer: &Layer| -> Vec<_> {
            layer.extends.iter().flatten().map(|base| base.value.clone()).collect()
        };
        for (name, text) in SHIPPED {
            let (parsed, shipped) = (Layer::parse(text, std::path::Path::new("")).0, Layer::shipped(text));
            assert_eq!(levels(&shipped), levels(&parsed), "{name}");
            assert_eq!(bases(&shipped), bases(&parsed), "{name}");
            assert_eq!((shipped.name, shipped.summary), (parsed.name, parsed.summary), "{name}");
        }
    }

    #[test]
    fn each_tells_what_a_change_opens() {
        for name in names() {
            assert!(Settings::shipped(name).is_on("policy-widened"), "{name}");
        }
    }

    #[test]
    fn strict_names_each_rule_or_extends_what_does() {
        let layers = ["strict", "recommended"]
            .map(|name| Layer::parse(text(name).expect("it is shipped"), std::path::Path::new("")).0);
        for rule in rules::ALL {
            assert!(
                layers.iter().any(|layer| layer.rules.contains_key(rule.id)),
                "{} is in no rule-set",
                rule.id
            );
        }
    }
}
