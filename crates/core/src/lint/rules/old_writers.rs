//! What a running release may write and PostgreSQL refuses from then on: `column-becomes-required`,
//! `default-dropped`, `new-unique`, `new-check`, `new-foreign-key`.
//!
//! Whether it does write such rows is known of the client alone, and only where the schemas of the running
//! releases were given; what the application does with its client, nobody knows. So these are at most a
//! caution, except where a client must come into conflict.

use underpin_catalog::{Name, RelationName};
use underpin_prisma::client::Gap;
use underpin_sql::Effect;
use underpin_sql::effect::{AddConstraint, ColumnDefault, ConstraintKind, CreateIndex};

use super::super::case::Case;
use super::super::effects::{EffectKind, Matching};
use super::super::finding::{Confidence, Finding, Severity, Severity::*};

pub(super) fn judge(case: &Case<'_>, found: &mut Vec<Finding>) {
    for act in case.acts {
        let Some(table) = act.effect.table().map(|table| case.world.facts().resolve(table)) else { continue };
        if !case.is_used(&table) {
            continue;
        }
        match act.effect {
            Effect::SetNotNull { column, .. } => required(case, &table, column, found),
            Effect::DropDefault { column, .. } => default_dropped(case, &table, column, found),
            Effect::CreateIndex(created) if created.unique => unique_index(case, &table, created, found),
            Effect::AddConstraint(added) if !added.not_enforced => constraint(case, &table, added, found),
            _ => {}
        }
    }
}

/// What is known of the rows that running clients make.
enum Writers {
    /// Nobody said which releases run, or not all of their schemas could be read.
    NotSaid,
    /// None of them makes such a row.
    None,
    /// One can.
    Known(String),
}

/// The clients that can make a row without a value in the column.
fn without(case: &Case<'_>, table: &RelationName, column: &Name, has_default: bool) -> Writers {
    let clients = case.file.around.deployed;
    let known = clients.iter().find_map(|client| match client.writes_without(table, column)? {
        Gap::NotInSchema => (!has_default).then(|| "does not know it".to_owned()),
        Gap::LeftOut(field) | Gap::LeftToDefault(field) => {
            (!has_default).then(|| format!("leaves {field} to the database"))
        }
        Gap::Optional(field) => Some(format!("may write {field} as NULL")),
    });
    match known {
        Some(what) => Writers::Known(what),
        None if is_told(case) => Writers::None,
        None => Writers::NotSaid,
    }
}

/// The clients that write rows of the table.
fn writers(case: &Case<'_>, table: &RelationName) -> Writers {
    let clients = case.file.around.deployed;
    let known =
        clients.iter().find_map(|client| client.knows_table(table).filter(|table| table.is_written()));
    match known {
        Some(table) => Writers::Known(table.described()),
        None if is_told(case) => Writers::None,
        None => Writers::NotSaid,
    }
}

/// All running clients are known, and all of each.
fn is_told(case: &Case<'_>) -> bool {
    let clients = case.file.around.deployed;
    !clients.is_empty() && clients.iter().all(|client| client.is_whole)
}

fn required(case: &Case<'_>, table: &RelationName, column: &Name, found: &mut Vec<Finding>) {
    let known = case.world.facts().relation(table).and_then(|facts| facts.column(column));
    if case.world.is_new_column(table, column) || known.is_some_and(|column| column.not_null) {
        return;
    }
    let has_default = known.is_some_and(|column| column.has_default);
    let (severity, who) = match without(case, table, column, has_default) {
        Writers::None => return,
        Writers::Known(how) => {
            (Danger, format!("a running release, which {how}, fails in these writes (23502)"))
        }
        Writers::NotSaid => (
            Caution,
            "writes of the running release that leave it out or set it to NULL fail (23502)".to_owned(),
        ),
    };
    let message =
        format!("column {} of {} refuses NULL from then on: {who}", column.as_str(), case.shown(table));
    found.push(tell(case, "column-becomes-required", severity, table, message).instead(
        "release a version that always writes it, fill the rows that lack it, and make it NOT NULL when no older \
         version runs",
    ).done());
}

