//! Definitions that PostgreSQL does not accept whatever the rows hold: a foreign key to columns that are not
//! unique, a second primary key, an identity for a column that may be NULL.

use pg_query::protobuf::IndexStmt;
use pg_query::protobuf::node::Node as NodeEnum;
use underpin_catalog::{Name, RelationName};

use super::cast::{CastType, Family, is_comparable};
use super::{Asked, Certainty, FailureKind, Found};
use crate::effect::{AddConstraint, ConstraintKind, CreateIndex, CreateView, Effect, Generation};
use crate::surroundings::{ColumnValues, ConstraintFactsKind, RelationKind, Surroundings};

pub(super) fn find(asked: &Asked<'_>, effect: &Effect, found: &mut Found<'_>) {
    if found.at == 0 && has_subselect(asked) {
        let why = "a definition cannot contain a sub-select";
        found.certain(
            FailureKind::Definition,
            "0A000",
            effect.table().map_or_else(String::new, RelationName::shown),
            why,
        );
    }
    match effect {
        Effect::AddConstraint(added) => {
            partition_key(asked, &added.table, added, found);
            key(asked, added, found);
            adopted(asked, added, found);
            foreign_key(asked, added, None, found);
            not_valid(asked, added, found);
        }
        Effect::AddColumn(added) => {
            let parent = asked.around.relation(&added.table).and_then(|facts| facts.partition_of.as_ref());
            if let Some(parent) = parent {
                let why = format!("a partition has the columns of its parent: add it to {}", parent.shown());
                found.certain(FailureKind::Definition, "42809", added.table.shown(), why);
            }
            for constraint in &added.constraints {
                key(asked, constraint, found);
                let own = CastType::of(asked.around, &added.to.text, added.to.user_defined.as_ref());
                foreign_key(asked, constraint, Some(&own), found);
            }
        }
        Effect::CreateTable(created) => {
            if let Some(parent) = &created.partition_of {
                new_partition(asked, parent, created.default_partition, found);
            }
            let beside = created.columns.iter().flat_map(|column| &column.constraints);
            for added in beside.chain(&created.constraints) {
                let own = match added.columns.as_slice() {
                    [column] => created.columns.iter().find(|own| own.column == *column),
                    _ => None,
                };
                let own =
                    own.map(|own| CastType::of(asked.around, &own.to.text, own.to.user_defined.as_ref()));
                foreign_key(asked, added, own.as_ref(), found);
            }
        }
        Effect::DropNotNull { table, column } => {
            let Some(facts) = asked.around.relation(table) else { return };
            let drops_key = asked.also(|other| match other {
                Effect::DropConstraint { constraint, .. } => facts
                    .constraint(constraint)
                    .is_some_and(|own| own.kind == ConstraintFactsKind::PrimaryKey),
                _ => false,
            });
            if facts.primary_key.contains(column) && !drops_key {
                refuse(found, "42P16", table, column, "it is part of the primary key");
            } else if facts.column(column).is_some_and(|own| own.values == ColumnValues::Identity) {
                refuse(found, "42601", table, column, "it is an identity column");
            }
        }
        Effect::SetDefault { table, column } | Effect::DropDefault { table, column } => {
            let values = asked.around.relation(table).and_then(|facts| facts.column(column));
            match values.map(|own| &own.values) {
                Some(ColumnValues::Identity) => {
                    refuse(found, "42601", table, column, "it is an identity column");
                }
                Some(ColumnValues::Stored(_) | ColumnValues::Virtual(_)) => {
                    refuse(found, "42601", table, column, "it is a generated column");
                }
                Some(ColumnValues::Given) | None => {}
            }
        }
        Effect::ChangeGeneration { table, column, how } => generation(asked, table, column, *how, found),
        Effect::DropColumn { table, column, .. }
        | Effect::RenameColumn { table, column, .. }
        | Effect::ChangeColumnType { table, column, .. } => {
            inherited(asked, table, column, found);
            let renames = matches!(effect, Effect::RenameColumn { .. });
            let key = asked.around.relation(table).is_some_and(|facts| facts.partition_key.contains(column));
            if key && !renames {
                refuse(found, "42P16", table, column, "the table is partitioned by it");
            }
        }
        Effect::ValidateConstraint { table, constraint } => {
            let known = asked.around.relation(table).and_then(|facts| facts.constraint(constraint));
            let checked = matches!(
                known.map(|known| known.kind),
                None | Some(
                    ConstraintFactsKind::Check
                        | ConstraintFactsKind::ForeignKey
                        | ConstraintFactsKind::NotNull
                )
            );
            if !checked {
                let why = format!("{} is neither a check nor a foreign key", constraint.as_str());
                found.certain(FailureKind::Definition, "42809", constraint.as_str(), why);
            }
        }
        Effect::Inherit { table, parent, ends: true } => {
            let parent = asked.around.resolve(parent);
            let heir = asked.around.whole_or_heir(table).is_none_or(|facts| facts.inherits.contains(&parent));
            if !heir {
                let why = format!("{} does not inherit from {}", table.shown(), parent.shown());
                found.certain(FailureKind::Missing, "42P01", table.shown(), why);
            }
        }
        Effect::DetachPartition { table, partition, .. } => {
            let parent = asked.around.resolve(table);
            let facts = asked.around.whole_or_heir(partition);
            if facts.is_some_and(|facts| facts.partition_of.as_ref() != Some(&parent)) {
                let why = format!("{} is no partition of {}", partition.shown(), table.shown());
                found.certain(FailureKind::Missing, "42P01", partition.shown(), why);
            }
        }
        Effect::AttachPartition { table, partition } => attached(asked, table, partition, found),
        Effect::CreateView(created) if created.replace => replaced(asked, created, found),
        Effect::CreateIndex(created) => {
            if created.unique && !created.has_expression() {
                let columns: Vec<Name> = created.columns.iter().flatten().cloned().collect();
                lacks_partition_key(asked, &created.table, &columns, found);
            }
            if let Some(statement) = asked.index() {
                operator_classes(asked, &created.table, statement, found);
            }
        }
        _ => {}
    }
}

