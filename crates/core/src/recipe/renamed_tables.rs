//! `rename-table`: the table gets its new name at once, and a view stands under the old one.
//!
//! A view of one table with nothing but its columns can be written to like the table: `INSERT … RETURNING`,
//! `ON CONFLICT`, `UPDATE`, `DELETE` and `FOR UPDATE` go through it. Everything else of the change is planned on
//! the table under its new name.

use underpin_catalog::model::TableKind;
use underpin_catalog::object::{ObjectKey, ObjectKind};
use underpin_catalog::{Name, RelationName, Sql, sql};
use underpin_prisma::PrismaCatalog;
use underpin_prisma::client::Origin;
use underpin_prisma::migrate::{Default, Table};

use super::names::{listed, quoted};
use super::{Case, Question, Refusal, Stop, WrongAnswer};

/// The database with its tables under their new names.
#[derive(Clone, Debug)]
pub(super) struct Base {
    /// As Prisma will see it.
    pub(super) catalog: PrismaCatalog,
    /// Each table that has another name: the old one and the new one.
    pub(super) renamed: Vec<(RelationName, RelationName)>,
}

/// Renames what is said to be renamed.
///
/// # Errors
/// Wrong answers; else questions, when tables go and others come; else tables that no view can stand for.
pub(super) fn base(case: &Case<'_>) -> Result<Base, Stop> {
    let goes: Vec<&Table> = lacking(case.before, case.after);
    let comes: Vec<&Table> = lacking(case.after, case.before);
    let mut renamed: Vec<(RelationName, RelationName)> = Vec::new();
    let mut wrong = Vec::new();
    for rename in case.answers.renames.iter().filter(|rename| !rename.from.contains('.')) {
        let old = goes.iter().find(|table| case.names_of_table(&table.name).contains(&rename.from));
        let new = comes.iter().find(|table| case.names_of_table(&table.name).contains(&rename.to));
        match (old, new) {
            (Some(old), Some(new)) => renamed.push((old.name.clone(), new.name.clone())),
            _ if rename.is_comment => {}
            (None, _) => wrong.push(WrongAnswer {
                answer: format!("--rename {}:{}", rename.from, rename.to),
                why: format!("no table of this name goes{}", listed(shown(&goes))),
            }),
            (_, None) => wrong.push(WrongAnswer {
                answer: format!("--rename {}:{}", rename.from, rename.to),
                why: format!("no table of this name comes{}", listed(shown(&comes))),
            }),
        }
    }
    let dropped =
        |table: &Table| case.answers.drops.iter().any(|text| case.names_of_table(&table.name).contains(text));
    for text in case.answers.drops.iter().filter(|text| !text.contains('.')) {
        if !goes.iter().any(|table| case.names_of_table(&table.name).contains(text)) {
            wrong.push(WrongAnswer {
                answer: format!("--drop {text}"),
                why: format!("no table of this name goes{}", listed(shown(&goes))),
            });
        }
    }
    if !wrong.is_empty() {
        return Err(Stop::Wrong(wrong));
    }
    let open: Vec<&&Table> =
        comes.iter().filter(|table| !renamed.iter().any(|(_, to)| *to == table.name)).collect();
    let questions: Vec<Question> = goes
        .iter()
        .filter(|table| {
            !open.is_empty() && !dropped(table) && !renamed.iter().any(|(from, _)| *from == table.name)
        })
        .map(|table| question(case, table, &open))
        .collect();
    if !questions.is_empty() {
        return Err(Stop::Asks(questions));
    }
    let refusals: Vec<Refusal> = renamed.iter().filter_map(|(from, to)| refusal(case, from, to)).collect();
    if !refusals.is_empty() {
        return Err(Stop::Refuses(refusals));
    }
    let mut catalog = case.before.clone();
    for (from, to) in &renamed {
        for table in &mut catalog.tables {
            if table.name == *from {
                table.name = to.clone();
            }
            for key in table.foreign_keys.iter_mut().filter(|key| key.references == *from) {
                key.references = to.clone();
            }
        }
    }
    Ok(Base { catalog, renamed })
}

fn lacking<'a>(one: &'a PrismaCatalog, other: &PrismaCatalog) -> Vec<&'a Table> {
    let is_ours = |table: &&Table| table.name.name.as_str() != "_prisma_migrations";
    one.tables.iter().filter(is_ours).filter(|table| other.table(&table.name).is_none()).collect()
}