fn default_dropped(case: &Case<'_>, table: &RelationName, column: &Name, found: &mut Vec<Finding>) {
    let facts = case.world.facts();
    let known = facts.relation(table).and_then(|facts| facts.column(column));
    if case.world.is_new_column(table, column)
        || known.is_some_and(|column| !column.has_default || column.values != Default::default())
        || of_column(case, EffectKind::SetDefault, table, column, |all| all.since(case.at))
    {
        return;
    }
    // Prisma drops both in one statement.
    let becomes_optional = of_column(case, EffectKind::DropNotNull, table, column, |all| all);
    let refuses_null = !becomes_optional && known.is_none_or(|column| column.not_null);
    let is_sequence = facts.relations.values().any(|sequence| {
        sequence.owned_by.as_ref().is_some_and(|(owner, own)| owner == table && own == column)
    });
    let outcome = match refuses_null {
        true => "inserts that leave it out fail (23502)",
        false => "rows that leave it out get NULL",
    };
    let (severity, who) = match without(case, table, column, false) {
        Writers::None => return,
        // An optional field that gets NULL instead of a value is what the schema says.
        Writers::Known(how) if refuses_null || !how.starts_with("may write") => {
            (if refuses_null { Danger } else { Caution }, format!(", and a running release {how}"))
        }
        Writers::Known(_) => return,
        Writers::NotSaid if is_sequence => {
            (Danger, ", and Prisma Client leaves @default(autoincrement()) to the database".to_owned())
        }
        // Values of the schema and now() are sent by Prisma Client itself.
        Writers::NotSaid => (Info, String::new()),
    };
    let message = format!(
        "column {} of {} has no default from then on: {outcome}{who}",
        column.as_str(),
        case.shown(table)
    );
    found.push(
        tell(case, "default-dropped", severity, table, message)
            .instead("keep the default until every running release writes the column itself")
            .done(),
    );
}

fn unique_index(case: &Case<'_>, table: &RelationName, created: &CreateIndex, found: &mut Vec<Finding>) {
    let columns: Option<Vec<Name>> = created.columns.iter().cloned().collect();
    unique(case, table, &columns.unwrap_or_default(), created.name.as_ref(), found);
}

/// `columns` is empty when the key has an expression.
fn unique(
    case: &Case<'_>,
    table: &RelationName,
    columns: &[Name],
    name: Option<&Name>,
    found: &mut Vec<Finding>,
) {
    let facts = case.world.facts();
    let is_part = |key: &[Name]| !key.is_empty() && key.iter().all(|column| columns.contains(column));
    let already = facts.indexes_of(table).any(|(_, index)| {
        let key: Option<Vec<Name>> = index.columns.iter().cloned().collect();
        index.unique && index.valid && !index.partial && key.is_some_and(|key| is_part(&key))
    });
    if already || was_dropped_before(case, table, name) {
        return;
    }
    let new: Vec<_> = columns.iter().filter(|column| case.world.is_new_column(table, column)).collect();
    // One value for all rows, not one for each.
    let filled = |column: &Name| {
        let additions = case.file.effects.with(EffectKind::AddColumn, table.name.as_str(), column.as_str());
        additions.any(|effect| {
            matches!(effect, Effect::AddColumn(added)
                if added.default == ColumnDefault::Constant && facts.resolve(&added.table) == *table)
        })
    };
    let is_all_new = !columns.is_empty() && new.len() == columns.len();
    // A column that old clients leave NULL, or that gets a value of its own, is in nobody's way.
    if new.iter().any(|column| !filled(column)) {
        return;
    }
    let listed = match columns {
        [] => "the key".to_owned(),
        columns => columns.iter().map(Name::as_str).collect::<Vec<_>>().join(", "),
    };
    let shown = case.shown(table);
    let (severity, message) = match writers(case, table) {
        Writers::None => return,
        _ if is_all_new => (
            Danger,
            format!(
                "{listed} of {shown} is unique and has a default: the running release, which does not know it, makes one \
                 row with the default and fails at the next (23505)"
            ),
        ),
        Writers::Known(model) if !columns.is_empty() => {
            let keeps =
                |client: &underpin_prisma::client::ClientContract| client.key_of(table, columns).is_some();
            if case.file.around.deployed.iter().all(keeps) {
                return;
            }
            (
                Caution,
                format!(
                    "{listed} of {shown} is unique from then on: the running release writes {model} without knowing, and \
                     a second row with the same value fails (23505)"
                ),
            )
        }
        Writers::Known(_) | Writers::NotSaid => (
            Info,
            format!(
                "{listed} of {shown} is unique from then on: the running release fails where it writes the same value \
                 twice (23505)"
            ),
        ),
    };
    found.push(
        tell(case, "new-unique", severity, table, message)
            .instead(
                "release a version that does not write duplicates and expects P2002, then make it unique",
            )
            .done(),
    );
}

