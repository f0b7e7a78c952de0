//! Values of enums: `add-enum-value`, `remove-enum-value`, `rename-enum-value`, and those of `replace-enum`.
//!
//! PostgreSQL takes no value out of a type. So a type without the value comes beside it, a hidden column of it
//! beside each column, and they are swapped in the last phase ([`swap`]). From the first phase on a trigger turns
//! the value into the one that takes its place, so that the release that comes, which does not know it, never reads
//! one. Both releases cast to the type by its name and read texts, so nothing that is prepared fails behind a swap.
//!
//! A value that gets another name in the database cannot be had in one rollout: under one column's name one release
//! reads the old name and the other the new one.

use underpin_catalog::{Literal, Name, RelationName, Sql, sql};
use underpin_prisma::PrismaCatalog;
use underpin_prisma::migrate::{AlterEnum, Column, ColumnType, Migration, Step, Table, TableChange};
use underpin_prisma::schema::Arity;

use super::draft::Draft;
use super::names::{listed, quoted};
use super::turn::Turn;
use super::{Case, Question, ReplaceAnswer, swap, swap_keys};
use crate::rollout::Phase;
use crate::sync::{Pair, Shape, Value};

/// An enum with other values.
pub(super) fn alter(draft: &mut Draft<'_>, alter: &AlterEnum<'_>) {
    if !alter.added.is_empty() {
        added(draft, alter);
    }
    if !alter.removed.is_empty() {
        removed(draft, alter);
    }
}

fn added(draft: &mut Draft<'_>, alter: &AlterEnum<'_>) {
    let name = draft.case.enum_shown(&alter.before.name);
    let added = alter.added.join(", ");
    draft.uses("add-enum-value", format!("{name} has {added}"));
    draft.note(format!(
        "a release that does not know {added} of {name} cannot read a row with it (the whole query fails): let the new release write it only when the old one is gone"
    ));
    // Those that go stay until the type itself goes.
    let mut values = alter.after.values.clone();
    if !alter.removed.is_empty() {
        values.clone_from(&alter.before.values);
        values.extend(alter.added.iter().map(|&value| value.to_owned()));
    }
    let before = alter.before.name.clone();
    draft.in_both(|catalog| {
        catalog.enums.iter_mut().filter(|own| own.name == before).for_each(|own| {
            own.values.clone_from(&values);
        });
    });
}

/// A value that goes, and what takes its place, as the database stores them.
struct Replaced {
    from: String,
    to: String,
    /// Somebody says that they are one value.
    is_renamed: bool,
}

