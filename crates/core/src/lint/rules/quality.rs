//! Opinions about the schema, in words of `schema.prisma`, for those who ask (`lint.groups = ["quality"]`).
//!
//! They are told when a column, key or index is made, which is the time when another choice costs nothing.

use std::collections::BTreeSet;

use underpin_catalog::{Name, RelationName};
use underpin_sql::effect::{
    AddConstraint, ColumnDefault, ConstraintKind, CreateIndex, CreateTable, Persistence,
};
use underpin_sql::{ConstraintFactsKind, Effect};

use super::super::case::{Case, Telling};
use super::super::effects::EffectKind;
use super::super::finding::{Confidence, Finding, Severity};

/// An index of more key columns is rarely used with all of them, and pays for each in every write.
const KEY_COLUMNS_MAX: usize = 5;

pub(super) fn judge(case: &Case<'_>, found: &mut Vec<Finding>) {
    for act in case.acts {
        match act.effect {
            Effect::CreateTable(created) => table(case, created, found),
            Effect::AddColumn(added) => {
                column_type(case, &added.table, &added.column, &added.to.text, found);
                added.constraints.iter().for_each(|constraint| foreign_key(case, constraint, found));
            }
            Effect::ChangeColumnType { table, column, to, .. } => {
                let known = case.world.facts().relation(table).and_then(|facts| facts.column(column));
                // What it was before, and was told when it was made.
                if known.is_none_or(|known| spoken_of(&known.type_sql) != spoken_of(&to.text)) {
                    column_type(case, table, column, &to.text, found);
                }
            }
            Effect::DropConstraint { table, constraint, .. } => key_dropped(case, table, constraint, found),
            Effect::AddConstraint(added) => foreign_key(case, added, found),
            Effect::CreateIndex(created) => index(case, created, found),
            _ => {}
        }
    }
}

fn tell(
    case: &Case<'_>,
    rule: &'static str,
    table: &RelationName,
    message: String,
    instead: &str,
) -> Telling {
    case.tell(rule, Severity::Info, message).about(case.world.facts().resolve(table).shown()).instead(instead)
}

fn all_constraints(created: &CreateTable) -> impl Iterator<Item = &AddConstraint> {
    created.columns.iter().flat_map(|column| &column.constraints).chain(&created.constraints)
}

fn is_key(constraint: &AddConstraint) -> bool {
    constraint.kind == ConstraintKind::PrimaryKey
}

fn table(case: &Case<'_>, created: &CreateTable, found: &mut Vec<Finding>) {
    let shown = case.shown(&created.table);
    let key: Option<&AddConstraint> = all_constraints(created).find(|constraint| is_key(constraint));
    let is_plain = created.partition_of.is_none()
        && created.inherits.is_empty()
        && created.like.is_empty()
        && created.of_type.is_none()
        && created.persistence != Persistence::Temporary;
    // Up to Prisma 5 the table of a many-to-many relation has none, and nobody can say otherwise.
    if key.is_none()
        && is_plain
        && !created.table.name.as_str().starts_with('_')
        && !gets_key(case, &created.table)
    {
        let message = format!(
            "{shown} has no primary key: logical replication refuses to update its rows, and nothing can go through it in \
             batches"
        );
        found.push(
            tell(case, "table-without-primary-key", &created.table, message, "give the model an @id").done(),
        );
    }
    for column in &created.columns {
        column_type(case, &column.table, &column.column, &column.to.text, found);
        let is_number = matches!(column.to.text.as_str(), "integer" | "serial" | "smallint" | "smallserial");
        let is_counted = matches!(column.default, ColumnDefault::Serial | ColumnDefault::Identity);
        let is_the_key = key.is_some_and(|key| key.columns == [column.column.clone()])
            || column.constraints.iter().any(is_key);
        if is_number && is_counted && is_the_key {
            let message = format!(
                "{} of {shown} ends at 2,147,483,647: when the numbers run out every insert fails (2200H), and a wider type \
                 writes the table anew",
                column.column.as_str()
            );
            let instead = "BigInt @id @default(autoincrement()), or a uuid, while the table is empty";
            found.push(tell(case, "integer-key", &created.table, message, instead).done());
        }
    }
    all_constraints(created).for_each(|constraint| foreign_key(case, constraint, found));
}

/// The type without its limit: what the rules about types speak of.
fn spoken_of(type_sql: &str) -> String {
    let base = type_sql.trim_end_matches("[]");
    let word = base.split('(').next().unwrap_or_default();
    let zone = if base.ends_with("with time zone") { " with time zone" } else { "" };
    format!("{}{zone}", word.trim_end_matches(" without time zone").trim_end_matches(" with time zone"))
}

fn key_dropped(case: &Case<'_>, table: &RelationName, constraint: &Name, found: &mut Vec<Finding>) {
    let facts = case.world.facts();
    let dropped = facts.relation(table).and_then(|known| known.constraint(constraint));
    if dropped.is_none_or(|dropped| dropped.kind != ConstraintFactsKind::PrimaryKey) || gets_key(case, table)
    {
        return;
    }
    let message = format!(
        "{} has no primary key from then on: logical replication refuses to update its rows, and nothing can go through it \
         in batches",
        case.shown(&facts.resolve(table))
    );
    found.push(
        tell(case, "table-without-primary-key", table, message, "add the new key in the same migration")
            .done(),
    );
}

