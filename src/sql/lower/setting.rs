//! SET and RESET, alone and within other statements.

use pg_raw_parse::nodes as pg;
use pg_raw_parse::raw::VariableSetKind;

use super::Cx;
use super::name::value;
use crate::sql::name::Ident;
use crate::sql::parser::List;
use crate::sql::statement::{SettingChange, SettingValue, StatementKind};
use crate::sql::token::TokenKind;

impl Cx<'_> {
    pub(super) fn set(&self, n: &pg::VariableSetStmt) -> StatementKind {
        match self.setting(n, 0) {
            None => StatementKind::Other("SET TRANSACTION"),
            Some(change) if n.is_local => StatementKind::SetLocal(change),
            Some(change) => StatementKind::Set(change),
        }
    }

    /// A setting whose SET or RESET stands at a token. `None`: it is no parameter.
    pub(super) fn setting(&self, n: &pg::VariableSetStmt, at: usize) -> Option<SettingChange> {
        let value = match n.kind {
            VariableSetKind::VAR_SET_VALUE => {
                SettingValue::Values(n.args().items().filter_map(value).collect())
            }
            VariableSetKind::VAR_SET_CURRENT => SettingValue::FromCurrent,
            VariableSetKind::VAR_SET_DEFAULT
            | VariableSetKind::VAR_RESET
            | VariableSetKind::VAR_RESET_ALL => SettingValue::Default,
            _ => return None,
        };
        let span = self.tokens().span(at, self.setting_end(at));
        Some(SettingChange {
            name: Ident::new(n.name().unwrap_or_default().to_ascii_lowercase()),
            span,
            value,
        })
    }

    /// The index after `SET name TO value, …`, `SET name FROM CURRENT` or `RESET name`.
    fn setting_end(&self, at: usize) -> usize {
        let tokens = self.tokens();
        if at == 0 {
            return tokens.list.len();
        }
        let name = if self.words_at(at + 1, &["time", "zone"]) { at + 3 } else { tokens.after_name(at + 1) };
        if tokens.is_word(at, "reset") {
            return name;
        }
        if self.words_at(name, &["from", "current"]) {
            return name + 2;
        }
        let equals = tokens.list.get(name).is_some_and(|token| token.text(self.code.text) == "=");
        let mut end = if equals || tokens.is_word(name, "to") { name + 1 } else { name };
        loop {
            // A sign stands before a number.
            if tokens.list.get(end).is_some_and(|token| token.kind == TokenKind::Operator) {
                end += 1;
            }
            end += 1;
            if !tokens.is(end, ',') {
                return end;
            }
            end += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::lower::testing::under;

    #[test]
    fn settings_are_read() {
        let text = "set search_path = public, \"Ext\", '', 1";
        let change = lowered!(Set, text);
        assert_eq!((change.name.as_str(), under(text, change.span)), ("search_path", text));
        let values = ["public", "Ext", "", "1"].map(str::to_owned).to_vec();
        assert_eq!(change.value, SettingValue::Values(values));
        assert_eq!(lowered!(SetLocal, "set local role x").name, "role");
        assert_eq!(lowered!(Set, "set session authorization default").value, SettingValue::Default);
        assert_eq!(lowered!(Set, "reset all").name, "");
        assert_eq!(lowered!(Set, "set a.b to on").value, SettingValue::Values(vec!["on".into()]));
        assert_eq!(
            lowered!(Set, "set time zone interval '1' hour").value,
            SettingValue::Values(vec!["1".into()])
        );
    }
}
