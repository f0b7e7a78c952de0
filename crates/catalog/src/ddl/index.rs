//! Indexes that no constraint makes, and the settings of all.

use std::collections::BTreeMap;

use super::about;
use super::inventory::Owner;
use super::loss::Loss;
use super::part::{and, collate, columns, deparsed, joined, option_changes, options, tablespace, with};
use super::written::Written;
use crate::model::{Index, IndexKey, IndexState, KeyPart, ReplicaIdentity, SortOrder, Table, TableKind};
use crate::sql::Sql;
use crate::{Name, RelationName, sql};

/// A key with how it is compared and ordered.
pub(super) fn key(key: &IndexKey) -> Sql {
    let mut clauses = vec![match &key.part {
        KeyPart::Column(name) => sql!("{}", name),
        KeyPart::Expression(expression) => sql!("({})", deparsed(expression)),
    }];
    clauses.extend(collate(key.collation.as_ref()));
    // Options stand behind a class, the usual one too.
    if !key.operator_class_is_default || !key.operator_class_options.is_empty() {
        clauses.push(sql!("{}", key.operator_class));
    }
    if !key.operator_class_options.is_empty() {
        clauses.push(options(&key.operator_class_options));
    }
    match key.order {
        SortOrder::Ascending => {}
        SortOrder::AscendingNullsFirst => clauses.push(sql!("NULLS FIRST")),
        SortOrder::Descending => clauses.push(sql!("DESC")),
        SortOrder::DescendingNullsLast => clauses.push(sql!("DESC NULLS LAST")),
    }
    joined(clauses)
}

pub(super) fn create(written: &mut Written<'_>, owner: Owner<'_>, name: &Name, index: &Index) {
    let word = if index.unique { sql!("CREATE UNIQUE INDEX") } else { sql!("CREATE INDEX") };
    let keys: Vec<Sql> = index.keys.iter().map(key).collect();
    let on = match owner {
        // Of a partitioned table, one that lacks some partitions is made alone.
        Owner::Table(table, of) if is_alone(of, index) => sql!("ONLY {}", table),
        _ => sql!("{}", owner.name()),
    };
    let mut made = sql!("{} {} ON {} USING {} ({})", word, name, on, index.method, keys);
    made = and(made, (!index.included.is_empty()).then(|| sql!("INCLUDE {}", columns(&index.included))));
    made = and(made, index.nulls_not_distinct.then(|| sql!("NULLS NOT DISTINCT")));
    made = and(made, with(&index.options));
    made = and(made, index.tablespace.as_ref().map(|name| sql!("TABLESPACE {}", name)));
    made = and(made, index.predicate.as_ref().map(|predicate| sql!("WHERE {}", deparsed(predicate))));
    let loss = match (index.unique, owner) {
        (true, Owner::Table(table, _)) if written.context.is_kept_table(table) => {
            Loss::NothingIf(format!("no two rows are equal in {}", name.as_str()))
        }
        _ => Loss::Nothing,
    };
    written.lose(loss, made);
}

/// Whether it is the index of a partitioned table that some partitions lack.
pub(super) fn is_alone(table: &Table, index: &Index) -> bool {
    matches!(table.kind, TableKind::Partitioned { .. }) && index.state != IndexState::Valid
}

/// The qualified name of an index, which lives where its table lives.
fn qualified(owner: Owner<'_>, name: &Name) -> RelationName {
    owner.name().sibling(name.clone())
}

pub(super) fn drop(written: &mut Written<'_>, owner: Owner<'_>, name: &Name) {
    written.say(sql!("DROP INDEX {}", qualified(owner, name)));
}

/// What `CREATE INDEX` and `ADD CONSTRAINT` cannot say: what the table does with it, statistics of its
/// expressions, a comment.
pub(super) fn at_birth(written: &mut Written<'_>, owner: Owner<'_>, name: &Name, index: &Index) {
    let bare = Index {
        keys: index.keys.iter().map(|key| IndexKey { statistics_target: None, ..key.clone() }).collect(),
        clustered: false,
        about: Default::default(),
        ..index.clone()
    };
    if let Owner::Table(table, of) = owner
        && of.replica_identity == ReplicaIdentity::Index(name.clone())
    {
        written.say(sql!("ALTER TABLE {} REPLICA IDENTITY USING INDEX {}", table, name));
    }
    alter(written, owner, name, (&bare, index));
}

/// What turns an index into another of the same keys.
pub(super) fn alter(
    written: &mut Written<'_>,
    owner: Owner<'_>,
    name: &Name,
    (before, after): (&Index, &Index),
) {
    let index = qualified(owner, name);
    for change in option_changes(&before.options, &after.options) {
        written.say(sql!("ALTER INDEX {} {}", index, change));
    }
    if before.tablespace != after.tablespace {
        written.say(sql!("ALTER INDEX {} SET TABLESPACE {}", index, tablespace(after.tablespace.as_ref())));
    }
    for (at, (old, new)) in before.keys.iter().zip(&after.keys).enumerate() {
        if old.statistics_target != new.statistics_target {
            let target = new.statistics_target.unwrap_or(-1);
            written.say(sql!("ALTER INDEX {} ALTER COLUMN {} SET STATISTICS {}", index, at + 1, target));
        }
    }
    cluster(written, owner, name, (before.clustered, after.clustered));
    let called = sql!("INDEX {}", index);
    written.say_all(about::comment(&called, before.about.comment.as_ref(), after.about.comment.as_ref()));
}

fn cluster(written: &mut Written<'_>, owner: Owner<'_>, name: &Name, (before, after): (bool, bool)) {
    let (word, indexes) = match owner {
        Owner::Table(table, of) => (sql!("TABLE {}", table), &of.indexes),
        Owner::View(view, of) => (sql!("MATERIALIZED VIEW {}", view), &of.indexes),
        Owner::Domain(_) => return,
    };
    if after && !before {
        written.say(sql!("ALTER {} CLUSTER ON {}", word, name));
    } else if before && !after && !indexes.values().any(|index| index.clustered) {
        // When another takes its place, that ends it by itself.
        written.say(sql!("ALTER {} SET WITHOUT CLUSTER", word));
    }
}

/// Whether an index becomes another without being built again.
pub(super) fn is_alterable(before: &Index, after: &Index) -> bool {
    // What may differ is made equal; what is left has to be equal.
    let same = Index {
        options: BTreeMap::clone(&after.options),
        tablespace: after.tablespace.clone(),
        clustered: after.clustered,
        part_of: after.part_of.clone(),
        about: after.about.clone(),
        keys: before
            .keys
            .iter()
            .zip(&after.keys)
            .map(|(old, new)| {
                // A column of another type is indexed with the usual operators of that type.
                let usual = old.operator_class_is_default && new.operator_class_is_default;
                let class = if usual { new } else { old };
                IndexKey {
                    statistics_target: new.statistics_target,
                    operator_class: class.operator_class.clone(),
                    ..old.clone()
                }
            })
            .collect(),
        ..before.clone()
    };
    before.keys.len() == after.keys.len() && same == *after
}