fn removed(draft: &mut Draft<'_>, alter: &AlterEnum<'_>) {
    let case = draft.case;
    let name = &alter.before.name;
    let shown = case.enum_shown(name);
    let of_enum = |column: &Column| column.column_type == ColumnType::Enum(name.clone());
    let columns_of = |tables: &[Table]| -> Vec<(RelationName, Column)> {
        let of_table = |table: &Table| {
            let columns = table.columns.iter().filter(|column| of_enum(column)).cloned();
            columns.map(|column| (table.name.clone(), column)).collect::<Vec<_>>()
        };
        tables.iter().flat_map(of_table).collect()
    };
    let (before, after) = (columns_of(&draft.base.catalog.tables), columns_of(&case.after.tables));
    if before.is_empty() && after.is_empty() {
        // No row has the value and nobody waits.
        return draft.uses("remove-enum-value", format!("{shown} loses {}", alter.removed.join(", ")));
    }
    let Some(replaced) = replaced(draft, alter, &shown) else { return };
    let is_in = |one: &(RelationName, Column), others: &[(RelationName, Column)]| {
        others.iter().any(|(table, column)| {
            *table == one.0
                && column.name == one.1.name
                && (column.arity == Arity::List) == (one.1.arity == Arity::List)
        })
    };
    let other =
        before.iter().find(|one| !is_in(one, &after)).or(after.iter().find(|one| !is_in(one, &before)));
    if let Some((table, column)) = other {
        return draft.refuse(
            case.shown(table, &column.name),
            format!("it comes, goes or gets another form while {shown} loses a value"),
            "change the one first, and the other in a rollout of its own",
        );
    }
    for Replaced { from, to, is_renamed } in &replaced {
        match is_renamed {
            true => draft.uses("rename-enum-value", format!("{shown}.{from} becomes {to}")),
            false => draft.uses("remove-enum-value", format!("{shown} loses {from}")),
        }
        draft.note(format!(
            "from the first phase on {from} of {shown} is stored as {to}, whoever writes it, and the second phase turns the rows that have it: no way back makes {from} of them again"
        ));
    }
    let hidden_type = swap::type_beside(draft, name, alter.after);
    for (table_name, old) in before {
        let both = (draft.base.catalog.table(&table_name), case.after.table(&table_name));
        let (Some(table), Some(after)) = both else { continue };
        let Some(new) = after.column(&old.name) else { continue };
        let of_key = swap_keys::is_of_one(draft, &table_name, &old.name).then_some((
            "rows are found or led to by it, and the type of a key is a matter of all tables that lead to it",
            "give the table a new key beside it, and move over in a rollout of its own",
        ));
        if let Some((why, instead)) = of_key.or(swap::obstacle(&old, new)) {
            return draft.refuse(case.shown(&table_name, &old.name), why, instead);
        }
        let is_list = old.arity == Arity::List;
        let hidden = swap::hidden_name(draft, table, &old.name);
        let pair = pair((&old, name), (&hidden, &hidden_type), &replaced);
        let data_type = pair.before[0].data_type.clone();
        swap::beside(
            draft,
            table,
            (&old, new),
            (hidden.clone(), ColumnType::Enum(hidden_type.clone())),
            pair,
        );
        for Replaced { from, to, .. } in &replaced {
            let turn = Turn {
                table: draft.bare(&table_name),
                column: old.name.clone(),
                is_list,
                from: from.clone(),
                to: to.clone(),
            };
            let fill = turn.fill(&hidden, &data_type);
            match is_list {
                // They take what the hidden column has by then.
                true => draft.fills.push(fill),
                false => draft.first_fills.push(fill),
            }
            draft.verify.push((Phase::Contract, turn.left()));
            draft.turns.push(turn);
        }
    }
}

/// The column and the hidden one. What is in either has its place in the other.
fn pair(
    (old, old_type): (&Column, &RelationName),
    (hidden, hidden_type): (&Name, &RelationName),
    replaced: &[Replaced],
) -> Pair {
    let is_list = old.arity == Arity::List;
    let brackets = Sql::verbatim(if is_list { "[]" } else { "" });
    let (before, after) = (sql!("{}{}", old_type, brackets), sql!("{}{}", hidden_type, brackets));
    let text = |column: &Name| sql!("CAST({} AS text{})", column, brackets);
    let turned = match is_list {
        true => replaced.iter().fold(text(&old.name), |value, Replaced { from, to, .. }| {
            sql!("array_replace({}, {}, {})", value, Literal(from), Literal(to))
        }),
        false => {
            let case = |Replaced { from, to, .. }: &Replaced| {
                sql!("WHEN {} THEN {}", Literal(from), Literal(to)).as_str().to_owned()
            };
            let cases = Sql::verbatim(replaced.iter().map(case).collect::<Vec<_>>().join(" "));
            let text = text(&old.name);
            sql!("CASE {} {} ELSE {} END", text, cases, text)
        }
    };
    let shape = |column: &Name, data_type: Sql, value: Sql| Shape {
        column: column.clone(),
        data_type,
        value: Value::Expression(value),
    };
    let (up, down) = (turned, text(hidden));
    Pair { before: vec![shape(&old.name, before, down)], after: vec![shape(hidden, after, up)] }
}

