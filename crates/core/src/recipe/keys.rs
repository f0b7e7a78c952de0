//! `change-primary-key`: other columns become the key, while each release finds rows by the columns that it knows.
//!
//! Behind the second phase the columns of the new key are unique by an index of their own, beside the old key. In
//! the last phase the key is made of that index, in one short transaction, and PostgreSQL looks at no row.
//!
//! A foreign key hangs on the index that was there when it was made, and an index on which one hangs does not go
//! (2BP01). So those that lead to the old key, and stay, are made anew in that transaction, behind the old key: then
//! they hang on the index that stays. From there on they hold for what is written; the rows that were there are
//! looked at behind the transaction, while everybody works.

use underpin_catalog::model::{
    self, ConstraintKind, Deferral, Enforcement, MatchKind, ReplicaIdentity, TableKind,
};
use underpin_catalog::object::{ObjectKey, ObjectKind};
use underpin_catalog::{Name, RelationName, Sql, sql};
use underpin_prisma::PrismaCatalog;
use underpin_prisma::migrate::{
    AlterTable, ForeignKey, Index, IndexColumn, IndexMethod, PrimaryKey, SortOrder, Table,
};

use super::draft::Draft;
use super::{Refusal, indexes};
use crate::rollout::{Gone, Phase};

/// A primary key that gives way to another.
#[derive(Clone, Debug)]
pub(super) struct Exchange {
    /// Its table.
    pub(super) table: RelationName,
    before: Option<PrimaryKey>,
    after: Option<PrimaryKey>,
    /// The unique index that becomes the new one.
    index: Option<Name>,
}

/// Claims a primary key that comes, goes, or has other columns.
pub(super) fn claim(draft: &mut Draft<'_>, alter: &AlterTable<'_>) {
    let (before, after) = (alter.before, alter.after);
    let (old, new) = (before.primary_key.clone(), after.primary_key.clone());
    if let (Some(old), Some(new)) = (&old, &new)
        && old.columns == new.columns
    {
        // Only a column of it changes its type, which is told of the column.
        return;
    }
    let about = draft.case.table_shown(&before.name).to_owned();
    // A field that keeps its name and gets another column is told by the column.
    let names = |key: &PrimaryKey| key.columns.iter().map(Name::as_str).collect::<Vec<_>>().join(", ");
    let fields = |key: &PrimaryKey| columns_shown(draft, &before.name, &key.columns);
    let is_same = old.as_ref().zip(new.as_ref()).is_some_and(|(old, new)| fields(old) == fields(new));
    let columns = |key: &PrimaryKey| if is_same { names(key) } else { fields(key) };
    draft.uses(
        "change-primary-key",
        match (&old, &new) {
            (Some(old), Some(new)) => {
                format!("{about} has {} for its key instead of {}", columns(new), columns(old))
            }
            (None, Some(new)) => format!("{about} has {} for its key", columns(new)),
            (Some(old), None) => format!("{about} has its key {} no longer", columns(old)),
            (None, None) => return,
        },
    );
    let index = new.as_ref().map(|new| index(draft, alter, new));
    if let Some(old) = &old {
        without_old(draft, alter, old);
    }
    draft.exchanges.push(Exchange { table: before.name.clone(), before: old, after: new, index });
}

/// The index that becomes the key: one that would go, or a new one.
fn index(draft: &mut Draft<'_>, alter: &AlterTable<'_>, key: &PrimaryKey) -> Name {
    let (before, after) = (alter.before, alter.after);
    if let Some(index) = before.indexes.iter().find(|index| becomes(draft, alter, index, key)) {
        return index.name.clone();
    }
    let name = draft.free(after, &key.name);
    let column = |name: &Name| IndexColumn { name: name.clone(), order: None, operator_class: None };
    let index = Index {
        name: name.clone(),
        is_unique: true,
        method: IndexMethod::BTree,
        columns: key.columns.iter().map(column).collect(),
        predicate: None,
        is_left_alone: false,
    };
    indexes::made_unique(draft, before, &index);
    draft.alter(Phase::Backfill, &before.name, |own| own.indexes.push(index.clone()));
    name
}

