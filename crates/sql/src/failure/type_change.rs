//! Type changes that PostgreSQL refuses: because something reads the column (0A000), because no cast leads
//! from the old type to the new (42804, 42846), or because a foreign key could not compare any more (42804).

use underpin_catalog::{Name, RelationName};

use super::cast::{Cast, CastType, cast, is_comparable};
use super::dependents::{Dependent, generated, key_of, listed, readers};
use super::{Asked, Certainty, FailureKind, Found};
use crate::effect::{Effect, TypeText, Using};
use crate::surroundings::{ColumnFacts, ColumnValues, RelationFacts};

pub(super) fn find(asked: &Asked<'_>, effect: &Effect, found: &mut Found<'_>) {
    match effect {
        Effect::ChangeColumnType { table, column, to, using, .. } => {
            let name = asked.around.resolve(table);
            let Some(facts) = asked.around.relations.get(&name) else { return };
            read_by_others(asked, &name, facts, column, found);
            row_type_in_use(asked, &name, found);
            if let Some(before) = facts.column(column) {
                let from = CastType::of(asked.around, &before.type_sql, before.type_name.as_ref());
                let into = CastType::of(asked.around, &to.text, to.user_defined.as_ref());
                casts(asked, &name, before, to, *using, (&from, &into), found);
                references(asked, &name, facts, column, &into, found);
            }
        }
        // The default of an added column is part of each stored row, and rows are elsewhere too.
        Effect::AddColumn(added) if added.default != crate::effect::ColumnDefault::None => {
            row_type_in_use(asked, &asked.around.resolve(&added.table), found);
        }
        _ => {}
    }
}

fn read_by_others(
    asked: &Asked<'_>,
    name: &RelationName,
    facts: &RelationFacts,
    column: &Name,
    found: &mut Found<'_>,
) {
    let object = format!("{}.{}", name.shown(), column.as_str());
    let readers = readers(asked.around, name, facts, column);
    if let Some(certainty) = readers.iter().map(|(_, certainty)| *certainty).max() {
        let verb = if readers.len() == 1 { "uses" } else { "use" };
        let why = format!("{} {verb} it", listed(readers.iter().map(|(reader, _)| reader)));
        found.push(FailureKind::TypeChange, "0A000", certainty, &object, why);
    }
    // An ALTER TABLE drops columns before it changes types.
    let goes = |dependent: &Dependent| {
        asked.also(|other| {
            matches!((other, dependent), (Effect::DropColumn { column, .. }, Dependent::Column(_, own)) if column == own)
        })
    };
    let derived: Vec<_> = generated(name, facts, column).filter(|derived| !goes(derived)).collect();
    if !derived.is_empty() {
        // A syntax error, as 14 has it.
        let sqlstate = if asked.around.version.major() >= 15 { "0A000" } else { "42601" };
        let verb = if derived.len() == 1 { "is" } else { "are" };
        let why = format!("{} {verb} computed from it", listed(derived.iter()));
        found.certain(FailureKind::TypeChange, sqlstate, &object, why);
    }
}

/// A column of another table that has the rows of this one as its values.
fn row_type_in_use(asked: &Asked<'_>, name: &RelationName, found: &mut Found<'_>) {
    let user = asked.around.relations.iter().find_map(|(other, facts)| {
        let column = facts.columns.iter().find(|column| column.type_name.as_ref() == Some(name))?;
        Some((other, column))
    });
    if let Some((other, column)) = user {
        let why = format!(
            "column {} of {} has rows of {} as its values",
            column.name.as_str(),
            other.shown(),
            name.shown()
        );
        found.certain(FailureKind::TypeChange, "0A000", name.shown(), why);
    }
}

fn casts(
    asked: &Asked<'_>,
    table: &RelationName,
    before: &ColumnFacts,
    to: &TypeText,
    using: Using,
    (from, into): (&CastType, &CastType),
    found: &mut Found<'_>,
) {
    let object = format!("{}.{}", table.shown(), before.name.as_str());
    let by_itself = cast(from, into);
    let words = || format!("from {} to {}", before.type_sql, to.text);
    let refused = match (using, by_itself) {
        (Using::Absent, Cast::Explicit) => {
            Some(("42804", format!("PostgreSQL does not cast {} by itself: say how with USING", words())))
        }
        (Using::Absent, Cast::None) => {
            Some(("42804", format!("there is no cast {}: say with USING what the new value is", words())))
        }
        (Using::Cast, Cast::None) => {
            Some(("42846", format!("there is no cast {}: go by text, or say what the new value is", words())))
        }
        _ => None,
    };
    if let Some((sqlstate, why)) = refused {
        found.certain(FailureKind::TypeChange, sqlstate, &object, why);
        return;
    }
    let column = &before.name;
    let drops_default =
        asked.also(|other| matches!(other, Effect::DropDefault { column: other, .. } if other == column));
    let computed = !matches!(before.values, ColumnValues::Given);
    if before.has_default && !computed && !drops_default && matches!(by_itself, Cast::Explicit | Cast::None) {
        let why = format!(
            "its default does not become {} by itself: drop the default before and set it again behind",
            to.text
        );
        found.certain(FailureKind::TypeChange, "42804", &object, why);
    }
}

/// Foreign keys from and to the column, whose other end keeps its type.
fn references(
    asked: &Asked<'_>,
    name: &RelationName,
    facts: &RelationFacts,
    column: &Name,
    into: &CastType,
    found: &mut Found<'_>,
) {
    let around = asked.around;
    let dropped = |constraint: &Name| {
        asked.also(
            |other| matches!(other, Effect::DropConstraint { constraint: other, .. } if other == constraint),
        )
    };
    let mut refuse = |constraint: &Name, other: &RelationName, other_column: &ColumnFacts| {
        let their = CastType::of(around, &other_column.type_sql, other_column.type_name.as_ref());
        if is_comparable(into, &their) == Some(false) && !dropped(constraint) {
            let why = format!(
                "the foreign key {} compares it with {}.{}, which is of type {}",
                constraint.as_str(),
                other.shown(),
                other_column.name.as_str(),
                other_column.type_sql
            );
            let object = format!("{}.{}", name.shown(), column.as_str());
            found.push(FailureKind::TypeChange, "42804", Certainty::Certain, object, why);
        }
    };
    for constraint in &facts.constraints {
        let Some(at) = constraint.columns.iter().position(|own| own == column) else { continue };
        let Some(other) = constraint.referenced.as_ref().filter(|other| *other != name) else { continue };
        let Some(other_facts) = around.relations.get(other) else { continue };
        let key = key_of(constraint, other_facts).get(at);
        if let Some(their) = key.and_then(|key| other_facts.column(key)) {
            refuse(&constraint.name, other, their);
        }
    }
    for other in facts.referenced_by.iter().filter(|other| *other != name) {
        let Some(other_facts) = around.relations.get(other) else { continue };
        for constraint in other_facts.constraints.iter().filter(|own| own.referenced.as_ref() == Some(name)) {
            let at = key_of(constraint, facts).iter().position(|key| key == column);
            let their = at.and_then(|at| constraint.columns.get(at));
            if let Some(their) = their.and_then(|their| other_facts.column(their)) {
                refuse(&constraint.name, other, their);
            }
        }
    }
}
