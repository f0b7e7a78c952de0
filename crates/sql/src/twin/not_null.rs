//! `SET NOT NULL` stops all reads and writes while it looks at every row, unless a validated check
//! proves that there is nothing to find. The twin adds such a check `NOT VALID`, validates it while
//! the table is in use, sets the column NOT NULL without a look at the rows, and drops the check.
//!
//! The last two are separate statements in one transaction: in one `ALTER TABLE`, PostgreSQL would
//! drop the check first and then have no proof. On 18 the not-null constraint gets the same name as
//! from the plain statement.

use pg_query::protobuf::node::Node as NodeEnum;
use pg_query::protobuf::{
    AlterTableCmd, AlterTableType, ColumnRef, ConstrType, Constraint, NullTest, NullTestType, RangeVar,
};
use underpin_catalog::Name;

use super::NoTwin;
use crate::added_constraint::{add_constraint, validate};
use crate::describe::relation;
use crate::draft::Draft;
use crate::names::proof_name;
use crate::render;
use crate::step::{Duration, Transaction};
use crate::surroundings::Surroundings;

pub(super) fn twin(
    table: &RangeVar,
    column: &Name,
    surroundings: &Surroundings,
) -> Result<Vec<Draft>, NoTwin> {
    let name = relation(table);
    let proof = proof_name(&name, column);
    let shown = format!("{}.{}", name.shown(), column.as_str());
    let adds = Draft::execute(
        format!("refuse NULL in {shown}, for new rows"),
        add_constraint(table, check(&proof, column))?,
        Transaction::EndsHere,
        surroundings,
    )?;
    let validates = validate(table, &proof, surroundings)?;
    let sets = Draft::execute(
        format!("set {shown} NOT NULL"),
        render::alter_table(table, vec![command(AlterTableType::AtSetNotNull, column)])?,
        Transaction::Shared,
        surroundings,
    )?
    // The check proves it.
    .lasting(Duration::Instant);
    let drops = Draft::execute(
        format!("drop the check that proved {shown}"),
        render::alter_table(table, vec![command(AlterTableType::AtDropConstraint, &proof)])?,
        Transaction::EndsHere,
        surroundings,
    )?;
    Ok(vec![adds, validates, sets, drops])
}

fn check(name: &Name, column: &Name) -> Constraint {
    let reference =
        NodeEnum::ColumnRef(ColumnRef { fields: vec![render::string(column.as_str())], location: 0 });
    let test = NullTest {
        arg: Some(Box::new(render::node(reference))),
        nulltesttype: NullTestType::IsNotNull.into(),
        ..NullTest::default()
    };
    Constraint {
        contype: ConstrType::ConstrCheck.into(),
        conname: name.as_str().to_owned(),
        raw_expr: Some(Box::new(render::node(NodeEnum::NullTest(Box::new(test))))),
        is_enforced: true,
        skip_validation: true,
        ..Constraint::default()
    }
}

fn command(subtype: AlterTableType, name: &Name) -> AlterTableCmd {
    AlterTableCmd {
        subtype: subtype.into(),
        name: name.as_str().to_owned(),
        behavior: pg_query::protobuf::DropBehavior::DropRestrict.into(),
        ..AlterTableCmd::default()
    }
}