fn constraint(case: &Case<'_>, table: &RelationName, added: &AddConstraint, found: &mut Vec<Finding>) {
    if was_dropped_before(case, table, added.name.as_ref()) {
        return;
    }
    let is_new = |column: &Name| case.world.is_new_column(table, column);
    let all_new = !added.columns.is_empty() && added.columns.iter().all(is_new);
    match &added.kind {
        ConstraintKind::Unique | ConstraintKind::PrimaryKey if added.using_index.is_none() => {
            unique(case, table, &added.columns, added.name.as_ref(), found);
        }
        ConstraintKind::NotNull => {
            for column in &added.columns {
                required(case, table, column, found);
            }
        }
        ConstraintKind::Check if all_new => {}
        ConstraintKind::Check => {
            let by_null = added.proves_not_null.iter().filter(|column| !is_new(column));
            let before = found.len();
            by_null.for_each(|column| required(case, table, column, found));
            if found.len() == before && added.columns != added.proves_not_null {
                refused(case, "new-check", table, "a check", "that do not satisfy it fail (23514)", found);
            }
        }
        ConstraintKind::ForeignKey { references, .. } => {
            let references = case.world.facts().resolve(references);
            let keeps = |client: &underpin_prisma::client::ClientContract| {
                client.table(table).is_some_and(|known| {
                    known
                        .foreign_keys
                        .iter()
                        .any(|key| key.references == references && key.columns == added.columns)
                })
            };
            let clients = case.file.around.deployed;
            if all_new || (!clients.is_empty() && clients.iter().all(keeps)) {
                return;
            }
            let what = format!("a foreign key to {}", case.shown(&references));
            let how =
                "whose row there is missing fail, and so do deletes there that leave some behind (23503)";
            refused(case, "new-foreign-key", table, &what, how, found);
        }
        ConstraintKind::Unique | ConstraintKind::PrimaryKey | ConstraintKind::Exclude => {}
    }
}

fn refused(
    case: &Case<'_>,
    rule: &'static str,
    table: &RelationName,
    what: &str,
    how: &str,
    found: &mut Vec<Finding>,
) {
    let (severity, by) = match writers(case, table) {
        Writers::None => return,
        Writers::Known(model) => (Caution, format!("writes of {model} by the running release")),
        Writers::NotSaid => (Info, "writes of the running release".to_owned()),
    };
    let message = format!("{} has {what} from then on: {by} {how}", case.shown(table));
    found.push(
        tell(case, rule, severity, table, message)
            .instead("release a version that keeps to it first, then add the constraint")
            .done(),
    );
}

/// An index or constraint of this name is made anew: what it refuses was refused before.
fn was_dropped_before(case: &Case<'_>, table: &RelationName, name: Option<&Name>) -> bool {
    let Some(name) = name else { return false };
    let effects = &case.file.effects;
    let indexes = effects.with(EffectKind::DropIndex, name.as_str(), "");
    let constraints = effects.with(EffectKind::DropConstraint, table.name.as_str(), name.as_str());
    !indexes.up_to(case.at).is_empty() || !constraints.up_to(case.at).is_empty()
}

/// Whether the file has such an effect on a column, in a part of it.
fn of_column<'f, 'a>(
    case: &'f Case<'a>,
    kind: EffectKind,
    table: &RelationName,
    column: &Name,
    part: impl Fn(Matching<'f, 'a>) -> Matching<'f, 'a>,
) -> bool {
    let all = case.file.effects.with(kind, table.name.as_str(), column.as_str());
    part(all).any(|effect| effect.table().is_some_and(|other| case.world.facts().resolve(other) == *table))
}

fn tell(
    case: &Case<'_>,
    rule: &'static str,
    severity: Severity,
    table: &RelationName,
    message: String,
) -> super::super::case::Telling {
    let telling = case.tell(rule, severity, message).about(case.shown(table));
    match is_told(case) {
        true => telling.sure(Confidence::High),
        false => telling
            .sure(case.confidence(table).min(Confidence::Medium))
            .assuming("the running release writes the table: nobody said which releases run"),
    }
}
