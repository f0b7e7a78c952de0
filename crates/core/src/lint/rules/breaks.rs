//! What the running release does not survive: `drop-column`, `rename-table` and the others of
//! [`crate::notice::broken`], which deploy refuses by the same names.
//!
//! When the schemas of the releases that run are known, only what one of them really uses breaks, and the
//! finding says which field that is.

use underpin_catalog::{Name, RelationName};
use underpin_prisma::client::ClientContract;
use underpin_sql::{Duration, Effect};

use super::super::case::{Act, Case};
use super::super::cost;
use super::super::effects::EffectKind;
use super::super::finding::{Confidence, Finding, Severity};
use crate::notice::{Broken, broken};
use crate::reason::ReasonCode;

pub(super) fn judge(case: &Case<'_>, found: &mut Vec<Finding>) {
    let is_told = |effect| {
        super::is_told_as_one(case, effect)
            || super::column_recreated::covers(case, effect)
            || super::table_recreated::covers(case, effect)
    };
    for act in case.acts.iter().filter(|act| !is_told(act.effect)) {
        if let Some(broken) = broken(act.effect, case.world)
            && !gets_default(case, act.effect)
            && let Some(use_) = use_of(case, act, &broken)
        {
            found.push(tell(case, act, &broken, use_));
        }
    }
}

/// Whether a later statement of the file gives a default to the column that has none now and must not be NULL.
fn gets_default(case: &Case<'_>, effect: &Effect) -> bool {
    let (Effect::DropDefault { table, column } | Effect::SetNotNull { table, column }) = effect else {
        return false;
    };
    let facts = case.world.facts();
    let table = facts.resolve(table);
    let given = case.file.effects.with(EffectKind::SetDefault, table.name.as_str(), column.as_str());
    given.since(case.at).any(|effect| effect.table().is_some_and(|other| facts.resolve(other) == table))
}

/// What the clients of running releases have to do with it.
enum Use {
    /// Nobody said which releases run.
    NotSaid,
    /// This is what one of them uses.
    Known(String),
}

/// `None` when no running client has anything to do with it.
fn use_of(case: &Case<'_>, act: &Act<'_>, broken: &Broken) -> Option<Use> {
    let clients = case.file.around.deployed;
    if clients.is_empty() {
        return Some(Use::NotSaid);
    }
    let table = case.world.facts().resolve(&broken.relation);
    let known = clients.iter().find_map(|client| used(client, case, act.effect, &table));
    let whole = clients.iter().all(|client| client.is_whole);
    match known {
        Some(what) => Some(Use::Known(what)),
        None if whole && spares_the_unknown(broken.code) => None,
        None => Some(Use::NotSaid),
    }
}

/// Reasons that hurt only a client that knows the object.
fn spares_the_unknown(code: ReasonCode) -> bool {
    matches!(
        code,
        ReasonCode::DropTable
            | ReasonCode::RenameTable
            | ReasonCode::DropColumn
            | ReasonCode::RenameColumn
            | ReasonCode::ChangeType
            | ReasonCode::DropType
            | ReasonCode::RenameType
            | ReasonCode::RenameEnumValue
            | ReasonCode::DropUnique
    )
}

fn used(client: &ClientContract, case: &Case<'_>, effect: &Effect, table: &RelationName) -> Option<String> {
    let facts = case.world.facts();
    match effect {
        Effect::DropColumn { column, .. }
        | Effect::RenameColumn { column, .. }
        | Effect::ChangeColumnType { column, .. } => {
            client.reads_column(table, column).map(|field| field.to_string())
        }
        Effect::AddColumn(_) | Effect::SetNotNull { .. } => {
            client.knows_table(table).map(|table| table.described())
        }
        Effect::DropTable { .. }
        | Effect::RenameTable { .. }
        | Effect::MoveTable { .. }
        | Effect::Truncate { .. } => client.knows_table(table).map(|table| table.described()),
        Effect::Drop { name, .. } | Effect::Rename { name, .. } | Effect::RenameEnumValue { name, .. } => {
            client.fields_of_enum(name).first().map(ToString::to_string)
        }
        Effect::DropIndex { index, .. } => {
            let columns: Option<Vec<Name>> = facts.index(index)?.columns.iter().cloned().collect();
            looks_up(client, table, &columns?)
        }
        Effect::DropConstraint { constraint, .. } => {
            looks_up(client, table, &facts.relation(table)?.constraint(constraint)?.columns)
        }
        _ => client.knows_table(table).map(|table| table.described()),
    }
}

/// The key by which the client's upserts find rows.
fn looks_up(client: &ClientContract, table: &RelationName, columns: &[Name]) -> Option<String> {
    let key = client.key_of(table, columns)?;
    let columns: Vec<_> = key.columns.iter().map(Name::as_str).collect();
    let model = client.knows_table(table)?.described();
    Some(format!("the key {} of {model}", columns.join(", ")))
}

fn tell(case: &Case<'_>, act: &Act<'_>, broken: &Broken, use_: Use) -> Finding {
    let table = case.world.facts().resolve(&broken.relation);
    let (user, confidence) = match use_ {
        Use::Known(what) => (format!(" ({what} of a running release uses it)"), Confidence::High),
        Use::NotSaid => (String::new(), case.confidence(&table).min(Confidence::Medium)),
    };
    let estimate = case.estimate(act, &table);
    let severity = match broken.code {
        ReasonCode::RequiredColumnWithoutDefault | ReasonCode::Truncate => Severity::Blocker,
        // Only a client that prepares its statements notices, until it connects again.
        ReasonCode::ChangeType if act.duration == Duration::Instant => Severity::Caution,
        _ => Severity::Danger,
    };
    let harm = match (broken.code, &estimate) {
        (ReasonCode::ChangeType, Some((estimate, size))) => format!(
            "prepared statements that return it fail until their connection is replaced (0A000), and {}, {}, while \
             nobody can read the table",
            work(act),
            cost::sentence(estimate, size)
        ),
        (ReasonCode::ChangeType, None) => {
            "prepared statements that return it fail until their connection is replaced (0A000)".to_owned()
        }
        (ReasonCode::RequiredColumnWithoutDefault, _) if case.world.is_new_with_rows(&table) => {
            "the file has put rows into it, which have no value for the column, so the statement fails (23502)"
                .to_owned()
        }
        _ => broken.code.harm().to_owned(),
    };
    let message = format!("{}{user}: {harm}", broken.said(&case.shown(&table)));
    let instead = match broken.code {
        ReasonCode::ChangeType if act.duration == Duration::Instant => {
            "have the application connect anew after the migration"
        }
        ReasonCode::DropColumn => {
            "mark the field @ignore and release that; drop the column when no running release reads it"
        }
        _ => broken.code.instead(),
    };
    let mut telling = case
        .tell(broken.code.as_str(), severity, message)
        .about(case.shown(&table))
        .sure(confidence)
        .locking(&act.locks)
        .instead(instead);
    if case.file.around.deployed.is_empty() {
        telling = telling.assuming("the running release uses it: nobody said which releases run");
    }
    match broken.code {
        ReasonCode::RequiredColumnWithoutDefault => telling.failing("23502"),
        ReasonCode::ChangeType => telling.lasting(estimate),
        _ => telling,
    }
    .done()
}

/// What a type change does to the rows.
fn work(act: &Act<'_>) -> &'static str {
    match act.duration {
        Duration::Build => "PostgreSQL builds the column's indexes anew",
        Duration::Scan => "PostgreSQL checks every row",
        _ => "PostgreSQL writes every row anew",
    }
}
