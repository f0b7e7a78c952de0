//! `ADD FOREIGN KEY` blocks writes to both tables while it looks every row up. The twin adds it
//! `NOT VALID`, an instant in which new rows begin to be checked, and validates in a transaction of
//! its own, under a lock that lets reads and writes pass.
//!
//! Not on a partitioned table before PostgreSQL 18, which refuses `NOT VALID` there (0A000).

use pg_query::protobuf::{Constraint, RangeVar};
use underpin_catalog::LockMode;

use super::NoTwin;
use crate::added_constraint::{add_unchecked, refuse_taken, validate};
use crate::describe::{constraint, named, relation};
use crate::draft::Draft;
use crate::names::constraint_name;
use crate::step::LockClaim;
use crate::surroundings::{RelationKind, Surroundings};

pub(super) fn twin(
    table: &RangeVar,
    wanted: &Constraint,
    surroundings: &Surroundings,
) -> Result<Vec<Draft>, NoTwin> {
    let name = relation(table);
    let partitioned =
        surroundings.relation(&name).is_some_and(|facts| facts.kind == RelationKind::Partitioned);
    if partitioned && surroundings.version.major() < 18 {
        return Err(NoTwin::because(format!(
            "{} is partitioned and PostgreSQL {} takes no foreign key NOT VALID on a partitioned table",
            name.shown(),
            surroundings.version.major()
        )));
    }
    let added = constraint(&name, wanted, None);
    refuse_taken(&added, surroundings)?;
    let key = constraint_name(&added);
    let referenced = named(wanted.pktable.as_ref());
    let adds = add_unchecked(table, wanted, &key, "foreign key", surroundings)?;
    // The catalog does not know the key yet, so its lock on the referenced table is said here.
    let validates = validate(table, &key, surroundings)?
        .claiming(LockClaim { relation: surroundings.resolve(&referenced), mode: LockMode::RowShare });
    Ok(vec![adds, validates])
}