fn refuse(found: &mut Found<'_>, sqlstate: &'static str, table: &RelationName, column: &Name, why: &str) {
    found.certain(FailureKind::Definition, sqlstate, format!("{}.{}", table.shown(), column.as_str()), why);
}

/// `CHECK`, `DEFAULT`, `USING` of a type change and the expressions of an index are for the row alone.
fn has_subselect(asked: &Asked<'_>) -> bool {
    matches!(
        asked.statement.node.as_ref(),
        NodeEnum::AlterTableStmt(_) | NodeEnum::CreateStmt(_) | NodeEnum::IndexStmt(_)
    ) && asked.statement.text.as_bytes().windows(6).any(|word| word.eq_ignore_ascii_case(b"select"))
        && asked.statement.contents().subselect
}

/// A unique index of a partitioned table holds in each partition by itself.
fn partition_key(asked: &Asked<'_>, table: &RelationName, added: &AddConstraint, found: &mut Found<'_>) {
    if matches!(added.kind, ConstraintKind::Unique | ConstraintKind::PrimaryKey) {
        lacks_partition_key(asked, table, &added.columns, found);
    }
}

fn lacks_partition_key(asked: &Asked<'_>, table: &RelationName, columns: &[Name], found: &mut Found<'_>) {
    let Some(facts) = asked.around.relation(table) else { return };
    if let Some(missing) = facts.partition_key.iter().find(|key| !columns.contains(key)) {
        let why = format!(
            "a unique key of the partitioned table {} must contain {}, by which it is partitioned",
            table.shown(),
            missing.as_str()
        );
        found.certain(FailureKind::Definition, "0A000", table.shown(), why);
    }
}