/// Whether PostgreSQL takes an index for a primary key, and nobody needs it otherwise.
fn becomes(draft: &Draft<'_>, alter: &AlterTable<'_>, index: &Index, key: &PrimaryKey) -> bool {
    let is_plain =
        |column: &IndexColumn| column.operator_class.is_none() && column.order != Some(SortOrder::Descending);
    let columns = || index.columns.iter().map(|column| &column.name);
    let stays = alter
        .after
        .indexes
        .iter()
        .any(|other| other.is_unique && other.columns.iter().map(|column| &column.name).eq(columns()));
    // What Prisma does not see of it would be part of the key.
    let found = draft.case.catalog.tables.get(&alter.before.name);
    let is_more = found.and_then(|found| found.indexes.get(&index.name)).is_some_and(|found| {
        found.constraint.is_some()
            || found.nulls_not_distinct
            || !found.included.is_empty()
            || !found.options.is_empty()
    });
    index.is_unique
        && index.method == IndexMethod::BTree
        && index.predicate.is_none()
        && !index.is_left_alone
        && index.columns.iter().all(is_plain)
        && columns().eq(&key.columns)
        && !stays
        && !is_more
}

/// What is lost with the old key, when its columns stay.
fn without_old(draft: &mut Draft<'_>, alter: &AlterTable<'_>, old: &PrimaryKey) {
    let after = alter.after;
    if old.columns.iter().any(|name| after.column(name).is_none()) {
        return;
    }
    // Who upserts by a key needs an index of the very same columns.
    if !indexes::is_found_by(after, &old.columns) {
        draft.gone.push(Gone::Index(alter.before.name.sibling(old.name.clone())));
    }
    let counts = |name: &Name| alter.before.column(name).is_some_and(|column| column.is_autoincrement);
    if !indexes::is_unique(after, &old.columns) && !old.columns.iter().any(counts) {
        draft.note(format!(
            "until the last phase a second row with the same {} in {} is refused (23505), also to the new release",
            columns_shown(draft, &alter.before.name, &old.columns),
            draft.case.table_shown(&alter.before.name)
        ));
    }
}

fn columns_shown(draft: &Draft<'_>, table: &RelationName, columns: &[Name]) -> String {
    let shown: Vec<&str> = columns.iter().map(|name| draft.case.field_shown(table, name)).collect();
    shown.join(", ")
}

