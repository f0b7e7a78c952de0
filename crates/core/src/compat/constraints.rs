//! What tables demand of rows that they did not demand where a release was at home.
//!
//! A client does not know checks, foreign keys of others or triggers, and breaks them without meaning to. So
//! these are differences between two catalogs and not between a catalog and a contract.

use underpin_catalog::model::{
    Catalog, ConstraintKind, Enforcement, ForeignKey, Index, IndexState, KeyPart, ReferentialAction,
    Table as CatalogTable,
};
use underpin_catalog::{Name, RelationName};
use underpin_prisma::ClientContract;
use underpin_prisma::client::Table;

use super::State;
use super::breakage::{Break, Operation, Reason};
use super::keys::is_over;
use super::mirrors::{mirrored, mirrored_key};
use crate::sync::is_sync_trigger;

/// What a client can run into that was not there where its release was made for.
pub(super) fn judge(client: &ClientContract, home: &Catalog, state: &State) -> Vec<Break> {
    let mut found = Vec::new();
    for table in client.tables.values().filter(|table| table.is_written()) {
        let (Some(was), Some(here)) = (home.tables.get(&table.name), state.catalog.tables.get(&table.name))
        else {
            continue;
        };
        unique(table, was, (here, &state.catalog), &mut found);
        checks(table, was, here, &mut found);
        foreign_keys(table, was, (here, &state.catalog), &mut found);
        others(table, was, here, &mut found);
    }
    for (name, here) in &state.catalog.tables {
        referencing(client, name, (home.tables.get(name), here), &state.catalog, &mut found);
    }
    found
}

const ON_WRITE: [Operation; 3] = Operation::WRITES;

fn unique(table: &Table, was: &CatalogTable, (here, all): (&CatalogTable, &Catalog), found: &mut Vec<Break>) {
    let counts = |index: &Index| index.unique && index.state != IndexState::NotReady;
    for (name, index) in here.indexes.iter().filter(|(_, index)| counts(index)) {
        let columns: Vec<Name> = plain(index);
        let mirrored = mirrored(all, &table.name, &columns);
        let same = |other: &Index| {
            counts(other)
                && other.predicate == index.predicate
                && other.nulls_not_distinct == index.nulls_not_distinct
                && match columns.is_empty() {
                    true => other.keys == index.keys,
                    false if is_over(other, &columns) => compares_alike(was, here, &columns),
                    false => is_over(other, &mirrored) && compares_alike(was, here, &mirrored),
                }
        };
        // Of columns that it does not know, it writes no values that could be equal.
        let knows = columns.is_empty() || columns.iter().any(|column| table.column(column).is_some());
        let declared = table.keys.iter().any(|key| is_over(index, &key.columns));
        let is_there = was.indexes.values().any(same);
        if is_there || !knows || (declared && !was.indexes.values().any(|other| is_over(other, &columns))) {
            continue;
        }
        let what = match columns.is_empty() {
            true => format!("rows of {} have to be unique by index {}", table.name.shown(), name.as_str()),
            false => format!("{} of {} have to be unique", listed(&columns), table.name.shown()),
        };
        let message = format!("{what}, which they needed not be: a second row with the same fails");
        found.push(Break::of_table(Reason::NewUnique, table, &ON_WRITE, Some("23505"), message).depends());
    }
}

/// Whether the columns compare as they did: a case-insensitive type or collation finds more to be equal.
fn compares_alike(was: &CatalogTable, here: &CatalogTable, columns: &[Name]) -> bool {
    columns.iter().all(|name| match (was.columns.get(name), here.columns.get(name)) {
        (Some(was), Some(here)) => {
            was.collation == here.collation && is_citext(&was.type_ref) == is_citext(&here.type_ref)
        }
        _ => true,
    })
}

fn is_citext(type_ref: &underpin_catalog::model::TypeRef) -> bool {
    type_ref.name.name.as_str() == "citext"
}

fn plain(index: &Index) -> Vec<Name> {
    let columns = index.keys.iter().map(|key| match &key.part {
        KeyPart::Column(column) => Some(column.clone()),
        KeyPart::Expression(_) => None,
    });
    columns.collect::<Option<_>>().unwrap_or_default()
}

fn checks(table: &Table, was: &CatalogTable, here: &CatalogTable, found: &mut Vec<Break>) {
    let held = |table: &CatalogTable| -> Vec<(String, &'static str)> {
        let of = table.constraints.values().filter(|one| one.enforcement != Enforcement::NotEnforced);
        of.filter_map(|one| match &one.kind {
            ConstraintKind::Check { expression } => Some((expression.clone(), "23514")),
            ConstraintKind::Exclusion { operators, .. } => Some((operators.join(" "), "23P01")),
            _ => None,
        })
        .collect()
    };
    let before = held(was);
    for (condition, code) in held(here).into_iter().filter(|one| !before.contains(one)) {
        let message = format!("{} takes only rows with {condition}, which needed not be", table.name.shown());
        found.push(Break::of_table(Reason::NewCheck, table, &ON_WRITE, Some(code), message).depends());
    }
}

