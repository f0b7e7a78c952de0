//! A primary key that gives way to another in one statement: `DROP CONSTRAINT …, ADD PRIMARY KEY (…)`, as Prisma
//! writes it. In parts the table would be without any key while the index is built. The twin builds the index first,
//! beside the old key, and exchanges the two in one statement that looks at no row.
//!
//! What else the statement does goes along, when it is done in an instant and is not about a column of the new key.

use pg_query::protobuf::node::Node as NodeEnum;
use pg_query::protobuf::{AlterTableCmd, AlterTableType, ConstrType, Constraint, RangeVar};
use underpin_catalog::Name;

use super::{NoTwin, index, unique};
use crate::added_constraint::refuse_taken;
use crate::describe::{action, constraint, relation, strings};
use crate::draft::Draft;
use crate::names::constraint_name;
use crate::render;
use crate::step::{Duration, Transaction};
use crate::surroundings::{ConstraintFactsKind, Surroundings};

/// The twin of a statement that takes a primary key away and adds one; `None` for all others.
pub(super) fn twin(
    table: &RangeVar,
    commands: &[(usize, &AlterTableCmd)],
    surroundings: &Surroundings,
) -> Option<Result<Vec<Draft>, NoTwin>> {
    let (at, wanted) = commands.iter().find_map(|(at, command)| Some((*at, added(command)?)))?;
    let facts = surroundings.relation(&relation(table))?;
    let is_old = |command: &AlterTableCmd| {
        let known = facts.constraint(&Name::new(&command.name));
        command.subtype() == AlterTableType::AtDropConstraint
            && known.is_some_and(|known| known.kind == ConstraintFactsKind::PrimaryKey)
    };
    let is_exchange = commands.iter().any(|(_, command)| is_old(command));
    is_exchange.then(|| exchange(table, commands, (at, wanted), surroundings))
}

/// The primary key that a command adds, without an index that is there.
fn added(command: &AlterTableCmd) -> Option<&Constraint> {
    match command.def.as_ref()?.node.as_ref()? {
        NodeEnum::Constraint(wanted)
            if command.subtype() == AlterTableType::AtAddConstraint
                && wanted.contype() == ConstrType::ConstrPrimary
                && wanted.indexname.is_empty() =>
        {
            Some(wanted)
        }
        _ => None,
    }
}

fn exchange(
    table: &RangeVar,
    commands: &[(usize, &AlterTableCmd)],
    (at, wanted): (usize, &Constraint),
    surroundings: &Surroundings,
) -> Result<Vec<Draft>, NoTwin> {
    let name = relation(table);
    index::refuse_partitioned(&name, surroundings).map_err(|none| none.about(at))?;
    let keys: Vec<Name> = strings(&wanted.keys).iter().map(Name::new).collect();
    for (other, command) in commands.iter().filter(|(other, _)| *other != at) {
        let because = |why: &str| Err(NoTwin::because(why).about(*other));
        if keys.contains(&column_of(command)) {
            return because(
                "a column of the new key changes in the same statement; make it ready in a migration before",
            );
        }
        if action(&name, command).duration(surroundings) != Duration::Instant {
            return because(
                "it stands beside a primary key that gives way to another; give it a statement of its own",
            );
        }
    }
    let added = constraint(&name, wanted, None);
    refuse_taken(&added, surroundings).map_err(|none| none.about(at))?;
    let own = constraint_name(&added);
    let built = own.with_suffix("_next");
    let taken = surroundings.resolve(&name).sibling(built.clone());
    if surroundings.index(&taken).is_some() || surroundings.relation(&taken).is_some() {
        return Err(NoTwin::because(format!(
            "the index would be built as {}, which is taken",
            built.as_str()
        ))
        .about(at));
    }
    let mut drafts =
        unique::made_ready(table, wanted, &built, surroundings).map_err(|none| none.about(at))?;
    let exchanged = commands.iter().map(|(other, command)| match *other == at {
        true => AlterTableCmd {
            def: Some(Box::new(render::node(NodeEnum::Constraint(Box::new(unique::using(
                wanted, &own, &built,
            )))))),
            ..(*command).clone()
        },
        false => (*command).clone(),
    });
    drafts.push(
        Draft::execute(
            format!("make the primary key of {} of the index, in the place of the old one", name.shown()),
            render::alter_table(table, exchanged.collect())?,
            Transaction::EndsHere,
            surroundings,
        )?
        // The columns of the key are NOT NULL by now.
        .lasting(Duration::Instant),
    );
    Ok(drafts)
}

/// The column that a command is about; of one that is about none an empty name, which no column has.
fn column_of(command: &AlterTableCmd) -> Name {
    match command.def.as_ref().and_then(|node| node.node.as_ref()) {
        Some(NodeEnum::ColumnDef(definition)) if command.name.is_empty() => Name::new(&definition.colname),
        _ => Name::new(&command.name),
    }
}