impl Exchange {
    /// The foreign keys of a database that lead to the old key, each with its table.
    fn led<'c>(&self, catalog: &'c PrismaCatalog) -> Vec<(&'c Table, &'c ForeignKey)> {
        let Some(old) = &self.before else { return Vec::new() };
        let all =
            catalog.tables.iter().flat_map(|table| table.foreign_keys.iter().map(move |key| (table, key)));
        all.filter(|(_, key)| key.references == self.table && indexes::is_same(&key.referenced, &old.columns))
            .collect()
    }

    /// Takes out of a database what leads to the old key and goes with it.
    pub(super) fn end(&self, filled: &mut PrismaCatalog, after: &PrismaCatalog) {
        let ends: Vec<(RelationName, Name)> = self
            .led(filled)
            .into_iter()
            .filter(|(table, key)| !stays(after, table, key))
            .map(|(table, key)| (table.name.clone(), key.name.clone()))
            .collect();
        for table in &mut filled.tables {
            table.foreign_keys.retain(|key| !ends.contains(&(table.name.clone(), key.name.clone())));
        }
    }

    /// Makes the exchange in a database.
    pub(super) fn take_place(&self, catalog: &mut PrismaCatalog) {
        for table in catalog.tables.iter_mut().filter(|table| table.name == self.table) {
            table.primary_key.clone_from(&self.after);
            table.indexes.retain(|index| Some(&index.name) != self.index.as_ref());
        }
    }

    /// The statements of the exchange, behind [`Self::end`].
    pub(super) fn statements(&self, draft: &Draft<'_>, ended: &PrismaCatalog) -> Vec<Sql> {
        let led = self.led(ended);
        let mut statements: Vec<Sql> = led
            .iter()
            .map(|(table, key)| sql!("ALTER TABLE {} DROP CONSTRAINT {}", draft.bare(&table.name), key.name))
            .collect();
        let table = draft.bare(&self.table);
        let dropped = self.before.as_ref().map(|old| sql!("DROP CONSTRAINT {}", old.name));
        let added = self
            .after
            .as_ref()
            .zip(self.index.as_ref())
            .map(|(new, index)| sql!("ADD CONSTRAINT {} PRIMARY KEY USING INDEX {}", new.name, index));
        let actions: Vec<String> =
            dropped.into_iter().chain(added).map(|action| action.as_str().to_owned()).collect();
        statements.push(sql!("ALTER TABLE {} {}", table, Sql::verbatim(actions.join(",\n"))));
        statements.extend(led.iter().map(|(table, key)| sql!("{} NOT VALID", added_key(draft, table, key))));
        statements
    }

    /// Which tables wait for each other, when there are several.
    pub(super) fn told(&self, draft: &Draft<'_>, ended: &PrismaCatalog) -> Option<String> {
        let mut others: Vec<&str> =
            self.led(ended).iter().map(|(table, _)| draft.case.table_shown(&table.name)).collect();
        let own = draft.case.table_shown(&self.table);
        others.sort_unstable();
        others.dedup();
        others.retain(|other| *other != own);
        (!others.is_empty()).then(|| {
            format!(
                "the last phase takes {own} together with {} for an instant, because they lead to the old key",
                others.join(", ")
            )
        })
    }

    /// The statements that look at the rows of the foreign keys that were made anew.
    pub(super) fn validated(&self, draft: &Draft<'_>, ended: &PrismaCatalog) -> Vec<Sql> {
        let validate = |(table, key): (&Table, &ForeignKey)| {
            sql!("ALTER TABLE {} VALIDATE CONSTRAINT {}", draft.bare(&table.name), key.name)
        };
        self.led(ended).into_iter().map(validate).collect()
    }

    /// What Prisma's own migration cannot do: it leaves the foreign keys where they are, and fails at the key.
    /// They are taken away before it, and made again behind it.
    pub(super) fn around(&self, draft: &Draft<'_>) -> (Vec<Sql>, Vec<Sql>) {
        let led = self.led(&draft.base.catalog).into_iter();
        let led: Vec<_> = led.filter(|(table, key)| stays(draft.case.after, table, key)).collect();
        let drop = |(table, key): &(&Table, &ForeignKey)| {
            sql!("ALTER TABLE {} DROP CONSTRAINT {}", table.name, key.name)
        };
        let add = |(table, key): &(&Table, &ForeignKey)| added_key(draft, table, key);
        (led.iter().map(drop).collect(), led.iter().map(add).collect())
    }

    /// What stands in the way of an exchange.
    pub(super) fn in_the_way(&self, draft: &Draft<'_>) -> Vec<Refusal> {
        let mut refusals = table_in_the_way(draft, &self.table, self.before.as_ref());
        if let Some(old) = &self.before {
            let leads = |key: &model::ForeignKey| {
                key.referenced == self.table && indexes::is_same(&key.referenced_columns, &old.columns)
            };
            refusals.extend(leading_in_the_way(draft, draft.case.table_shown(&self.table), leads));
        }
        refusals
    }
}