/// What takes the place of each value that goes. `None` when that has to be said first, or cannot be had.
fn replaced(draft: &mut Draft<'_>, alter: &AlterEnum<'_>, shown: &str) -> Option<Vec<Replaced>> {
    let case = draft.case;
    let stays: Vec<&String> =
        alter.after.values.iter().filter(|value| !alter.added.contains(&value.as_str())).collect();
    let mut replaced = Vec::new();
    for &from in &alter.removed {
        let about = format!("{shown}.{from}");
        let is_it = |value: &str| case.is_value_of(value, &alter.before.name, from);
        let renames = case.answers.renames.iter().map(|rename| (&rename.from, &rename.to, true));
        let replaces = case.answers.replaces.iter().map(|answer| (&answer.value, &answer.by, false));
        let said = renames.chain(replaces).find(|(value, ..)| is_it(value));
        let Some((value, by, is_renamed)) = said else {
            let flags: Vec<String> =
                stays.iter().map(|to| format!("--replace {}", quoted(&format!("{about}:{to}")))).collect();
            match (alter.added.first(), flags.is_empty()) {
                (Some(to), true) => renamed(draft, &about, from, to),
                (None, true) => draft.refuse(about, "no value stays that could take its place", "keep one"),
                (comes, false) => {
                    let or = comes.map_or_else(String::new, |to| {
                        format!(" (If it is {to} that only gets another name, keep the old one in the database: {to} @map(\"{from}\").)")
                    });
                    draft.ask(Question {
                        about,
                        asks: format!("the value goes: which one do rows get that have it, and those that the old release writes?{or}"),
                        flags,
                    });
                }
            }
            continue;
        };
        match case.stored(&alter.after.name, by) {
            Some(to) if stays.contains(&&to) => {
                replaced.push(Replaced { from: from.to_owned(), to, is_renamed });
            }
            Some(to) if alter.added.contains(&to.as_str()) => renamed(draft, &about, from, &to),
            _ => draft.wrong(
                format!("--{} {value}:{by}", if is_renamed { "rename" } else { "replace" }),
                format!("{shown} has no such value then{}", listed(stays.iter().map(|to| (*to).clone()))),
            ),
        }
    }
    (replaced.len() == alter.removed.len()).then_some(replaced)
}

/// A value that gets another name.
fn renamed(draft: &mut Draft<'_>, about: &str, from: &str, to: &str) {
    draft.refuse(
        about.to_owned(),
        format!("one release reads {from} and the other {to} of the same column, and a read that meets a value which it does not know fails as a whole"),
        format!("keep the old name in the database: {to} @map(\"{from}\"); or add {to} beside it, let a release that knows both write it, and let {from} go in a rollout of its own"),
    );
}

/// The enums of two columns that are of two enums.
pub(super) fn both<'a>(old: &'a Column, new: &'a Column) -> Option<(&'a RelationName, &'a RelationName)> {
    match (&old.column_type, &new.column_type) {
        (ColumnType::Enum(one), ColumnType::Enum(other)) if one != other => Some((one, other)),
        _ => None,
    }
}

/// Each value of an enum with the one of another that it becomes; those first that are called the same, so that of
/// several that become one this comes back.
pub(super) fn mapped(
    draft: &Draft<'_>,
    from: &RelationName,
    to: &RelationName,
) -> Vec<(String, Option<String>)> {
    let case = draft.case;
    let values = |catalog: &PrismaCatalog, name: &RelationName| {
        let found = catalog.enums.iter().find(|found| found.name == *name);
        found.map(|found| found.values.clone()).unwrap_or_default()
    };
    let there = values(case.after, to);
    let becomes = |value: &str| {
        let said = case.answers.replaces.iter().map(|answer| (&answer.value, &answer.by));
        let said = said.chain(case.answers.renames.iter().map(|answer| (&answer.from, &answer.to)));
        let mut said = said.filter(|(text, _)| case.is_value_of(text, from, value));
        said.find_map(|(_, by)| case.stored(to, by))
    };
    let mut mapped: Vec<(String, Option<String>)> = values(&draft.base.catalog, from)
        .into_iter()
        .map(|value| {
            let becomes = becomes(&value).or_else(|| there.contains(&value).then(|| value.clone()));
            (value, becomes)
        })
        .collect();
    mapped.sort_by_key(|(value, becomes)| becomes.as_ref() != Some(value));
    mapped
}

