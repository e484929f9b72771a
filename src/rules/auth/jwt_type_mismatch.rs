use rustc_hash::FxHashSet;

use crate::catalog::Catalog;
use crate::catalog::bind::Binder;
use crate::catalog::gap::Aspect;
use crate::catalog::types::TypeRef;
use crate::diagnostic::Severity;
use crate::predicate::{Told, told};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::rules::clauses::{Spot, compared, spots};
use crate::source::Span;
use crate::sql::expr::{Expr, Literal, Query, QueryBody, SublinkKind};

declare_rule! {
    /// Finds claims of the token that are compared with a value of another type.
    ///
    /// ## Why it matters
    ///
    /// `->` gives JSON and `->>` gives text. PostgreSQL has no `=` between JSON and text, nor between text
    /// and a uuid, a number or a boolean: it refuses the policy.
    ///
    /// ```sql,bad
    /// create table public.notes (id bigint primary key, owner uuid);
    /// alter table public.notes enable row level security;
    /// create policy "own" on public.notes using (owner = (auth.jwt() ->> 'sub'));
    /// ```
    ///
    /// ```sql,good
    /// create table public.notes (id bigint primary key, owner uuid);
    /// alter table public.notes enable row level security;
    /// create policy "own" on public.notes using (owner = (auth.jwt() ->> 'sub')::uuid);
    /// ```
    ///
    /// ## How to fix
    ///
    /// Take the claim as text with `->>`, and cast it to the type that it is compared with:
    /// `(auth.jwt() ->> 'sub')::uuid`.
    "jwt-type-mismatch" {
        group: Group::Auth,
        severity: Severity::Error,
        summary: "a claim is compared with a value of another type",
        sources: &[],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    for spot in mismatches(cx) {
        let message = match &spot.seen {
            Mismatch { miscast: Some((key, to)), .. } => format!(
                "{} casts the text {key} to {to}, and not the claim: `::` comes before `->>`, and PostgreSQL refuses it",
                spot.subject()
            ),
            Mismatch { claim, other, .. } => format!(
                "{} compares a claim, which is {claim} here, with {other}: PostgreSQL refuses it",
                spot.subject()
            ),
        };
        spot.report(out, message).help(spot.seen.cast.clone());
    }
}

fn mismatches<'a>(cx: &CatalogCx<'a>) -> Vec<Spot<'a, Mismatch>> {
    spots(cx, |table, _, part| {
        let shape = cx.catalog.may_have_changed(&table.name, Aspect::Shape);
        pairs(part)
            .into_iter()
            .find_map(|(claim, other)| mismatch(cx.catalog, claim, other))
            .filter(|_| !shape)
    })
}

/// The statements that fail for such a comparison.
pub(in crate::rules) fn statements(cx: &CatalogCx<'_>) -> FxHashSet<Span> {
    mismatches(cx).iter().filter_map(|spot| spot.policy.history.created.span()).collect()
}