/// What the rows of a table must have in others.
fn foreign_keys(
    table: &Table,
    was: &CatalogTable,
    (here, all): (&CatalogTable, &Catalog),
    found: &mut Vec<Break>,
) {
    let before = enforced(was);
    let was_there = |key: &ForeignKey| {
        let mirrored = mirrored_key(all, &table.name, key);
        before.iter().any(|other| same(key, other) || same(&mirrored, other))
    };
    for key in enforced(here).into_iter().filter(|key| !was_there(key)) {
        let declared = table
            .foreign_keys
            .iter()
            .any(|one| one.references == key.referenced && one.columns == key.columns);
        let knows = key.columns.iter().any(|column| table.column(column).is_some());
        if declared || !knows {
            continue;
        }
        let message = format!(
            "{} of {} must be in {}, which it needed not: rows without it fail",
            listed(&key.columns),
            table.name.shown(),
            key.referenced.shown()
        );
        found
            .push(Break::of_table(Reason::NewForeignKey, table, &ON_WRITE, Some("23503"), message).depends());
    }
}

/// What the foreign keys of a table, also of one that the client does not know, do to deletes in others.
fn referencing(
    client: &ClientContract,
    table: &RelationName,
    (was, here): (Option<&CatalogTable>, &CatalogTable),
    all: &Catalog,
    found: &mut Vec<Break>,
) {
    let major = all.major;
    let (before, now) = (was.map(enforced).unwrap_or_default(), enforced(here));
    let is_new = |key: &&ForeignKey| {
        let mirrored = mirrored_key(all, table, key);
        let is_mirror = |other: &ForeignKey| same(&mirrored, other) && mirrored.on_delete == other.on_delete;
        !before.iter().any(|other| same(key, other) || is_mirror(other))
    };
    for key in now.iter().filter(|key| is_new(key) && !acts(key.on_delete)) {
        deletes(client, key, table, Reason::NewForeignKey, Some(refusal(key.on_delete, major)), found);
    }
    for key in &before {
        let is_there = key.columns.iter().all(|column| here.columns.contains_key(column));
        match now.iter().find(|other| same(key, other)) {
            None if is_there && acts(key.on_delete) => {
                deletes(client, key, table, Reason::OtherForeignKey, None, found);
            }
            Some(now) if now.on_delete != key.on_delete => {
                let code = (!acts(now.on_delete)).then(|| refusal(now.on_delete, major));
                deletes(client, key, table, Reason::OtherForeignKey, code, found);
            }
            _ => {}
        }
    }
}

fn enforced(table: &CatalogTable) -> Vec<&ForeignKey> {
    let of = table.constraints.values().filter(|one| one.enforcement != Enforcement::NotEnforced);
    of.filter_map(|one| match &one.kind {
        ConstraintKind::ForeignKey(key) => Some(key),
        _ => None,
    })
    .collect()
}

fn same(one: &ForeignKey, other: &ForeignKey) -> bool {
    one.columns == other.columns && one.referenced == other.referenced
}

/// How a delete is refused for the sake of rows that reference. RESTRICT has a SQLSTATE of its own since
/// PostgreSQL 18.
fn refusal(action: ReferentialAction, major: u32) -> &'static str {
    match action {
        ReferentialAction::Restrict if major >= 18 => "23001",
        _ => "23503",
    }
}

/// Whether a delete does something to the rows that reference.
fn acts(action: ReferentialAction) -> bool {
    match action {
        ReferentialAction::Cascade | ReferentialAction::SetNull | ReferentialAction::SetDefault => true,
        ReferentialAction::NoAction | ReferentialAction::Restrict => false,
    }
}

fn deletes(
    client: &ClientContract,
    key: &ForeignKey,
    table: &RelationName,
    reason: Reason,
    code: Option<&'static str>,
    found: &mut Vec<Break>,
) {
    let Some(parent) = client.knows_table(&key.referenced).filter(|parent| parent.is_written()) else {
        return;
    };
    let message = match code {
        Some(_) => format!("a delete fails while rows of {} reference it, which it did not", table.shown()),
        None => format!("a delete does not to the rows of {} what it did", table.shown()),
    };
    found.push(Break::of_table(reason, parent, &[Operation::Delete], code, message).depends());
}

fn others(table: &Table, was: &CatalogTable, here: &CatalogTable, found: &mut Vec<Break>) {
    let mut tell = |what: String, code| {
        let message = format!("{what} of {} was not there", table.name.shown());
        let all = &Operation::ALL[1..];
        found.push(Break::of_table(Reason::NewTrigger, table, all, code, message).depends());
    };
    for (name, trigger) in &here.triggers {
        let same = was.triggers.get(name).is_some_and(|was| was.definition == trigger.definition);
        if !same && !is_sync_trigger(name) {
            tell(format!("trigger {}", name.as_str()), None);
        }
    }
    for (name, rule) in &here.rules {
        if was.rules.get(name).is_none_or(|was| was.definition != rule.definition) {
            tell(format!("rule {}", name.as_str()), None);
        }
    }
    let policies = |table: &CatalogTable| table.row_security.then(|| table.policies.clone());
    if here.row_security && policies(was) != policies(here) {
        tell("row security".to_owned(), Some("42501"));
    }
}

fn listed(columns: &[Name]) -> String {
    columns.iter().map(Name::as_str).collect::<Vec<_>>().join(", ")
}