fn shown<'a>(tables: &'a [&'a Table]) -> impl Iterator<Item = String> + 'a {
    tables.iter().map(|table| table.name.name.as_str().to_owned())
}

fn question(case: &Case<'_>, table: &Table, comes: &[&&Table]) -> Question {
    let about = table.name.name.as_str().to_owned();
    let news: Vec<&str> = comes.iter().map(|new| case.table_shown(&new.name)).collect();
    let mut flags: Vec<String> =
        news.iter().map(|new| format!("--rename {}", quoted(&format!("{about}:{new}")))).collect();
    flags.push(format!("--drop {}", quoted(&about)));
    Question { asks: format!("is it {} under its old name, or does it go?", news.join(" or ")), about, flags }
}

/// What no view can stand for.
fn refusal(case: &Case<'_>, from: &RelationName, to: &RelationName) -> Option<Refusal> {
    let refused = |why: &str, instead: &str| {
        Some(Refusal { about: from.shown(), why: why.to_owned(), instead: instead.to_owned() })
    };
    if from.namespace != to.namespace {
        return refused(
            "it would go to another namespace",
            "keep the table where it is; a table that changes its namespace breaks every release that names it",
        );
    }
    if matches!(case.client.table(to).map(|table| &table.origin), Some(Origin::ManyToMany(_))) {
        return refused(
            "it is the table of an implicit many-to-many relation, whose columns A and B go by the order of the models' names",
            "keep its name: give the relation the old one, as in @relation(\"PostToTag\")",
        );
    }
    let found = case.catalog.tables.get(from)?;
    if found.row_security || !found.policies.is_empty() {
        return refused(
            "it has row security, and through a view the policies would be asked for the view's owner",
            "keep the table's name with @@map",
        );
    }
    if !found.about.privileges.is_usual() {
        return refused(
            "privileges on it were granted, and a view under the old name would have none of them",
            "keep the table's name with @@map",
        );
    }
    if matches!(found.kind, TableKind::Foreign { .. }) {
        return refused("it is a foreign table", "rename it by hand, where its server is known");
    }
    let uses = case.catalog.dependencies.iter().find(|dependency| {
        dependency.on == ObjectKey::of(ObjectKind::Table, from)
            && dependency.dependent.kind == ObjectKind::Routine
    });
    if let Some(uses) = uses {
        return refused(
            &format!("{} speaks of it", uses.dependent),
            "keep the table's name with @@map, or change the function first",
        );
    }
    None
}

/// The statements that rename a table with its sequences and put the view in its place. Names are written as
/// Prisma writes them, without `left_out`.
pub(super) fn renaming(before: &Table, to: &Name, left_out: Option<&Name>) -> Vec<Sql> {
    let old = bare(&before.name, left_out);
    let new = bare(&before.name.sibling(to.clone()), left_out);
    let columns: Vec<Name> = before.columns.iter().map(|column| column.name.clone()).collect();
    let mut statements = vec![sql!("ALTER TABLE {} RENAME TO {}", old, to)];
    for column in before.columns.iter().filter(|column| column.is_autoincrement) {
        let called = |table: &Name| Name::new(format!("{}_{}_seq", table.as_str(), column.name.as_str()));
        let (was, is) = (called(&before.name.name), called(to));
        let is_usual = match &column.default {
            Some(Default::Sequence(name)) if !name.is_empty() => name == was.as_str(),
            _ => true,
        };
        // A name that PostgreSQL would have cut stays what it is; nobody names it.
        if is_usual && [&was, &is].iter().all(|name| name.as_str().len() <= Name::BYTES_MAX) {
            statements.push(sql!(
                "ALTER SEQUENCE {} RENAME TO {}",
                bare(&before.name.sibling(was), left_out),
                is
            ));
        }
    }
    statements.push(sql!("CREATE VIEW {} AS SELECT {} FROM {}", old, columns, new));
    statements
}

/// A name without the namespace that is left out.
pub(super) fn bare(name: &RelationName, left_out: Option<&Name>) -> RelationName {
    RelationName {
        namespace: name.namespace.clone().filter(|namespace| Some(namespace) != left_out),
        name: name.name.clone(),
    }
}