/// Whether this statement or a later one of the file gives the table a primary key, or takes the table away.
fn gets_key(case: &Case<'_>, table: &RelationName) -> bool {
    let name = table.name.as_str();
    let of = |kind| case.file.effects.with(kind, name, "").since(case.at);
    of(EffectKind::AddKey).any(|effect| matches!(effect, Effect::AddConstraint(added) if is_key(added)))
        || of(EffectKind::AddColumnTo)
            .any(|effect| matches!(effect, Effect::AddColumn(added) if added.constraints.iter().any(is_key)))
        || of(EffectKind::NameTable).any(|effect| matches!(effect, Effect::DropTable { .. }))
}

fn column_type(
    case: &Case<'_>,
    table: &RelationName,
    column: &Name,
    type_sql: &str,
    found: &mut Vec<Finding>,
) {
    let base = type_sql.trim_end_matches("[]");
    let word = spoken_of(type_sql);
    let (rule, what, instead) = match word.as_str() {
        "json" => (
            "json-column",
            "json keeps the text and parses it at every read; it cannot be compared or indexed",
            "jsonb, which Prisma's Json is unless @db.Json says otherwise",
        ),
        "character" => (
            "char-column",
            "char(n) is filled up with blanks, which some comparisons see and others do not",
            "String, with @db.VarChar(n) when the length must be limited",
        ),
        "char" | "\"char\"" => (
            "char-column",
            "\"char\" is PostgreSQL's own type of one byte, and cuts off the rest of a text without a word",
            "String, with @db.VarChar(n) when the length must be limited",
        ),
        "money" => (
            "money-column",
            "money has the currency and the digits of the server's locale",
            "Decimal @db.Decimal(12, 2), or whole cents in an Int",
        ),
        "character varying" if base.contains('(') => (
            "varchar-limit",
            "a limit that grows breaks prepared statements, one that shrinks writes the table anew; text is as fast",
            "String without @db.VarChar; a check where the length matters",
        ),
        "timestamp" => (
            "timestamp-without-time-zone",
            "a time without a zone means what each reader takes it for: now() of a session in Berlin is not that of Prisma",
            "DateTime @db.Timestamptz(6)",
        ),
        _ => return,
    };
    let message = format!("{} of {}: {what}", column.as_str(), case.shown(table));
    found.push(tell(case, rule, table, message, instead).done());
}

/// Whether an index on these keys finds the rows that reference one: the columns come first, in any order.
fn serves(keys: &[Option<Name>], columns: &[Name]) -> bool {
    let first: BTreeSet<_> = keys.iter().take(columns.len()).flatten().collect();
    keys.len() >= columns.len() && first == columns.iter().collect()
}

fn foreign_key(case: &Case<'_>, added: &AddConstraint, found: &mut Vec<Finding>) {
    let ConstraintKind::ForeignKey { references, .. } = &added.kind else { return };
    let facts = case.world.facts();
    let table = facts.resolve(&added.table);
    let is_same = |other: &RelationName| facts.resolve(other) == table;
    let by_facts = facts
        .indexes_of(&table)
        .any(|(_, index)| index.valid && !index.partial && serves(&index.columns, &added.columns));
    let keys = |constraint: &AddConstraint| {
        matches!(constraint.kind, ConstraintKind::PrimaryKey | ConstraintKind::Unique)
            && serves(&constraint.columns.iter().cloned().map(Some).collect::<Vec<_>>(), &added.columns)
    };
    let by_file = || {
        let serves_too = |effect: &Effect| match effect {
            Effect::CreateIndex(created) => {
                !created.partial && is_same(&created.table) && serves(&created.columns, &added.columns)
            }
            Effect::CreateTable(created) => is_same(&created.table) && all_constraints(created).any(keys),
            Effect::AddConstraint(other) => is_same(&other.table) && keys(other),
            _ => false,
        };
        let making = [EffectKind::CreateIndex, EffectKind::CreateTable, EffectKind::AddKey];
        making.iter().any(|kind| case.file.effects.with(*kind, table.name.as_str(), "").any(serves_too))
    };
    if by_facts || by_file() {
        return;
    }
    let columns: Vec<_> = added.columns.iter().map(Name::as_str).collect();
    let message = format!(
        "no index begins with {} of {}: deleting or renumbering a row of {} looks at every row of it, and so does the relation's \
         list",
        columns.join(", "),
        case.shown(&table),
        case.shown(references)
    );
    let instead = format!("@@index([{}])", columns.join(", "));
    found.push(
        tell(case, "foreign-key-without-index", &added.table, message, &instead)
            .sure(case.confidence(&table))
            .done(),
    );
}

fn index(case: &Case<'_>, created: &CreateIndex, found: &mut Vec<Finding>) {
    let name = created.name.as_ref().map_or("the index", |name| name.as_str());
    if created.columns.len() > KEY_COLUMNS_MAX {
        let message = format!(
            "{name} has {} key columns: each write of one of them pays, and few queries ask for so many",
            created.columns.len()
        );
        let instead = "index the columns that choose most, and leave the rest to the table";
        found.push(tell(case, "wide-index", &created.table, message, instead).done());
    }
    let facts = case.world.facts();
    let own = created.name.as_ref().map(|name| facts.resolve(&created.table).sibling(name.clone()));
    let is_plain = !created.unique
        && !created.partial
        && created.method == "btree"
        && created.including.is_empty()
        && created.columns.iter().all(Option::is_some);
    let twin = facts.indexes_of(&created.table).find(|(other, index)| {
        Some(*other) != own.as_ref()
            && index.valid
            && !index.partial
            && index.columns.starts_with(&created.columns)
    });
    if let Some((twin, _)) = twin
        && is_plain
    {
        let message = format!(
            "{name} repeats the first columns of {}, which serves the same queries",
            case.shown(twin)
        );
        found.push(
            tell(case, "duplicate-index", &created.table, message, "leave it out of the schema")
                .sure(Confidence::Medium)
                .done(),
        );
    }
}
