use crate::catalog::Catalog;
use crate::catalog::gap::Aspect;
use crate::catalog::name::QName;
use crate::catalog::table::Column;
use crate::catalog::types::{DataType, TypeRef, UserTypeKind};
use crate::diagnostic::{Identity, Severity};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::sql::name::Ident;

declare_rule! {
    /// Finds columns of types that keep a database from being upgraded.
    ///
    /// ## Why it matters
    ///
    /// `regproc`, `regoper`, `regconfig` and their like hold the number of an object in a system
    /// catalog. These numbers are others after an upgrade to a new version of PostgreSQL, and
    /// `pg_upgrade`, which Supabase uses, refuses a database with such a column: the upgrade of the
    /// project stops. `regclass`, `regtype` and `regrole` are kept and may be used.
    ///
    /// ```sql,bad
    /// create table public.documents (id bigint primary key, language regconfig, body text);
    /// ```
    ///
    /// ```sql,good
    /// create table public.documents (id bigint primary key, language text, body text);
    /// ```
    ///
    /// Arrays and domains of these types count as well.
    ///
    /// ## How to fix
    ///
    /// Keep the name as text, and cast where it is used: `to_tsvector(language::regconfig, body)`.
    /// `alter table public.documents alter column language type text;` converts what is there.
    "unsupported-reg-type" {
        group: Group::Migration,
        severity: Severity::Warning,
        summary: "a column's type cannot be upgraded",
        sources: &["splinter:0018"],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    let doubts = cx.catalog.doubts(&[Aspect::Shape]);
    for table in cx.catalog.own_tables().filter(|table| !table.is_partition && !doubts.concern(&table.name)) {
        for column in &table.columns {
            if let Some(reg_type) = reg_type(cx.catalog, &column.data_type.value) {
                report(&table.name, column, &reg_type, out);
            }
        }
    }
}

/// The type itself, of its elements, or below a domain.
fn reg_type(catalog: &Catalog, data_type: &DataType) -> Option<Ident> {
    match &data_type.base {
        TypeRef::Builtin(name) => data_type.names_system_objects().then(|| name.clone()),
        TypeRef::User(oid) => match &catalog.types.get(oid)?.kind {
            UserTypeKind::Domain(domain) => reg_type(catalog, &domain.base),
            _ => None,
        },
        _ => None,
    }
}

fn report(table: &QName, column: &Column, reg_type: &Ident, out: &mut Findings) {
    let Some(span) = column.name_span.or(column.data_type.origin.span()) else { return };
    let name = column.name.quoted();
    let message = format!(
        "column {name} of {table} is of type {reg_type}, with which the database cannot be upgraded to a new version of PostgreSQL"
    );
    out.report(span, Identity::part("column", table, column.name.to_string()), message)
        .note("holds the number of an object in a system catalog")
        .label(column.data_type.origin.span(), "its type is set here")
        .help(format!(
            "alter table {} alter column {name} type text; -- and cast to {reg_type} where it is used",
            table.quoted()
        ));
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::check;

    #[test]
    fn arrays_and_domains_count_and_kept_types_do_not() {
        check(
            &RULE,
            "create domain public.language as regconfig;
             create table public.t (a regproc, b regoper[], c public.language, d regclass, e regtype, f regrole, g text);
             --                     ^ warning: column a of public.t is of type regproc
             --                                ^ warning: regoper
             --                                             ^ warning: regconfig
             create table public.later (a regproc);
             alter table public.later alter column a type text;",
        );
    }
}
