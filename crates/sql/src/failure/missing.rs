//! What a statement names and is not there (42P01, 42704), or is something else (42809).

use underpin_catalog::RelationName;

use super::lookup::Is;
use super::{Asked, Certainty, FailureKind, Found};
use crate::effect::{
    AddConstraint, ConstraintKind, Effect, ObjectKind, PolicyChange, ReindexTarget, TypeKind, TypeText,
};
use crate::surroundings::RelationKind;

pub(super) fn find(asked: &Asked<'_>, effect: &Effect, found: &mut Found<'_>) {
    let tolerant = asked.tolerates_absence();
    match effect {
        Effect::DropTable { table, .. } => {
            relation(asked, found, table, "42P01", tolerant);
            wrong_kind(asked, found, table, "a table", Is::is_table);
        }
        Effect::DropIndex { index, if_exists, .. } => {
            relation(asked, found, index, "42704", *if_exists);
            wrong_kind(asked, found, index, "an index", |is| is == Is::Index);
        }
        Effect::Drop { kind, name, if_exists, .. } => dropped(asked, found, *kind, name, *if_exists),
        Effect::RenameIndex { index, .. } | Effect::AlterIndex { index, .. } => {
            relation(asked, found, index, "42P01", tolerant);
        }
        Effect::Reindex { target: ReindexTarget::Index(index), .. } => {
            relation(asked, found, index, "42P01", false);
            wrong_kind(asked, found, index, "an index", |is| is == Is::Index);
        }
        Effect::AlterSequence { sequence, .. } => {
            // `CREATE SEQUENCE … OWNED BY` makes it first.
            let made = asked.also(|other| matches!(other, Effect::Create { name, .. } if name == sequence));
            relation(asked, found, sequence, "42P01", tolerant || made);
        }
        Effect::Rename { kind, name, .. }
        | Effect::Move { kind, name, .. }
        | Effect::Alter { kind, name } => match kind {
            ObjectKind::Sequence | ObjectKind::View | ObjectKind::MaterializedView => {
                relation(asked, found, name, "42P01", tolerant);
            }
            ObjectKind::Type | ObjectKind::Domain => type_named(asked, found, name, tolerant),
            _ => {}
        },
        Effect::AddEnumValue { name, .. } | Effect::RenameEnumValue { name, .. } => {
            type_named(asked, found, name, false);
            let other = match asked.around.type_facts(name).map(|facts| &facts.kind) {
                Some(kind) => kind.as_ref().is_some_and(|kind| !matches!(kind, TypeKind::Enum { .. })),
                None => asked.around.is(name).is_some(),
            };
            if other {
                found.certain(
                    FailureKind::Missing,
                    "42809",
                    name.shown(),
                    format!("{} is not an enum", name.shown()),
                );
            }
        }
        Effect::Comment { relation: Some(name), .. } => relation(asked, found, name, "42P01", false),
        Effect::AddColumn(added) => {
            relation(asked, found, &added.table, "42P01", tolerant);
            wrong_kind(asked, found, &added.table, "a table", Is::is_table);
            type_of_column(asked, found, &added.to);
            added.constraints.iter().for_each(|added| constraint(asked, found, added, None));
        }
        Effect::ChangeColumnType { table, to, .. } => {
            relation(asked, found, table, "42P01", tolerant);
            wrong_kind(asked, found, table, "a table", Is::is_table);
            type_of_column(asked, found, to);
        }
        Effect::AddConstraint(added) => {
            relation(asked, found, &added.table, "42P01", tolerant);
            wrong_kind(asked, found, &added.table, "a table", Is::is_table);
            constraint(asked, found, added, None);
        }
        Effect::CreateTable(created) => {
            let own = asked.around.new_name(&created.table);
            if created.if_not_exists && asked.around.is(&own).is_some() {
                return;
            }
            for source in created.like.iter().chain(&created.inherits).chain(&created.partition_of) {
                relation(asked, found, source, "42P01", false);
            }
            for column in &created.columns {
                type_of_column(asked, found, &column.to);
                column.constraints.iter().for_each(|added| constraint(asked, found, added, Some(&own)));
            }
            created.constraints.iter().for_each(|added| constraint(asked, found, added, Some(&own)));
        }
        Effect::CreateTableAs { reads, .. } => read(asked, found, reads),
        Effect::CreateView(created) => {
            let is_there = asked.around.is(&asked.around.new_name(&created.view)).is_some();
            if !(created.if_not_exists && is_there) {
                read(asked, found, &created.reads);
            }
        }
        Effect::CreateIndex(created) => {
            relation(asked, found, &created.table, "42P01", false);
            wrong_kind(asked, found, &created.table, "a table", |is| {
                is.is_table() || is == Is::Relation(RelationKind::MaterializedView)
            });
        }
        Effect::DropColumn { table, .. }
        | Effect::SetNotNull { table, .. }
        | Effect::DropNotNull { table, .. }
        | Effect::ValidateConstraint { table, .. }
        | Effect::DropConstraint { table, .. }
        | Effect::AlterConstraint { table, .. } => {
            relation(asked, found, table, "42P01", tolerant);
            wrong_kind(asked, found, table, "a table", Is::is_table);
        }
        Effect::Truncate { table, .. } => {
            relation(asked, found, table, "42P01", false);
            wrong_kind(asked, found, table, "a table", Is::is_table);
        }
        Effect::RefreshView { view, .. } => {
            relation(asked, found, view, "42P01", false);
            if let Some(is) =
                asked.around.is(view).filter(|is| *is != Is::Relation(RelationKind::MaterializedView))
            {
                let sqlstate = if is.is_table() { "0A000" } else { "42809" };
                let why = format!("{} is {}, not a materialized view", view.shown(), is.words());
                found.certain(FailureKind::Missing, sqlstate, view.shown(), why);
            }
        }
        Effect::Update(changed) | Effect::Delete(changed) => {
            relation(asked, found, &changed.table, "42P01", false);
            writable(asked, found, &changed.table);
            read(asked, found, &changed.reads);
        }
        Effect::Insert { table, reads, .. } | Effect::Merge { table, reads, .. } => {
            relation(asked, found, table, "42P01", false);
            writable(asked, found, table);
            read(asked, found, reads);
        }
        Effect::Select { reads, .. } => read(asked, found, reads),
        Effect::DropTrigger { table, trigger, if_exists } => {
            relation(asked, found, table, "42P01", *if_exists);
            trigger_named(asked, found, table, trigger, *if_exists);
        }
        Effect::RenameTrigger { table, trigger, .. } => {
            relation(asked, found, table, "42P01", false);
            trigger_named(asked, found, table, trigger, false);
        }
        Effect::Policy { table, policy, how } => {
            relation(asked, found, table, "42P01", tolerant);
            let needed = !matches!(how, PolicyChange::Create { .. });
            let lacks = asked.around.whole(table).is_some_and(|facts| !facts.policies.contains_key(policy));
            if needed && lacks && !tolerant {
                let why = format!("table {} has no policy {}", table.shown(), policy.as_str());
                found.certain(FailureKind::Missing, "42704", policy.as_str(), why);
            }
        }
        Effect::CreateTrigger(created) => {
            relation(asked, found, &created.table, "42P01", false);
            let unknown = asked.around.complete && asked.around.volatility(&created.function).is_none();
            if unknown && !created.function.name.as_str().starts_with("tsvector_update_trigger") {
                let why = format!("function {} does not exist", created.function.shown());
                // An extension may have it.
                found.push(FailureKind::Missing, "42883", Certainty::Likely, created.function.shown(), why);
            }
        }
        Effect::Grant { tables, .. } => read(asked, found, tables),
        Effect::Do(_) | Effect::Server { .. } | Effect::Unknown { .. } | Effect::Call { .. } => {}
        _ => {
            if let Some(table) = effect.table() {
                relation(asked, found, table, "42P01", tolerant);
            }
        }
    }
}