/// Whether it is known what each value of an enum becomes in another. Asks for those of which it is not, and tells
/// what the release that is out sees of the others.
pub(super) fn is_mapped(draft: &mut Draft<'_>, from: &RelationName, to: &RelationName) -> bool {
    let case = draft.case;
    let mapped = mapped(draft, from, to);
    let (shown, other) = (from.name.as_str(), case.enum_shown(to));
    let found = case.after.enums.iter().find(|found| found.name == *to);
    let values = found.map(|found| found.values.clone()).unwrap_or_default();
    let mut is_whole = true;
    for (value, _) in mapped.iter().filter(|(_, becomes)| becomes.is_none()) {
        is_whole = false;
        let about = format!("{shown}.{value}");
        draft.ask(Question {
            asks: format!("which value of {other} does it become?"),
            flags: values
                .iter()
                .map(|to| format!("--replace {}", quoted(&format!("{about}:{to}"))))
                .collect(),
            about,
        });
    }
    let is_new = |value: &&String| !mapped.iter().any(|(_, becomes)| becomes.as_ref() == Some(value));
    let new: Vec<&str> = values.iter().filter(is_new).map(String::as_str).collect();
    if !new.is_empty() {
        draft.note(format!(
            "{} of {other} has no place in {shown}: until the last phase the release that is out reads NULL, and where it must have a value the new one cannot write it (23502)",
            new.join(", ")
        ));
    }
    is_whole
}

/// Tells answers that are about no value that goes.
pub(super) fn check_answers(draft: &mut Draft<'_>, migration: &Migration<'_>) {
    let case = draft.case;
    let mut goes = Vec::new();
    for step in &migration.steps {
        match step {
            Step::AlterEnum(alter) => {
                goes.extend(alter.removed.iter().map(|&value| (&alter.before.name, value)));
            }
            Step::DropEnum(found) => {
                goes.extend(found.values.iter().map(|value| (&found.name, value.as_str())));
            }
            // A column may leave an enum that others keep.
            Step::AlterTable(alter) => {
                let left = alter.changes.iter().filter_map(|change| match change {
                    TableChange::DropColumn(column) => Some(&column.column_type),
                    _ => None,
                });
                let is_left =
                    |name: &RelationName| left.clone().any(|own| *own == ColumnType::Enum(name.clone()));
                for found in migration.before.enums.iter().filter(|found| is_left(&found.name)) {
                    goes.extend(found.values.iter().map(|value| (&found.name, value.as_str())));
                }
            }
            _ => {}
        }
    }
    let is_known = |text: &str| goes.iter().any(|(name, value)| case.is_value_of(text, name, value));
    let shown = || listed(goes.iter().map(|(name, value)| format!("{}.{value}", case.enum_shown(name))));
    for ReplaceAnswer { value, by } in &case.answers.replaces {
        if !is_known(value) {
            draft.wrong(format!("--replace {value}:{by}"), format!("no value of this name goes{}", shown()));
        }
    }
    for rename in case.answers.renames.iter().filter(|rename| !rename.is_comment) {
        if case.is_value(&rename.from, &draft.base.catalog) && !is_known(&rename.from) {
            draft.wrong(
                format!("--rename {}:{}", rename.from, rename.to),
                format!("no value of this name goes{}", shown()),
            );
        }
    }
}

impl Case<'_> {
    /// An enum as the schema calls it, else as the database does.
    pub(super) fn enum_shown(&self, name: &RelationName) -> String {
        let known = self.client.enums.get(name).map(|found| found.name.clone());
        known.unwrap_or_else(|| name.name.as_str().to_owned())
    }

    /// Whether a text is a value of an enum that was there: `Status.OLD`.
    pub(super) fn is_value(&self, text: &str, base: &PrismaCatalog) -> bool {
        base.enums
            .iter()
            .any(|found| found.values.iter().any(|value| self.is_value_of(text, &found.name, value)))
    }

    /// Whether a text is this value of this enum.
    pub(super) fn is_value_of(&self, text: &str, name: &RelationName, value: &str) -> bool {
        let names = [self.enum_shown(name), name.name.as_str().to_owned(), name.shown()];
        names.iter().any(|name| {
            let rest = text.strip_prefix(name.as_str()).and_then(|rest| rest.strip_prefix('.'));
            rest == Some(value)
        })
    }

    /// A value by its name in the schema or in the database, as the database stores it.
    pub(super) fn stored(&self, name: &RelationName, value: &str) -> Option<String> {
        let found = self.client.enums.get(name)?;
        let by_name = found.values.iter().find(|own| own.name == value);
        let found = by_name.or_else(|| found.values.iter().find(|own| own.stored == value))?;
        Some(found.stored.clone())
    }
}
