//! What the twins of constraints share: added in an instant, without a look at the rows, and validated in a
//! transaction of its own under a lock that lets reads and writes pass.

use pg_query::protobuf::node::Node as NodeEnum;
use pg_query::protobuf::{AlterTableCmd, AlterTableType, Constraint, DropBehavior, RangeVar};
use underpin_catalog::{Name, Sql};

use crate::describe::relation;
use crate::draft::Draft;
use crate::effect::{AddConstraint, ConstraintKind};
use crate::names::constraint_name;
use crate::render;
use crate::step::Transaction;
use crate::surroundings::Surroundings;
use crate::twin::NoTwin;

/// The constraint as `NOT VALID`, under the name that PostgreSQL would give it. `what` is its kind, for people.
pub(crate) fn add_unchecked(
    table: &RangeVar,
    wanted: &Constraint,
    name: &Name,
    what: &str,
    surroundings: &Surroundings,
) -> Result<Draft, NoTwin> {
    let mut unchecked = wanted.clone();
    name.as_str().clone_into(&mut unchecked.conname);
    unchecked.skip_validation = true;
    unchecked.initially_valid = false;
    let intent = format!("add {what} {} to {}, for new rows", name.as_str(), relation(table).shown());
    Draft::execute(intent, add_constraint(table, unchecked)?, Transaction::EndsHere, surroundings)
}

/// `ALTER TABLE … ADD CONSTRAINT …`.
pub(crate) fn add_constraint(table: &RangeVar, constraint: Constraint) -> Result<Sql, NoTwin> {
    let command = AlterTableCmd {
        subtype: AlterTableType::AtAddConstraint.into(),
        def: Some(Box::new(render::node(NodeEnum::Constraint(Box::new(constraint))))),
        behavior: DropBehavior::DropRestrict.into(),
        ..AlterTableCmd::default()
    };
    render::alter_table(table, vec![command])
}

/// `ALTER TABLE … VALIDATE CONSTRAINT …`, in a transaction of its own: it scans, and holds nothing
/// that reads or writes wait for.
pub(crate) fn validate(
    table: &RangeVar,
    constraint: &Name,
    surroundings: &Surroundings,
) -> Result<Draft, NoTwin> {
    let command = AlterTableCmd {
        subtype: AlterTableType::AtValidateConstraint.into(),
        name: constraint.as_str().to_owned(),
        behavior: DropBehavior::DropRestrict.into(),
        ..AlterTableCmd::default()
    };
    let intent =
        format!("validate {} of {} while the table is in use", constraint.as_str(), relation(table).shown());
    Draft::execute(intent, render::alter_table(table, vec![command])?, Transaction::Own, surroundings)
}

/// A name that PostgreSQL would choose must be free, or it chooses another.
pub(crate) fn refuse_taken(added: &AddConstraint, surroundings: &Surroundings) -> Result<(), NoTwin> {
    if added.name.is_some() {
        return Ok(());
    }
    let name = constraint_name(added);
    let by_constraint =
        surroundings.relation(&added.table).is_some_and(|facts| facts.constraint(&name).is_some());
    let backed =
        matches!(added.kind, ConstraintKind::Unique | ConstraintKind::PrimaryKey | ConstraintKind::Exclude);
    let sibling = surroundings.resolve(&added.table).sibling(name.clone());
    let by_relation = surroundings.index(&sibling).is_some() || surroundings.relation(&sibling).is_some();
    if by_constraint || (backed && by_relation) {
        return Err(NoTwin::because(format!(
            "the constraint has no name and {} is taken; give it a name",
            name.as_str()
        )));
    }
    Ok(())
}
