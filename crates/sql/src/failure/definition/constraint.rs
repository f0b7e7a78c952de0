//! Constraints that cannot be: a second primary key, an index that cannot become one, a foreign key to columns
//! that are not unique or of a type that cannot be compared.

use underpin_catalog::{Name, RelationName};

use crate::effect::{AddConstraint, ConstraintKind, Effect};
use crate::failure::cast::{CastType, is_comparable};
use crate::failure::{Asked, FailureKind, Found};
use crate::surroundings::{ConstraintFactsKind, RelationKind, Surroundings};

/// One primary key is all that a table can have.
pub(super) fn key(asked: &Asked<'_>, added: &AddConstraint, found: &mut Found<'_>) {
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
pub(super) fn adopted(asked: &Asked<'_>, added: &AddConstraint, found: &mut Found<'_>) {
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
pub(super) fn foreign_key(
    asked: &Asked<'_>,
    added: &AddConstraint,
    own: Option<&CastType>,
    found: &mut Found<'_>,
) {
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
pub(super) fn not_valid(asked: &Asked<'_>, added: &AddConstraint, found: &mut Found<'_>) {
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

/// Only what looks at rows can be validated.
pub(super) fn validated(asked: &Asked<'_>, table: &RelationName, constraint: &Name, found: &mut Found<'_>) {
    let known = asked.around.relation(table).and_then(|facts| facts.constraint(constraint));
    let checked = matches!(
        known.map(|known| known.kind),
        None | Some(
            ConstraintFactsKind::Check | ConstraintFactsKind::ForeignKey | ConstraintFactsKind::NotNull
        )
    );
    if !checked {
        let why = format!("{} is neither a check nor a foreign key", constraint.as_str());
        found.certain(FailureKind::Definition, "42809", constraint.as_str(), why);
    }
}