fn relation(
    asked: &Asked<'_>,
    found: &mut Found<'_>,
    name: &RelationName,
    sqlstate: &'static str,
    tolerant: bool,
) {
    // An ALTER TABLE with many actions fails once.
    let said = found.all.iter().any(|failure| {
        failure.kind == FailureKind::Missing && failure.object == name.shown() && failure.sqlstate == sqlstate
    });
    if !tolerant && !said && asked.around.is_absent(name) {
        found.certain(
            FailureKind::Missing,
            sqlstate,
            name.shown(),
            format!("{} does not exist", name.shown()),
        );
    }
}

/// Relations that a query names. The row types of functions and the like are not among them.
fn read(asked: &Asked<'_>, found: &mut Found<'_>, names: &[RelationName]) {
    for name in names {
        relation(asked, found, name, "42P01", false);
    }
}

fn wrong_kind(
    asked: &Asked<'_>,
    found: &mut Found<'_>,
    name: &RelationName,
    wanted: &str,
    fits: impl Fn(Is) -> bool,
) {
    let Some(is) = asked.around.is(name).filter(|is| !fits(*is)) else { return };
    let why = format!("{} is {}, not {wanted}", name.shown(), is.words());
    if !found.all.iter().any(|failure| failure.why == why) {
        found.certain(FailureKind::Missing, "42809", name.shown(), why);
    }
}