fn new_partition(asked: &Asked<'_>, parent: &RelationName, default: bool, found: &mut Found<'_>) {
    let Some(facts) = asked.around.relation(parent) else { return };
    if facts.kind == RelationKind::Table && facts.partition_of.is_none() {
        let why = format!("{} is not partitioned", parent.shown());
        found.certain(FailureKind::Definition, "42P17", parent.shown(), why);
    }
    if let Some(other) = facts.default_partition.as_ref().filter(|_| default) {
        let why = format!("{} has a default partition already ({})", parent.shown(), other.shown());
        found.certain(FailureKind::Definition, "42P17", parent.shown(), why);
    }
}

/// A partition has the columns of its parent, no more and no fewer.
fn attached(asked: &Asked<'_>, table: &RelationName, partition: &RelationName, found: &mut Found<'_>) {
    let around = asked.around;
    if around
        .relation(table)
        .is_some_and(|facts| facts.kind == RelationKind::Table && facts.partition_of.is_none())
    {
        let sqlstate = if around.version.major() >= 18 { "42809" } else { "42P17" };
        let why = format!("{} is not partitioned", table.shown());
        found.certain(FailureKind::Definition, sqlstate, table.shown(), why);
        return;
    }
    let (Some(parent), Some(own)) = (around.whole(table), around.whole(partition)) else { return };
    let more = own.columns.iter().find(|column| parent.column(&column.name).is_none());
    let fewer = parent.columns.iter().find(|column| own.column(&column.name).is_none());
    let why = match (more, fewer) {
        (Some(more), _) => {
            format!("{} has a column {} and {} has not", partition.shown(), more.name.as_str(), table.shown())
        }
        (None, Some(fewer)) => {
            format!(
                "{} has a column {} and {} has not",
                table.shown(),
                fewer.name.as_str(),
                partition.shown()
            )
        }
        (None, None) => return,
    };
    found.certain(FailureKind::Definition, "42804", partition.shown(), why);
}

/// `OR REPLACE` keeps the columns that a view has, and adds others behind them.
fn replaced(asked: &Asked<'_>, created: &CreateView, found: &mut Found<'_>) {
    let Some(outputs) = &created.outputs else { return };
    let Some(before) = asked.around.relation(&asked.around.new_name(&created.view)) else { return };
    if before.kind != RelationKind::View {
        return;
    }
    let differs =
        before.columns.iter().enumerate().find(|(at, column)| outputs.get(*at) != Some(&column.name));
    if let Some((_, column)) = differs {
        let why = format!(
            "OR REPLACE keeps the columns of a view in their order, and {} would not be where it is",
            column.name.as_str()
        );
        found.certain(FailureKind::Definition, "42P16", created.view.shown(), why);
    }
}

/// One primary key is all that a table can have.
fn key(asked: &Asked<'_>, added: &AddConstraint, found: &mut Found<'_>) {
    if added.kind != ConstraintKind::PrimaryKey {
        return;
    }
    let Some(facts) = asked.around.relation(&added.table) else { return };
    let Some(own) = facts.constraints.iter().find(|own| own.kind == ConstraintFactsKind::PrimaryKey) else {
        return;
    };
    let dropped = asked.also(|other| match other {
        Effect::DropConstraint { constraint, .. } => *constraint == own.name,
        // A key goes with its columns.
        Effect::DropColumn { column, .. } => own.columns.contains(column),
        _ => false,
    });
    if !dropped {
        let why = format!("{} has a primary key already ({})", added.table.shown(), own.name.as_str());
        found.certain(FailureKind::Definition, "42P16", added.table.shown(), why);
    }
}

/// `USING INDEX` takes a unique index on columns that belongs to nothing else.
fn adopted(asked: &Asked<'_>, added: &AddConstraint, found: &mut Found<'_>) {
    let Some(name) = &added.using_index else { return };
    let index = asked.around.resolve(&added.table).sibling(name.clone());
    let Some(facts) = asked.around.indexes.get(&index) else { return };
    let refused = if facts.constraint.is_some() {
        Some(("55000", "belongs to a constraint already"))
    } else if !facts.unique {
        Some(("42809", "is not unique"))
    } else if facts.has_expression() {
        Some(("42809", "has an expression"))
    } else if facts.partial {
        Some(("42809", "has a condition"))
    } else if !facts.valid {
        Some(("55000", "is not valid"))
    } else {
        None
    };
    if let Some((sqlstate, what)) = refused {
        found.certain(
            FailureKind::Definition,
            sqlstate,
            index.shown(),
            format!("index {} {what}", index.shown()),
        );
    }
}