/// What of a table stands in the way when its primary key is made of an index.
pub(super) fn table_in_the_way(
    draft: &Draft<'_>,
    table: &RelationName,
    old: Option<&PrimaryKey>,
) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    let about = draft.case.table_shown(table).to_owned();
    let mut refuse = |why: String, instead: &str| {
        refusals.push(Refusal { about: about.clone(), why, instead: instead.to_owned() });
    };
    if draft.base.renamed.iter().any(|(_, to)| to == table) {
        refuse(
            "it gets another name and another key at once".to_owned(),
            "rename the table first, and change its key in a rollout of its own",
        );
    }
    let Some(found) = draft.case.catalog.tables.get(table) else { return refusals };
    if matches!(found.kind, TableKind::Partitioned { .. }) || found.partition_of.is_some() {
        refuse(
            "it is partitioned, and PostgreSQL makes no key of a partitioned table of an index that is there"
                .to_owned(),
            "change the key in a migration by hand, in a time without writers",
        );
    }
    if let (ReplicaIdentity::Index(index), Some(old)) = (&found.replica_identity, old)
        && *index == old.name
    {
        refuse(
            format!(
                "{} is its replica identity by name: without it no published row can be changed (55000)",
                index.as_str()
            ),
            "say ALTER TABLE … REPLICA IDENTITY DEFAULT in a migration before, which means the primary key, whichever it is",
        );
    }
    refusals
}

/// Which of the foreign keys that lead to an old key cannot be made anew as they are.
pub(super) fn leading_in_the_way(
    draft: &Draft<'_>,
    about: &str,
    leads: impl Fn(&model::ForeignKey) -> bool,
) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    for (name, table) in &draft.case.catalog.tables {
        for (constraint, found) in &table.constraints {
            let ConstraintKind::ForeignKey(key) = &found.kind else { continue };
            // Those of partitions follow those of their table.
            if !leads(key) || found.inherited_from != 0 {
                continue;
            }
            let of_table = draft.base.catalog.table(name);
            let known = of_table.and_then(|of| of.foreign_keys.iter().find(|key| key.name == *constraint));
            let is_more = found.deferral != Deferral::NotDeferrable
                || found.enforcement != Enforcement::Valid
                || key.match_kind == MatchKind::Full
                || !key.on_delete_columns.is_empty();
            let goes = of_table.zip(known).is_some_and(|(of, key)| !stays(draft.case.after, of, key));
            let by = constraint.as_str();
            let before = format!("drop {by} in a migration before, and add it again behind the rollout");
            let (what, instead) = match known {
                // Prisma's own migration would drop its table, so there is nothing to prove it by.
                None if draft.base.renamed.iter().any(|(from, _)| from == name) => {
                    ("whose table gets another name", "rename that table in a rollout of its own".to_owned())
                }
                None => ("which Prisma does not see", before),
                Some(_) if is_more && !goes => (
                    "which is more than a Prisma schema can say (deferrable, MATCH FULL, not validated)",
                    before,
                ),
                // PostgreSQL adds it NOT VALID from 18 on.
                Some(_) if matches!(table.kind, TableKind::Partitioned { .. }) && !goes => {
                    ("of a partitioned table, to which it cannot be added without a look at all rows", before)
                }
                Some(_) => continue,
            };
            let table = ObjectKey::of(ObjectKind::Table, name);
            let why = format!("{table} leads to the old key by {by}, {what}");
            refusals.push(Refusal { about: about.to_owned(), why, instead });
        }
    }
    refusals
}

/// The statement that adds a foreign key.
pub(super) fn added_key(draft: &Draft<'_>, table: &Table, key: &ForeignKey) -> Sql {
    sql!(
        "ALTER TABLE {} ADD CONSTRAINT {} FOREIGN KEY ({}) REFERENCES {}({}) ON DELETE {} ON UPDATE {}",
        draft.bare(&table.name),
        key.name,
        key.columns,
        draft.bare(&key.references),
        key.referenced,
        Sql::verbatim(key.on_delete.as_str()),
        Sql::verbatim(key.on_update.as_str())
    )
}

/// Whether the schema has the same foreign key, whatever its name.
fn stays(after: &PrismaCatalog, table: &Table, key: &ForeignKey) -> bool {
    let same = |other: &ForeignKey| ForeignKey { name: key.name.clone(), ..other.clone() } == *key;
    after.table(&table.name).is_some_and(|after| after.foreign_keys.iter().any(same))
}
