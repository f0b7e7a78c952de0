//! What columns need while they are in two tables: what stands where there is nothing, and what the rows have that
//! a trigger makes.

use underpin_catalog::{Name, RelationName, Sql, sql};
use underpin_prisma::migrate::{Column, Default, Table};
use underpin_prisma::schema::Arity;

use super::Question;
use super::draft::Draft;
use super::fill::{Filling, filling};
use super::names::quoted;
use crate::rollout::Phase;

/// What a column that goes has in a row of the release that comes: the constant, if it is not NULL. Defaults go first:
/// clients send their own, and a value that nobody wrote would look like one that somebody did.
pub(super) fn left(draft: &mut Draft<'_>, table: &Table, column: &Column) -> Option<Option<Sql>> {
    let about = draft.case.shown(&table.name, &column.name);
    match &column.default {
        None => {}
        Some(Default::Value(_)) => {
            draft.alter_column(Phase::Expand, &table.name, &column.name, |own| own.default = None);
            draft.note(format!(
                "{about} loses its default in the first phase: Prisma Clients send it themselves; SQL of your own that leaves the column out writes NULL"
            ));
        }
        Some(_) => {
            draft.refuse(
                about,
                "the database itself gives it a value, which a new release's row would have too",
                "drop that default in a release of its own first",
            );
            return None;
        }
    }
    if column.arity != Arity::Required {
        return Some(None);
    }
    let said = draft.answered.fills.get(&(table.name.clone(), column.name.clone())).cloned();
    match said {
        Some(value) if value.as_str().eq_ignore_ascii_case("null") => {
            draft.alter_column(Phase::Expand, &table.name, &column.name, |own| own.arity = Arity::Optional);
            draft.note(format!(
                "where the new release has no row for it, {about} is NULL: a release that reads the field as required cannot read that"
            ));
            Some(None)
        }
        Some(value) => {
            let default = Default::DbGenerated(Some(value.as_str().to_owned()));
            draft.alter_column(Phase::Expand, &table.name, &column.name, |own| {
                own.default = Some(default.clone())
            });
            draft.note(format!(
                "until the last phase {value} in {about} means that the new release has nothing there, whoever writes it"
            ));
            Some(Some(value))
        }
        None => {
            draft.ask(Question {
                asks: "it must have a value, and in the new release there may be none: what does the release that is out read then? A constant; NULL when none reads it any more (@ignore)".to_owned(),
                flags: vec![
                    format!("--fill {}", quoted(&format!("{about}=EXPRESSION"))),
                    format!("--fill {}", quoted(&format!("{about}=NULL"))),
                ],
                about,
            });
            None
        }
    }
}

/// What a required column of a new table gets where the old one has NULL beside other values.
pub(super) fn instead(draft: &mut Draft<'_>, table: &Table, column: &Column) -> Option<Sql> {
    let said = draft.answered.fills.get(&(table.name.clone(), column.name.clone())).cloned();
    if said.is_none() {
        let about = draft.case.shown(&table.name, &column.name);
        draft.ask(Question {
            asks: "it is required, and rows may have NULL there beside other values: what do they get?"
                .to_owned(),
            flags: vec![format!("--fill {}", quoted(&format!("{about}=EXPRESSION")))],
            about,
        });
    }
    said
}

/// A column comes beside what is there, without its default: a value that nobody wrote would look like one.
pub(super) fn comes(draft: &mut Draft<'_>, table: &Table, column: &Column, is_filled: bool) {
    let arity = if column.arity == Arity::List { Arity::List } else { Arity::Optional };
    let beside = Column { arity, default: None, ..column.clone() };
    draft.alter(Phase::Expand, &table.name, |own| own.columns.push(beside.clone()));
    if is_filled && column.arity == Arity::Required {
        draft.alter_column(Phase::Backfill, &table.name, &column.name, |own| own.arity = Arity::Required);
    }
}

/// What a row has that a trigger makes, besides the key and the columns.
pub(super) fn made(
    draft: &mut Draft<'_>,
    table: &Table,
    link: &[Name],
    columns: &[(Column, Column)],
) -> Option<Vec<(Name, Sql)>> {
    let mut made = Vec::new();
    let mut is_known = true;
    for column in &table.columns {
        let is_given = link.contains(&column.name) || columns.iter().any(|(_, new)| new.name == column.name);
        let is_left = column.default.is_some() || column.is_autoincrement || column.arity != Arity::Required;
        if is_given || is_left {
            continue;
        }
        let said = draft.answered.fills.get(&(table.name.clone(), column.name.clone())).cloned();
        let value = said.map_or_else(|| filling(draft, table, column), Filling::Value);
        match value {
            Filling::Value(value) => made.push((column.name.clone(), value)),
            Filling::Unknown(suggestion) => {
                let about = draft.case.shown(&table.name, &column.name);
                let value = suggestion.unwrap_or_else(|| "EXPRESSION".to_owned());
                draft.ask(Question {
                    asks:
                        "which value does it get in rows that are made for those of the release that is out?"
                            .to_owned(),
                    flags: vec![format!("--fill {}", quoted(&format!("{about}={value}")))],
                    about,
                });
                is_known = false;
            }
        }
    }
    is_known.then_some(made)
}

/// A row `t` of a table is as a trigger has made it: what it has besides is what rows have of themselves, and no row
/// of another table leads to it.
pub(super) fn untouched(
    draft: &Draft<'_>,
    table: &Table,
    link: &[Name],
    columns: &[(Column, Column)],
    made: &[(Name, Sql)],
) -> Sql {
    let catalog = draft.case.after;
    let key = table.primary_key.as_ref().map_or(&[] as &[_], |key| &key.columns);
    let mut conditions = Vec::new();
    for column in &table.columns {
        let is_other = link.contains(&column.name)
            || key.contains(&column.name)
            || columns.iter().any(|(_, new)| new.name == column.name)
            || made.iter().any(|(name, _)| *name == column.name)
            || column.is_autoincrement;
        if is_other {
            continue;
        }
        match &column.default {
            None => conditions.push(sql!("t.{} IS NULL", column.name)),
            Some(Default::Value(_)) => {
                let default = catalog.default_sql(column).unwrap_or_else(|| "NULL".to_owned());
                conditions.push(sql!(
                    "pg_catalog.record_image_eq(ROW(t.{}), ROW(CAST({} AS {})))",
                    column.name,
                    Sql::verbatim(default),
                    Sql::verbatim(catalog.column_type_sql(column))
                ));
            }
            Some(_) => {}
        }
    }
    for other in &draft.base.catalog.tables {
        for key in other.foreign_keys.iter().filter(|key| key.references == table.name) {
            let met: Vec<String> = key
                .columns
                .iter()
                .zip(&key.referenced)
                .map(|(own, its)| sql!("c.{} OPERATOR(pg_catalog.=) t.{}", own, its).to_string())
                .collect();
            conditions.push(sql!(
                "NOT EXISTS (SELECT 1 FROM {} AS c WHERE {})",
                qualified(draft, &other.name),
                Sql::verbatim(met.join(" AND "))
            ));
        }
    }
    match conditions.is_empty() {
        true => Sql::verbatim("true"),
        false => Sql::verbatim(conditions.iter().map(Sql::as_str).collect::<Vec<_>>().join(" AND ")),
    }
}

/// A table with its namespace.
pub(super) fn qualified(draft: &Draft<'_>, table: &RelationName) -> RelationName {
    let namespace = table.namespace.clone().or_else(|| draft.case.after.default_namespace.clone());
    RelationName { namespace, name: table.name.clone() }
}