/// Rows of a materialized view come from its query alone.
fn writable(asked: &Asked<'_>, found: &mut Found<'_>, name: &RelationName) {
    if asked.around.is(name) == Some(Is::Relation(RelationKind::MaterializedView)) {
        let why = format!("{} is a materialized view, which only REFRESH fills", name.shown());
        found.certain(FailureKind::Missing, "42809", name.shown(), why);
    }
}

fn type_of_column(asked: &Asked<'_>, found: &mut Found<'_>, to: &TypeText) {
    if let Some(name) = &to.user_defined {
        type_named(asked, found, name, false);
    }
}

fn type_named(asked: &Asked<'_>, found: &mut Found<'_>, name: &RelationName, tolerant: bool) {
    if !tolerant && asked.around.is_type_absent(name) {
        let why = format!("type {} does not exist", name.shown());
        // An extension that somebody else installed may bring it.
        let certainty = if asked.around.types.is_empty() { Certainty::Likely } else { Certainty::Certain };
        found.push(FailureKind::Missing, "42704", certainty, name.shown(), why);
    }
}

/// The table that a foreign key references, and the index that becomes a constraint. `own` is the table that
/// the statement makes.
fn constraint(asked: &Asked<'_>, found: &mut Found<'_>, added: &AddConstraint, own: Option<&RelationName>) {
    if let ConstraintKind::ForeignKey { references, .. } = &added.kind
        && own != Some(&asked.around.resolve(references))
    {
        relation(asked, found, references, "42P01", false);
        wrong_kind(asked, found, references, "a table", Is::is_table);
    }
    if let Some(index) = &added.using_index {
        let index = asked.around.resolve(&added.table).sibling(index.clone());
        relation(asked, found, &index, "42704", false);
    }
}

fn dropped(asked: &Asked<'_>, found: &mut Found<'_>, kind: ObjectKind, name: &RelationName, if_exists: bool) {
    let around = asked.around;
    match kind {
        ObjectKind::View => {
            relation(asked, found, name, "42P01", if_exists);
            wrong_kind(asked, found, name, "a view", |is| is == Is::Relation(RelationKind::View));
        }
        ObjectKind::MaterializedView => {
            relation(asked, found, name, "42P01", if_exists);
            wrong_kind(asked, found, name, "a materialized view", |is| {
                is == Is::Relation(RelationKind::MaterializedView)
            });
        }
        ObjectKind::Sequence => {
            relation(asked, found, name, "42P01", if_exists);
            wrong_kind(asked, found, name, "a sequence", |is| is == Is::Relation(RelationKind::Sequence));
        }
        ObjectKind::Type => type_named(asked, found, name, if_exists),
        ObjectKind::Domain => {
            type_named(asked, found, name, if_exists);
            let kind = around.type_facts(name).and_then(|facts| facts.kind.as_ref());
            if kind.is_some_and(|kind| !matches!(kind, TypeKind::Domain { .. })) {
                found.certain(
                    FailureKind::Missing,
                    "42809",
                    name.shown(),
                    format!("{} is not a domain", name.shown()),
                );
            }
        }
        ObjectKind::Routine => {
            if !if_exists && around.complete && around.volatility(name).is_none() {
                let why = format!("function {} does not exist", name.shown());
                found.push(FailureKind::Missing, "42883", Certainty::Likely, name.shown(), why);
            }
        }
        ObjectKind::Schema | ObjectKind::Extension | ObjectKind::Role | ObjectKind::Other => {}
    }
}

fn trigger_named(
    asked: &Asked<'_>,
    found: &mut Found<'_>,
    table: &RelationName,
    trigger: &underpin_catalog::Name,
    tolerant: bool,
) {
    let lacks = asked.around.whole(table).is_some_and(|facts| !facts.triggers.contains_key(trigger));
    if lacks && !tolerant {
        let why = format!("table {} has no trigger {}", table.shown(), trigger.as_str());
        found.certain(FailureKind::Missing, "42704", trigger.as_str(), why);
    }
}