struct Mismatch {
    claim: &'static str,
    other: String,
    /// The key that is cast in the place of the claim, and the type.
    miscast: Option<(String, &'static str)>,
    cast: String,
}

/// What is compared, the result of a sub-select for the sub-select.
fn pairs(expr: &Expr) -> Vec<(&Expr, &Expr)> {
    let mut pairs = compared(expr);
    if let Expr::Sublink(sublink) = expr
        && sublink.kind == SublinkKind::Any
        && let (Some(test), Some(result)) = (&sublink.test, only_result(&sublink.query))
    {
        pairs.extend([(&**test, result), (result, &**test)]);
    }
    pairs.into_iter().map(|(one, other)| (bare(one), bare(other))).collect()
}

fn only_result(query: &Query) -> Option<&Expr> {
    let QueryBody::Select(select) = &query.body else { return None };
    match select.targets.as_slice() {
        [only] => Some(&only.expr),
        _ => None,
    }
}

/// `x` for `(select x)`.
fn bare(expr: &Expr) -> &Expr {
    match expr {
        Expr::Sublink(sublink) if sublink.is_bare() => only_result(&sublink.query).unwrap_or(expr),
        _ => expr,
    }
}

fn mismatch(catalog: &Catalog, claim: &Expr, other: &Expr) -> Option<Mismatch> {
    let Expr::Op { op, .. } = claim else { return None };
    told(claim).filter(|told| !matches!(told, Told::Token))?;
    let as_text = matches!(op.as_str(), "->>" | "#>>");
    let claim_is = if as_text { "text" } else { "JSON" };
    let found = |other: &str, cast: &str| {
        Some(Mismatch { claim: claim_is, other: other.to_string(), miscast: None, cast: cast.to_string() })
    };
    if let Some((key, to)) = miscast(claim) {
        let (cast, key) = (format!("(… {op} '{key}')::{to}"), format!("'{key}'"));
        return Some(Mismatch { claim: claim_is, other: String::new(), miscast: Some((key, to)), cast });
    }
    match (other, as_text) {
        (Expr::Literal(Literal::String(text)), false) if !may_be_json(text) => {
            found("a text that is no JSON", "take the claim as text: `->>`")
        }
        (Expr::Literal(Literal::Bool(_)), _) => found("a boolean", "cast the claim: (… ->> 'key')::boolean"),
        (Expr::Literal(Literal::Number(_)), _) => found("a number", "cast the claim: (… ->> 'key')::int"),
        (Expr::Literal(_) | Expr::Op { .. }, _) => None,
        _ => {
            let data_type = Binder::new(catalog).data_type(other).filter(|data_type| !data_type.array)?;
            let TypeRef::Builtin(name) = &data_type.base else { return None };
            let name = name.as_str();
            match (name, as_text) {
                (
                    "uuid" | "bool" | "int2" | "int4" | "int8" | "numeric" | "date" | "timestamp"
                    | "timestamptz",
                    _,
                ) => found(
                    &format!("{} of type {name}", words(other)),
                    "cast the claim to that type: (… ->> 'key')::…",
                ),
                ("text" | "varchar", false) => {
                    found(&format!("{} of type {name}", words(other)), "take the claim as text: `->>`")
                }
                _ => None,
            }
        }
    }
}

/// The key of a claim that is cast to a type which no key can be read as: `auth.jwt() ->> 'org_id'::uuid`.
fn miscast(claim: &Expr) -> Option<(&str, &'static str)> {
    const TYPES: [&str; 8] = ["uuid", "int4", "int8", "numeric", "bool", "json", "jsonb", "timestamptz"];
    let Expr::Op { right, .. } = claim else { return None };
    let Expr::Cast { expr, to } = &**right else { return None };
    let Expr::Literal(Literal::String(key)) = &**expr else { return None };
    let to = TYPES.into_iter().find(|name| to.dimensions == 0 && to.name.name == *name)?;
    let is_word = key.starts_with(|first: char| first.is_ascii_alphabetic());
    (is_word && !may_be_json(key)).then_some((key, to))
}

fn words(expr: &Expr) -> String {
    match expr {
        Expr::Column(column) => {
            column.path.last().map_or_else(|| "a column".to_string(), |name| name.quoted())
        }
        _ => "a value".to_string(),
    }
}

/// Whether a text can be read as JSON.
fn may_be_json(text: &str) -> bool {
    let text = text.trim();
    matches!(text, "true" | "false" | "null")
        || text.starts_with(['"', '{', '[', '-'])
        || text.starts_with(|first: char| first.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::check;

    const TABLE: &str = "create table public.a (id bigint primary key, owner uuid, org_id text, email text, ok boolean);\n\
                         alter table public.a enable row level security;\n";

    fn policy(text: &str) {
        check(&RULE, &format!("{TABLE}{text}"));
    }

    #[test]
    fn forms() {
        policy(
            "
             create policy p1 on public.a using (owner = (auth.jwt() ->> 'sub'));
             --                                  ^^^^^^^^^^^^^^^^^^^ error: policy \"p1\" on public.a compares a claim, which is text here, with owner of type uuid
             create policy p2 on public.a using (org_id in (select auth.jwt() -> 'app_metadata' -> 'org'));
             --                                  ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ error: which is JSON here, with org_id of type text
             create policy p3 on public.a using ((select auth.jwt() -> 'app_metadata' ->> 'admin') = true);
             --                                  ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ error: with a boolean
             create policy p4 on public.a using (auth.jwt() -> 'app_metadata' -> 'role' = 'admin');
             --                                  ^^^^^^^^^^ error: with a text that is no JSON
             create policy cast_key on public.a using (owner = auth.jwt() ->> 'owner_id'::uuid);
             --                                        ^^^^^^^^^^^^^^^^^^ error: policy \"cast_key\" on public.a casts the text 'owner_id' to uuid, and not the claim: `::` comes before `->>`, and PostgreSQL refuses it
             create policy cast_text on public.a using (org_id = auth.jwt() ->> 'org_id'::text);
             create policy p5 on public.a using ((auth.jwt() ->> 'org')::int = id and (auth.jwt() ->> 'sub')::uuid = owner);
             create policy p6 on public.a using (auth.jwt() -> 'app_metadata' -> 'role' = '\"admin\"' or auth.jwt() -> 'x' = 'true');
             create policy p7 on public.a using (org_id = (auth.jwt() ->> 'org') and (auth.jwt() ->> 'aal') = 'aal2');
             create policy p8 on public.a using (org_id = any (array(select jsonb_array_elements_text(auth.jwt() -> 'orgs'))));
             create policy p9 on public.a using ((auth.jwt() ->> 'admin')::boolean = true);",
        );
    }
}
