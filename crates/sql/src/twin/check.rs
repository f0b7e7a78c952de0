//! `ADD CHECK` stops all reads and writes while it looks at every row. The twin adds it `NOT VALID`,
//! an instant, and validates in a transaction of its own, under a lock that lets reads and writes
//! pass.

use pg_query::protobuf::{Constraint, RangeVar};

use super::NoTwin;
use crate::added_constraint::{add_unchecked, refuse_taken, validate};
use crate::describe::{constraint, relation};
use crate::draft::Draft;
use crate::names::constraint_name;
use crate::surroundings::Surroundings;

pub(super) fn twin(
    table: &RangeVar,
    wanted: &Constraint,
    surroundings: &Surroundings,
) -> Result<Vec<Draft>, NoTwin> {
    let name = relation(table);
    let added = constraint(&name, wanted, None);
    refuse_taken(&added, surroundings)?;
    let check = constraint_name(&added);
    let adds = add_unchecked(table, wanted, &check, "check", surroundings)?;
    Ok(vec![adds, validate(table, &check, surroundings)?])
}
