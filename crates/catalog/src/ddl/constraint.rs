//! Constraints of tables and domains.

use super::about;
use super::inventory::Owner;
use super::loss::Loss;
use super::part::{and, columns, deparsed, with};
use super::written::Written;
use crate::model::{
    Constraint, ConstraintKind, Deferral, Enforcement, ForeignKey, Index, MatchKind, ReferentialAction,
};
use crate::sql::Sql;
use crate::{Name, RelationName, sql};

/// `TABLE "t"` or `DOMAIN "d"`.
fn altered(owner: Owner<'_>) -> Sql {
    match owner {
        Owner::Table(name, _) | Owner::View(name, _) => sql!("TABLE {}", name),
        Owner::Domain(name) => sql!("DOMAIN {}", name),
    }
}

pub(super) fn drop(written: &mut Written<'_>, owner: Owner<'_>, name: &Name, constraint: &Constraint) {
    written.say(match plain_not_null(owner, name, constraint) {
        Some(column) => sql!("ALTER {} ALTER COLUMN {} DROP NOT NULL", altered(owner), column),
        None => sql!("ALTER {} DROP CONSTRAINT {}", altered(owner), name),
    });
}

/// The column of a constraint that `SET NOT NULL` makes and `DROP NOT NULL` takes away. So it is written then,
/// because majors before 18, on which the text may be executed as well, know no such constraint.
fn plain_not_null<'a>(owner: Owner<'_>, name: &Name, constraint: &'a Constraint) -> Option<&'a Name> {
    let ConstraintKind::NotNull { column: Some(column) } = &constraint.kind else { return None };
    let made = format!("{}_{}_not_null", owner.name().name.as_str(), column.as_str());
    // Of a longer name PostgreSQL shortens the parts.
    let is_own = made == name.as_str() && made.len() <= Name::BYTES_MAX;
    (is_own && constraint.enforcement == Enforcement::Valid && !constraint.no_inherit).then_some(column)
}

pub(super) fn create(
    written: &mut Written<'_>,
    owner: Owner<'_>,
    name: &Name,
    constraint: &Constraint,
    rows_are_there: bool,
) {
    let Some(definition) = definition(owner, constraint) else { return };
    let condition = match &constraint.kind {
        _ if !rows_are_there || constraint.enforcement != Enforcement::Valid => None,
        ConstraintKind::PrimaryKey { columns, .. } => {
            Some(format!("no two rows have the same ({}), and none has NULL there", listed(columns)))
        }
        ConstraintKind::Unique { columns, .. } => {
            Some(format!("no two rows have the same ({})", listed(columns)))
        }
        ConstraintKind::ForeignKey(foreign) => {
            Some(format!("every ({}) is there in {}", listed(&foreign.columns), foreign.referenced.shown()))
        }
        ConstraintKind::Check { expression } => Some(format!("every row has {expression}")),
        ConstraintKind::Exclusion { .. } => Some("no two rows exclude each other".to_owned()),
        ConstraintKind::NotNull { column: Some(column) } => {
            Some(format!("no row has NULL in {}", super::column::shown(owner.name(), column)))
        }
        ConstraintKind::NotNull { column: None } => {
            Some(format!("no column of {} has NULL", owner.name().shown()))
        }
        ConstraintKind::Trigger => None,
    };
    let loss = condition.map_or(Loss::Nothing, Loss::NothingIf);
    let mut statement = match plain_not_null(owner, name, constraint) {
        Some(column) => sql!("ALTER {} ALTER COLUMN {} SET NOT NULL", altered(owner), column),
        None => sql!("ALTER {} ADD CONSTRAINT {} {}", altered(owner), name, definition),
    };
    if constraint.enforcement == Enforcement::NotValid {
        statement = sql!("{} NOT VALID", statement);
    }
    written.lose(loss, statement);
    comment(written, owner, name, None, constraint.about.comment.as_ref());
}

fn listed(names: &[Name]) -> String {
    names.iter().map(Name::as_str).collect::<Vec<_>>().join(", ")
}

