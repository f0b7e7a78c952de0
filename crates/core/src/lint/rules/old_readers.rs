//! What a running release may meet in its reads and does not know: `column-becomes-optional`,
//! `new-enum-value`. Nothing happens at the migration; it happens when the new release writes the first such
//! value while the old one still runs.

use underpin_prisma::client::ClientContract;
use underpin_prisma::schema::Arity;
use underpin_sql::Effect;
use underpin_sql::effect::TypeKind;

use super::super::case::Case;
use super::super::finding::{Confidence, Finding, Severity};

pub(super) fn judge(case: &Case<'_>, found: &mut Vec<Finding>) {
    for act in case.acts {
        match act.effect {
            Effect::DropNotNull { .. } => optional(case, act.effect, found),
            Effect::AddEnumValue { .. } => enum_value(case, act.effect, found),
            _ => {}
        }
    }
}

/// What running clients know; `None` when all are known and none is concerned.
fn reader(
    case: &Case<'_>,
    of: impl Fn(&ClientContract) -> Option<String>,
) -> Option<(Severity, Option<String>)> {
    let clients = case.file.around.deployed;
    match clients.iter().find_map(of) {
        Some(what) => Some((Severity::Caution, Some(what))),
        None if !clients.is_empty() && clients.iter().all(|client| client.is_whole) => None,
        None => Some((Severity::Info, None)),
    }
}

fn optional(case: &Case<'_>, effect: &Effect, found: &mut Vec<Finding>) {
    let Effect::DropNotNull { table, column } = effect else { return };
    let table = case.world.facts().resolve(table);
    let known = case.world.facts().relation(&table).and_then(|facts| facts.column(column));
    if !case.is_used(&table)
        || case.world.is_new_column(&table, column)
        || known.is_some_and(|column| !column.not_null)
    {
        return;
    }
    let required = |client: &ClientContract| {
        let field = client.reads_column(&table, column)?;
        (field.column().arity == Arity::Required).then(|| field.to_string())
    };
    let Some((severity, field)) = reader(case, required) else { return };
    let who = match &field {
        Some(field) => format!("a running release whose {field} is required"),
        None => "the running release".to_owned(),
    };
    let message = format!(
        "column {} of {} may be NULL from then on: {who} fails at every read that meets such a row (P2032)",
        column.as_str(),
        case.shown(&table)
    );
    let confidence = if field.is_some() { Confidence::High } else { Confidence::Medium };
    found.push(
        case.tell("column-becomes-optional", severity, message)
            .about(case.shown(&table))
            .sure(confidence)
            .instead("let the new release write NULL only when no running release requires the field")
            .done(),
    );
}

fn enum_value(case: &Case<'_>, effect: &Effect, found: &mut Vec<Finding>) {
    let Effect::AddEnumValue { name, value, .. } = effect else { return };
    let facts = case.world.facts();
    let known = facts.type_facts(name);
    let has_it = known.is_some_and(
        |known| matches!(&known.kind, Some(TypeKind::Enum { values }) if values.contains(value)),
    );
    let is_unused = known.is_some_and(|known| !known.used_by.iter().any(|user| case.is_used(user)));
    if has_it || is_unused || case.world.is_new_type(name) {
        return;
    }
    let resolved = facts.resolve_type(name);
    let unaware = |client: &ClientContract| {
        let known = client.enum_of(&resolved)?;
        if known.values.iter().any(|one| one.stored == *value) {
            return None;
        }
        client.fields_of_enum(&resolved).first().map(ToString::to_string)
    };
    let Some((severity, field)) = reader(case, unaware) else { return };
    let who = match &field {
        Some(field) => format!("a running release that reads {field}"),
        None => "the running release".to_owned(),
    };
    let message = format!(
        "{} can be {value} from then on, which {who} does not know: a read that meets such a row fails as a whole",
        case.shown(name)
    );
    let confidence = if field.is_some() { Confidence::High } else { Confidence::Medium };
    found.push(
        case.tell("new-enum-value", severity, message)
            .about(case.shown(name))
            .sure(confidence)
            .instead(
                "release a version that knows the value and does not write it; write it one release later",
            )
            .done(),
    );
}