/// The referenced columns are a key, and of a type that can be compared.
fn foreign_key(asked: &Asked<'_>, added: &AddConstraint, own: Option<&CastType>, found: &mut Found<'_>) {
    let ConstraintKind::ForeignKey { references, columns, .. } = &added.kind else { return };
    let around = asked.around;
    // A table that references itself may get its key in the same statement.
    let itself = around.resolve(references) == around.new_name(&added.table)
        || around.resolve(references) == around.resolve(&added.table);
    let Some(facts) = around.whole(references).filter(|_| !itself) else { return };
    let object = added.name.as_ref().map_or_else(|| added.table.shown(), |name| name.as_str().to_owned());
    let key = if columns.is_empty() { &facts.primary_key } else { columns };
    if key.is_empty() {
        let why = format!("{} has no primary key to reference", references.shown());
        found.certain(FailureKind::Definition, "42704", object, why);
        return;
    }
    if columns.iter().any(|column| facts.column(column).is_none()) {
        return;
    }
    if !is_key(around, references, key) {
        let key: Vec<_> = key.iter().map(Name::as_str).collect();
        let why = format!("({}) of {} is not unique", key.join(", "), references.shown());
        found.certain(FailureKind::Definition, "42830", object, why);
        return;
    }
    if key.len() != added.columns.len() {
        let why = format!("{} columns reference {}", added.columns.len(), key.len());
        found.certain(FailureKind::Definition, "42830", object, why);
        return;
    }
    let own_facts = around.relation(&added.table);
    for (column, key) in added.columns.iter().zip(key) {
        let Some(their) = facts.column(key) else { continue };
        let their_type = CastType::of(around, &their.type_sql, their.type_name.as_ref());
        let known = own_facts
            .and_then(|facts| facts.column(column))
            .map(|own| CastType::of(around, &own.type_sql, own.type_name.as_ref()));
        let changes = asked.also(|other| match other {
            Effect::ChangeColumnType { column: changed, .. } => changed == column,
            Effect::AddColumn(added) => added.column == *column && own.is_none(),
            _ => false,
        });
        let Some(own) = own.cloned().or(known).filter(|_| !changes) else { continue };
        if is_comparable(&own, &their_type) == Some(false) {
            let why = format!(
                "{} cannot be compared with {}.{}, which is of type {}",
                column.as_str(),
                references.shown(),
                key.as_str(),
                their.type_sql
            );
            found.certain(FailureKind::Definition, "42804", object, why);
            return;
        }
    }
}

/// A valid unique index on exactly these columns.
fn is_key(around: &Surroundings, table: &RelationName, columns: &[Name]) -> bool {
    around.indexes_of(table).any(|(_, index)| {
        index.unique
            && !index.partial
            && index.columns.len() == columns.len()
            && columns.iter().all(|column| index.columns.contains(&Some(column.clone())))
    })
}

/// Up to 17 a foreign key of a partitioned table is checked when it is made.
fn not_valid(asked: &Asked<'_>, added: &AddConstraint, found: &mut Found<'_>) {
    let partitioned =
        asked.around.relation(&added.table).is_some_and(|facts| facts.kind == RelationKind::Partitioned);
    let foreign = matches!(added.kind, ConstraintKind::ForeignKey { .. });
    if added.not_valid && foreign && partitioned && asked.around.version.major() < 18 {
        let why = format!(
            "{} is partitioned, and PostgreSQL 18 is the first that does it there",
            added.table.shown()
        );
        found.certain(FailureKind::NotValid, "42809", added.table.shown(), why);
    }
}