/// Everything behind the name, without `NOT VALID`.
fn definition(owner: Owner<'_>, constraint: &Constraint) -> Option<Sql> {
    let index = |name: &Name| match owner {
        Owner::Table(_, table) => table.indexes.get(name),
        Owner::View(..) | Owner::Domain(_) => None,
    };
    let mut made = match &constraint.kind {
        ConstraintKind::PrimaryKey { columns, without_overlaps, index: by } => {
            keyed(sql!("PRIMARY KEY"), columns, *without_overlaps, index(by))
        }
        ConstraintKind::Unique { columns, without_overlaps, index: by } => {
            let word = match index(by) {
                Some(index) if index.nulls_not_distinct => sql!("UNIQUE NULLS NOT DISTINCT"),
                _ => sql!("UNIQUE"),
            };
            keyed(word, columns, *without_overlaps, index(by))
        }
        ConstraintKind::ForeignKey(foreign) => foreign_key(foreign),
        ConstraintKind::Check { expression } => sql!("CHECK ({})", deparsed(expression)),
        ConstraintKind::Exclusion { operators, index: by } => exclusion(operators, index(by)?),
        ConstraintKind::NotNull { column: Some(column) } => sql!("NOT NULL {}", column),
        ConstraintKind::NotNull { column: None } => sql!("NOT NULL"),
        ConstraintKind::Trigger => return None,
    };
    if constraint.no_inherit
        && matches!(constraint.kind, ConstraintKind::Check { .. } | ConstraintKind::NotNull { .. })
    {
        made = sql!("{} NO INHERIT", made);
    }
    made = and(made, deferral(constraint.deferral));
    if constraint.enforcement == Enforcement::NotEnforced {
        made = sql!("{} NOT ENFORCED", made);
    }
    Some(made)
}

fn deferral(deferral: Deferral) -> Option<Sql> {
    match deferral {
        Deferral::NotDeferrable => None,
        Deferral::InitiallyImmediate => Some(sql!("DEFERRABLE")),
        Deferral::InitiallyDeferred => Some(sql!("DEFERRABLE INITIALLY DEFERRED")),
    }
}

fn keyed(word: Sql, names: &[Name], without_overlaps: bool, index: Option<&Index>) -> Sql {
    let made = match without_overlaps {
        true => sql!("{} ({} WITHOUT OVERLAPS)", word, names),
        false => sql!("{} {}", word, columns(names)),
    };
    match index {
        Some(index) => behind_keys(made, index),
        None => made,
    }
}

/// `INCLUDE`, `WITH` and `USING INDEX TABLESPACE` of the index that a constraint makes.
fn behind_keys(made: Sql, index: &Index) -> Sql {
    let made = and(made, (!index.included.is_empty()).then(|| sql!("INCLUDE {}", columns(&index.included))));
    let made = and(made, with(&index.options));
    and(made, index.tablespace.as_ref().map(|name| sql!("USING INDEX TABLESPACE {}", name)))
}

fn exclusion(operators: &[String], index: &Index) -> Sql {
    let keys: Vec<Sql> = index
        .keys
        .iter()
        .zip(operators)
        .map(|(key, operator)| sql!("{} WITH {}", super::index::key(key), operator_of(operator)))
        .collect();
    let made = behind_keys(sql!("EXCLUDE USING {} ({})", index.method, keys), index);
    and(made, index.predicate.as_ref().map(|predicate| sql!("WHERE ({})", deparsed(predicate))))
}

/// Of `&&(anyrange,anyrange)` the operator. One that is not PostgreSQL's own stands with its namespace.
fn operator_of(text: &str) -> Sql {
    let operator = text.split('(').next().unwrap_or(text);
    if operator.contains('.') {
        sql!("OPERATOR({})", Sql::verbatim(operator))
    } else {
        Sql::verbatim(operator)
    }
}

