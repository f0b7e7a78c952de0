//! What the running release does not survive: `drop-column`, `rename-table` and the others of
//! [`crate::notice::broken`], which deploy refuses by the same names.
//!
//! When the schemas of the releases that run are known, only what one of them really uses breaks, and the
//! finding says which field that is.

use underpin_catalog::RelationName;
use underpin_prisma::client::ClientContract;
use underpin_sql::Effect;

use super::super::case::{Act, Case};
use super::super::finding::{Confidence, Finding, Severity};
use crate::notice::{Broken, broken};
use crate::reason::ReasonCode;

pub(super) fn judge(case: &Case<'_>, found: &mut Vec<Finding>) {
    for act in case.acts {
        if let Some(broken) = broken(act.effect, case.world)
            && let Some(use_) = use_of(case, act, &broken)
        {
            found.push(tell(case, act, &broken, use_));
        }
    }
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
    let known = clients.iter().find_map(|client| used(client, act.effect, &table));
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

fn used(client: &ClientContract, effect: &Effect, table: &RelationName) -> Option<String> {
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
        _ => client.knows_table(table).map(|table| table.described()),
    }
}

fn tell(case: &Case<'_>, act: &Act<'_>, broken: &Broken, use_: Use) -> Finding {
    let table = case.world.facts().resolve(&broken.relation);
    let (user, confidence) = match use_ {
        Use::Known(what) => (format!(" ({what} of a running release uses it)"), Confidence::High),
        Use::NotSaid => (String::new(), case.confidence(&table).min(Confidence::Medium)),
    };
    let severity = match broken.code {
        ReasonCode::RequiredColumnWithoutDefault | ReasonCode::Truncate => Severity::Blocker,
        _ => Severity::Danger,
    };
    let message = format!("{} on {}{user}: {}", broken.what, table.shown(), broken.code.harm());
    let mut telling = case
        .tell(broken.code.as_str(), severity, message)
        .about(table.shown())
        .sure(confidence)
        .locking(&act.locks)
        .lasting(case.estimate(act, &table))
        .instead(broken.code.instead());
    if case.file.around.deployed.is_empty() {
        telling = telling.assuming("the running release uses it: nobody said which releases run");
    }
    match broken.code {
        ReasonCode::RequiredColumnWithoutDefault => telling.failing("23502"),
        _ => telling,
    }
    .done()
}