fn generation(
    asked: &Asked<'_>,
    table: &RelationName,
    column: &Name,
    how: Generation,
    found: &mut Found<'_>,
) {
    let Some(facts) = asked.around.relation(table) else { return };
    let Some(own) = facts.column(column) else { return };
    let tolerant = asked.command(found.at).is_some_and(|command| command.missing_ok);
    let computed = matches!(own.values, ColumnValues::Stored(_) | ColumnValues::Virtual(_));
    match how {
        Generation::AddIdentity => {
            let made_not_null = asked
                .also(|other| matches!(other, Effect::SetNotNull { column: other, .. } if other == column));
            if own.values == ColumnValues::Identity {
                refuse(found, "55000", table, column, "it is an identity column already");
            } else if !own.not_null && !made_not_null {
                refuse(found, "55000", table, column, "it may be NULL, and an identity column may not");
            } else if own.has_default {
                let drops = asked.also(
                    |other| matches!(other, Effect::DropDefault { column: other, .. } if other == column),
                );
                if !drops {
                    refuse(found, "55000", table, column, "it has a default");
                }
            }
        }
        Generation::DropIdentity | Generation::SetIdentity
            if own.values != ColumnValues::Identity && !tolerant =>
        {
            refuse(found, "55000", table, column, "it is not an identity column");
        }
        Generation::DropExpression if !computed && !tolerant => {
            refuse(found, "55000", table, column, "it is not a generated column");
        }
        Generation::Expression if !computed && asked.around.version.major() >= 17 => {
            refuse(found, "55000", table, column, "it is not a generated column");
        }
        Generation::Expression
            if matches!(own.values, ColumnValues::Virtual(_))
                && facts.constraints.iter().any(|own| own.kind == ConstraintFactsKind::Check) =>
        {
            let why = "it is computed when it is read, and the table has check constraints";
            refuse(found, "0A000", table, column, why);
        }
        _ => {}
    }
}

/// A column that a parent table has is the parent's to change.
fn inherited(asked: &Asked<'_>, table: &RelationName, column: &Name, found: &mut Found<'_>) {
    let Some(facts) = asked.around.relation(table) else { return };
    let parent = facts.partition_of.iter().chain(&facts.inherits).find(|parent| {
        asked.around.relations.get(*parent).is_some_and(|facts| facts.column(column).is_some())
    });
    if let Some(parent) = parent {
        refuse(
            found,
            "42P16",
            table,
            column,
            &format!("it is a column of {}, which hands it down", parent.shown()),
        );
    }
}

/// Index methods that need to be told how to handle a type.
fn operator_classes(asked: &Asked<'_>, table: &RelationName, statement: &IndexStmt, found: &mut Found<'_>) {
    let method = statement.access_method.as_str();
    if method == "hash" && (statement.index_params.len() > 1 || statement.unique) {
        let why = match statement.unique {
            true => "a hash index cannot be unique",
            false => "a hash index has one column",
        };
        found.certain(FailureKind::Definition, "0A000", table.shown(), why);
        return;
    }
    let Some(facts) = asked.around.relation(table) else { return };
    for param in &statement.index_params {
        let Some(NodeEnum::IndexElem(element)) = &param.node else { continue };
        if element.name.is_empty() || !element.opclass.is_empty() {
            continue;
        }
        let column = Name::new(&element.name);
        let Some(own) = facts.column(&column).filter(|own| own.type_name.is_none()) else { continue };
        let is_array = own.type_sql.ends_with("[]");
        let family = Family::of(&own.type_sql);
        // btree_gin and btree_gist, where they are installed, lend their classes without being named.
        let lacks = match method {
            "btree" | "hash" if !is_array => {
                matches!(family, Family::Json | Family::Xml).then_some(Certainty::Certain)
            }
            "gin" if !is_array && !matches!(family, Family::Jsonb | Family::TsVector | Family::Unknown) => {
                Some(Certainty::Likely)
            }
            _ => None,
        };
        if let Some(certainty) = lacks {
            let why = format!(
                "a {method} index on {} needs an operator class: type {} has none by default",
                column.as_str(),
                own.type_sql
            );
            found.push(FailureKind::Definition, "42704", certainty, table.shown(), why);
        }
    }
}

impl CreateIndex {
    fn has_expression(&self) -> bool {
        self.columns.iter().any(Option::is_none)
    }
}
