//! Values that say something of who asks.

use crate::predicate::link::is_of_auth;
use crate::predicate::read::{claim_of, is_claims, setting};
use crate::sql::expr::{Expr, QueryBody, SublinkKind};

/// What a value says of who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told<'a> {
    /// `auth.uid()`, or the claim `sub`.
    Id,
    Email,
    /// `auth.role()`, or the claim of that name: the role that the request runs with.
    Role,
    /// All claims of the token.
    Token,
    /// Another claim, by its first key.
    Claim(&'a str),
    /// Another setting, by its name.
    Setting(&'a str),
}

impl Told<'_> {
    /// Whether it is absent where nobody is signed in, and tells callers apart.
    pub fn identifies(self) -> bool {
        match self {
            Self::Id | Self::Email => true,
            Self::Claim(key) => !matches!(key, "role" | "iss" | "ref" | "aud" | "iat" | "exp"),
            Self::Role | Self::Token | Self::Setting(_) => false,
        }
    }
}

/// What a value says of who asks: casts, a sub-select around it, NULLIF and the change of its case
/// aside.
pub fn told(expr: &Expr) -> Option<Told<'_>> {
    let expr = unwrapped(expr);
    if let Some(key) = claim_of(expr) {
        return Some(of_claim(key));
    }
    match expr {
        Expr::Call(call) if is_of_auth(call) => match call.name.name.as_str() {
            "uid" => Some(Told::Id),
            "email" => Some(Told::Email),
            "role" => Some(Told::Role),
            "jwt" => Some(Told::Token),
            _ => None,
        },
        Expr::Call(call) => match (setting(call), call.args.as_slice()) {
            (Some("request.jwt.claims"), _) => Some(Told::Token),
            (Some(name), _) => match name.strip_prefix("request.jwt.claim.") {
                Some(key) => Some(of_claim(key)),
                None => Some(Told::Setting(name)),
            },
            (None, [only]) if keeps_identity(&call.name.name) && call.target.is_none() => told(only),
            _ => None,
        },
        Expr::Other("nullif", parts) => told(parts.first()?),
        other => is_claims(other).then_some(Told::Token),
    }
}

/// Whether an expression asks how the caller signed in, and nothing else: with a second factor, as an
/// anonymous user. It tells no caller's rows from another's.
pub fn asks_only_session(expr: &Expr) -> bool {
    match told(expr) {
        Some(Told::Claim(key)) => {
            matches!(key, "aal" | "amr" | "is_anonymous" | "aud" | "iss" | "iat" | "exp")
        }
        Some(_) => false,
        None => {
            let parts = expr.children();
            let is_other = |part: &&Expr| !asks_only_session(part);
            parts.iter().copied().any(asks_only_session) && parts.into_iter().filter(is_other).all(is_given)
        }
    }
}

/// Whether a value is written out, or asks which factors the caller has.
fn is_given(expr: &Expr) -> bool {
    match expr {
        Expr::Sublink(sublink) => {
            let mut all = true;
            sublink.query.walk_relations(&mut |relation| {
                let is_of_auth = relation.name.schema.as_ref().is_some_and(|name| name == "auth");
                all &= is_of_auth && relation.name.name == "mfa_factors";
            });
            all
        }
        Expr::Column(_) | Expr::Call(_) => false,
        other => other.children().into_iter().all(is_given),
    }
}

fn of_claim(key: &str) -> Told<'_> {
    match key {
        "sub" => Told::Id,
        "email" => Told::Email,
        "role" => Told::Role,
        key => Told::Claim(key),
    }
}

fn keeps_identity(function: &str) -> bool {
    matches!(function, "lower" | "upper" | "btrim")
}

/// The expression without the casts and the bare sub-selects around it.
pub fn unwrapped(expr: &Expr) -> &Expr {
    match expr.uncast() {
        Expr::Sublink(sublink) if sublink.kind == SublinkKind::Scalar => match &sublink.query.body {
            QueryBody::Select(select) if select.from.is_empty() && select.filter.is_none() => {
                match select.targets.as_slice() {
                    [only] => unwrapped(&only.expr),
                    _ => expr.uncast(),
                }
            }
            _ => expr.uncast(),
        },
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::name::QName;
    use crate::testing::Bench;

    #[test]
    fn how_someone_signed_in_is_no_person() {
        for (text, expected) in [
            ("auth.jwt() ->> 'aal' = 'aal2'", true),
            ("(select auth.jwt() ->> 'aal') in ('aal1', 'aal2')", true),
            ("((select auth.jwt()) ->> 'is_anonymous')::boolean is false", true),
            (
                "array[(select auth.jwt() ->> 'aal')] <@ (select case when count(id) > 0 then array['aal2'] \
                 else array['aal1', 'aal2'] end from auth.mfa_factors where auth.uid() = user_id)",
                true,
            ),
            ("owner = auth.jwt() ->> 'aal'", false),
            ("auth.jwt() ->> 'aal' = (select level from t)", false),
            ("auth.jwt() -> 'app_metadata' ->> 'role' = 'admin'", false),
            ("auth.uid() is not null", false),
            ("1 = 1", false),
        ] {
            let bench = Bench::new(&format!(
                "create table t (owner text, level text); create policy p on t using ({text});"
            ));
            let table = bench.catalog.table(&QName::new("public", "t")).expect("t is made");
            let using = table.policies["p"].using.as_ref().expect("p has a clause");
            assert_eq!(asks_only_session(&using.value), expected, "{text}");
        }
    }

    #[test]
    fn values_that_tell_who_asks() {
        for (text, expected) in [
            ("auth.uid()", Some(Told::Id)),
            ("(select auth.uid())::text", Some(Told::Id)),
            ("(select (auth.jwt() ->> 'sub')::uuid)", Some(Told::Id)),
            ("current_setting('request.jwt.claim.sub', true)::uuid", Some(Told::Id)),
            ("nullif(current_setting('request.jwt.claims', true), '')::json ->> 'sub'", Some(Told::Id)),
            ("lower(auth.email())", Some(Told::Email)),
            ("(auth.jwt() ->> 'email')", Some(Told::Email)),
            ("auth.role()", Some(Told::Role)),
            ("(select auth.jwt()) ->> 'role'", Some(Told::Role)),
            ("auth.jwt() -> 'app_metadata' ->> 'role'", Some(Told::Claim("app_metadata"))),
            ("(auth.jwt())::jsonb", Some(Told::Token)),
            ("current_setting('app.tenant')", Some(Told::Setting("app.tenant"))),
            ("md5(auth.email())", None),
            ("owner", None),
            ("(select x.owner from t x)", None),
        ] {
            let bench = Bench::new(&format!(
                "create table t (owner text); create policy p on t using (({text}) is null);"
            ));
            let table = bench.catalog.table(&QName::new("public", "t")).expect("t is made");
            let using = table.policies["p"].using.as_ref().expect("p has a clause");
            let Expr::IsNull { expr, .. } = &using.value else { panic!("{text}") };
            assert_eq!(told(expr), expected, "{text}");
        }
    }
}
