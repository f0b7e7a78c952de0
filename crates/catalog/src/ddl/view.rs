//! Views and materialized views.

use super::about::{self, Called, Rights, Usual};
use super::column;
use super::inventory::Owner;
use super::part::{and, deparsed, option_changes, tablespace, with};
use super::written::Written;
use crate::model::{Column, View, ViewKind};
use crate::sql::Sql;
use crate::{Name, RelationName, sql};

fn word(view: &View) -> Sql {
    match view.kind {
        ViewKind::Plain => sql!("VIEW"),
        ViewKind::Materialized { .. } => sql!("MATERIALIZED VIEW"),
    }
}

pub(super) fn called(name: &RelationName, view: &View) -> Called {
    Called {
        altered: sql!("{} {}", word(view), name),
        granted: sql!("TABLE {}", name),
        usual: Usual::Relation,
    }
}

pub(super) fn create(written: &mut Written<'_>, name: &RelationName, view: &View) {
    let query = deparsed(&view.definition);
    let statement = match &view.kind {
        ViewKind::Plain => {
            let made = and(sql!("CREATE VIEW {}", name), with(&view.options));
            sql!("{} AS {}", made, query)
        }
        ViewKind::Materialized { populated, access_method, tablespace } => {
            let mut made = sql!("CREATE MATERIALIZED VIEW {}", name);
            let method = access_method.as_ref().filter(|method| method.as_str() != "heap");
            made = and(made, method.map(|method| sql!("USING {}", method)));
            made = and(made, with(&view.options));
            made = and(made, tablespace.as_ref().map(|name| sql!("TABLESPACE {}", name)));
            let rows = if *populated { sql!("WITH DATA") } else { sql!("WITH NO DATA") };
            sql!("{} AS {} {}", made, query, rows)
        }
    };
    written.say(statement);
    let (namespace, session) = (name.namespace.as_ref(), written.context.session);
    let catalog = written.context.before.catalog;
    written.say_all(about::at_birth(&called(name, view), &view.about, namespace, catalog, session));
    let owner = Owner::View(name, view);
    for (column_name, of) in &view.columns {
        turn_column(written, owner, column_name, None, of);
        column::privileges(written, owner, column_name, Rights::default(), &Rights::of_column(&of.about));
    }
}

/// Default, settings and comment of a column; its privileges are told with those of the view.
pub(super) fn turn_column(
    written: &mut Written<'_>,
    owner: Owner<'_>,
    name: &Name,
    before: Option<&Column>,
    after: &Column,
) {
    let default = before.and_then(|before| before.default.as_ref());
    if default != after.default.as_ref() {
        let change = match &after.default {
            Some(default) => sql!("SET DEFAULT {}", deparsed(default)),
            None => sql!("DROP DEFAULT"),
        };
        written.say(sql!("ALTER VIEW {} ALTER COLUMN {} {}", owner.name(), name, change));
    }
    let target = before.and_then(|before| before.statistics_target);
    if target != after.statistics_target {
        let target = after.statistics_target.unwrap_or(-1);
        written.say(sql!(
            "ALTER MATERIALIZED VIEW {} ALTER COLUMN {} SET STATISTICS {}",
            owner.name(),
            name,
            target
        ));
    }
    let comment = before.and_then(|before| before.about.comment.as_ref());
    column::comment(written, owner.name(), name, comment, after.about.comment.as_ref());
}

pub(super) fn drop(written: &mut Written<'_>, name: &RelationName, view: &View) {
    written.say(sql!("DROP {} {}", word(view), name));
}

/// Whether a view becomes another without being dropped: its columns stay, and new ones are behind them.
pub(super) fn is_alterable(before: &View, after: &View) -> bool {
    match (&before.kind, &after.kind) {
        (ViewKind::Plain, ViewKind::Plain) => {
            let shape = |(name, column): (&Name, &Column)| {
                (name.clone(), column.type_ref.clone(), column.collation.clone())
            };
            let old: Vec<_> = before.columns.iter().map(shape).collect();
            before.definition == after.definition || after.columns.iter().map(shape).take(old.len()).eq(old)
        }
        (ViewKind::Materialized { .. }, ViewKind::Materialized { .. }) => {
            before.definition == after.definition
        }
        _ => false,
    }
}

/// What turns a view into another.
pub(super) fn alter(written: &mut Written<'_>, name: &RelationName, before: &View, after: &View) {
    let word = word(after);
    if before.definition != after.definition {
        // OR REPLACE takes the options from here, too.
        let made = and(sql!("CREATE OR REPLACE VIEW {}", name), with(&after.options));
        written.say(sql!("{} AS {}", made, deparsed(&after.definition)));
    } else {
        for change in option_changes(&before.options, &after.options) {
            written.say(sql!("ALTER {} {} {}", word, name, change));
        }
    }
    if let (
        ViewKind::Materialized { populated: was, access_method: old_method, tablespace: old_space },
        ViewKind::Materialized { populated, access_method, tablespace: space },
    ) = (&before.kind, &after.kind)
    {
        if let (true, Some(method)) = (old_method != access_method, access_method) {
            written.say(sql!("ALTER MATERIALIZED VIEW {} SET ACCESS METHOD {}", name, method));
        }
        if old_space != space {
            written.say(sql!(
                "ALTER MATERIALIZED VIEW {} SET TABLESPACE {}",
                name,
                tablespace(space.as_ref())
            ));
        }
        if was != populated {
            let rows = if *populated { sql!("WITH DATA") } else { sql!("WITH NO DATA") };
            written.say(sql!("REFRESH MATERIALIZED VIEW {} {}", name, rows));
        }
    }
    let (major, session) = (written.context.major, written.context.session);
    written.say_all(about::changes(&called(name, after), &before.about, &after.about, major, session));
    let owned = |about| Rights::of(about, Usual::Relation, major);
    let (old, new) = (owned(&before.about), owned(&after.about));
    let lost: Vec<_> = old.lost(&new).cloned().collect();
    for (column_name, of) in &after.columns {
        let rights = before.columns.get(column_name).map(|was| Rights::of_column(&was.about));
        let rights = rights.unwrap_or_default().without(lost.iter());
        let wanted = Rights::of_column(&of.about);
        column::privileges(written, Owner::View(name, after), column_name, rights, &wanted);
    }
}