fn foreign_key(foreign: &ForeignKey) -> Sql {
    let ForeignKey {
        columns: own,
        referenced,
        referenced_columns,
        match_kind,
        on_update,
        on_delete,
        on_delete_columns,
        period,
    } = foreign;
    let list = |names: &[Name]| match (names.split_last(), period) {
        (Some((last, [])), true) => sql!("(PERIOD {})", last),
        (Some((last, others)), true) => sql!("({}, PERIOD {})", others, last),
        _ => columns(names),
    };
    let mut made = sql!("FOREIGN KEY {} REFERENCES {} {}", list(own), referenced, list(referenced_columns));
    if *match_kind == MatchKind::Full {
        made = sql!("{} MATCH FULL", made);
    }
    made = and(made, action(*on_update).map(|action| sql!("ON UPDATE {}", action)));
    made = and(made, action(*on_delete).map(|action| sql!("ON DELETE {}", action)));
    if on_delete_columns.is_empty() { made } else { sql!("{} {}", made, columns(on_delete_columns)) }
}

fn action(action: ReferentialAction) -> Option<Sql> {
    match action {
        ReferentialAction::NoAction => None,
        ReferentialAction::Restrict => Some(sql!("RESTRICT")),
        ReferentialAction::Cascade => Some(sql!("CASCADE")),
        ReferentialAction::SetNull => Some(sql!("SET NULL")),
        ReferentialAction::SetDefault => Some(sql!("SET DEFAULT")),
    }
}

pub(super) fn comment(
    written: &mut Written<'_>,
    owner: Owner<'_>,
    name: &Name,
    before: Option<&String>,
    after: Option<&String>,
) {
    let on = match owner {
        Owner::Table(table, _) | Owner::View(table, _) => sql!("{}", table),
        Owner::Domain(domain) => sql!("DOMAIN {}", domain),
    };
    let called = sql!("CONSTRAINT {} ON {}", name, on);
    written.say_all(about::comment(&called, before, after));
}

/// Whether a constraint becomes another without being dropped, the comment left out.
pub(super) fn is_alterable(owner: Owner<'_>, before: &Constraint, after: &Constraint) -> bool {
    if before.kind != after.kind {
        return false;
    }
    let inherits = before.no_inherit == after.no_inherit;
    let enforced = match (before.enforcement, after.enforcement) {
        (old, new) if old == new => true,
        (Enforcement::NotValid, Enforcement::Valid) => true,
        _ => false,
    };
    let is_foreign = matches!(before.kind, ConstraintKind::ForeignKey(_));
    let table = matches!(owner, Owner::Table(..));
    let deferred = before.deferral == after.deferral || (is_foreign && table);
    inherits && enforced && deferred && before.switched == after.switched
}

/// What turns a constraint into another.
pub(super) fn alter(
    written: &mut Written<'_>,
    owner: Owner<'_>,
    name: &Name,
    (before, after): (&Constraint, &Constraint),
) {
    if before.deferral != after.deferral {
        let clause = deferral(after.deferral).unwrap_or_else(|| sql!("NOT DEFERRABLE"));
        let clause = match after.deferral {
            Deferral::InitiallyImmediate => sql!("{} INITIALLY IMMEDIATE", clause),
            Deferral::NotDeferrable | Deferral::InitiallyDeferred => clause,
        };
        written.say(sql!("ALTER TABLE {} ALTER CONSTRAINT {} {}", owner.name(), name, clause));
    }
    if before.enforcement != after.enforcement {
        let loss = Loss::NothingIf(format!("every row keeps {}", name.as_str()));
        written.lose(loss, sql!("ALTER {} VALIDATE CONSTRAINT {}", altered(owner), name));
    }
    comment(written, owner, name, before.about.comment.as_ref(), after.about.comment.as_ref());
}

/// The name of the table that a foreign key leads to.
pub(super) fn referenced(constraint: &Constraint) -> Option<&RelationName> {
    match &constraint.kind {
        ConstraintKind::ForeignKey(foreign) => Some(&foreign.referenced),
        _ => None,
    }
}
