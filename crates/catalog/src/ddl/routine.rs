//! Functions, procedures and aggregates.

use std::collections::BTreeMap;

use super::about::{self, Called, Usual};
use super::part::{self, deparsed, routine_word};
use super::written::Written;
use crate::model::{Routine, RoutineBody, RoutineName};
use crate::sql;
use crate::sql::{Literal, Sql};

pub(super) fn called(name: &RoutineName, routine: &Routine) -> Called {
    let altered = sql!("{} {}", routine_word(routine.kind), signature(name, routine));
    // An aggregate is granted as the function that it is.
    let granted = match routine.body {
        RoutineBody::Aggregate(_) => sql!("FUNCTION {}", part::routine(name)),
        RoutineBody::Definition(_) => altered.clone(),
    };
    Called { granted, altered, usual: Usual::Routine }
}

/// What tells it from its namesakes. That of an aggregate says where `ORDER BY` and `*` stand.
fn signature(name: &RoutineName, routine: &Routine) -> Sql {
    match &routine.body {
        RoutineBody::Definition(_) => part::routine(name),
        RoutineBody::Aggregate(options) => sql!("{}({})", name.name, aggregate_arguments(options)),
    }
}

fn aggregate_arguments(options: &BTreeMap<String, String>) -> Sql {
    match options.get("arguments").map(String::as_str) {
        None | Some("") => sql!("*"),
        Some(arguments) => Sql::verbatim(arguments),
    }
}

pub(super) fn create(written: &mut Written<'_>, name: &RoutineName, routine: &Routine) {
    written.say(definition(name, routine));
    let namespace = name.name.namespace.as_ref();
    let (catalog, session) = (written.context.before.catalog, written.context.session);
    written.say_all(about::at_birth(&called(name, routine), &routine.about, namespace, catalog, session));
}

fn definition(name: &RoutineName, routine: &Routine) -> Sql {
    match &routine.body {
        // A text in quotes may end with a semicolon; only the server's own line ends are cut.
        RoutineBody::Definition(text) => Sql::verbatim(text.trim_end()),
        RoutineBody::Aggregate(options) => {
            let arguments = aggregate_arguments(options);
            let clauses: Vec<Sql> =
                options.iter().filter_map(|(option, value)| aggregate_option(option, value)).collect();
            sql!("CREATE AGGREGATE {}({}) ({})", name.name, arguments, clauses)
        }
    }
}

/// One option of `CREATE AGGREGATE`. The catalog tells functions with their arguments.
fn aggregate_option(option: &str, value: &str) -> Option<Sql> {
    let bare = || Sql::verbatim(value.split('(').next().unwrap_or(value));
    let modify = || match value {
        "r" => sql!("READ_ONLY"),
        "s" => sql!("SHAREABLE"),
        _ => sql!("READ_WRITE"),
    };
    Some(match option {
        "sfunc" => sql!("SFUNC = {}", bare()),
        "stype" => sql!("STYPE = {}", deparsed(value)),
        "sspace" => sql!("SSPACE = {}", Sql::verbatim(value)),
        "initcond" => sql!("INITCOND = {}", Literal(value)),
        "finalfunc" => sql!("FINALFUNC = {}", bare()),
        "finalfunc_extra" => sql!("FINALFUNC_EXTRA"),
        "finalfunc_modify" => sql!("FINALFUNC_MODIFY = {}", modify()),
        "combinefunc" => sql!("COMBINEFUNC = {}", bare()),
        "serialfunc" => sql!("SERIALFUNC = {}", bare()),
        "deserialfunc" => sql!("DESERIALFUNC = {}", bare()),
        "msfunc" => sql!("MSFUNC = {}", bare()),
        "minvfunc" => sql!("MINVFUNC = {}", bare()),
        "mstype" => sql!("MSTYPE = {}", deparsed(value)),
        "msspace" => sql!("MSSPACE = {}", Sql::verbatim(value)),
        "minitcond" => sql!("MINITCOND = {}", Literal(value)),
        "mfinalfunc" => sql!("MFINALFUNC = {}", bare()),
        "mfinalfunc_extra" => sql!("MFINALFUNC_EXTRA"),
        "mfinalfunc_modify" => sql!("MFINALFUNC_MODIFY = {}", modify()),
        "sortop" => sql!("SORTOP = {}", operator(value)),
        "parallel" => match value {
            "s" => sql!("PARALLEL = SAFE"),
            "r" => sql!("PARALLEL = RESTRICTED"),
            _ => return None,
        },
        "kind" if value.starts_with("hypothetical") => sql!("HYPOTHETICAL"),
        _ => return None,
    })
}

fn operator(value: &str) -> Sql {
    let bare = value.split('(').next().unwrap_or(value);
    if bare.contains('.') { sql!("OPERATOR({})", Sql::verbatim(bare)) } else { Sql::verbatim(bare) }
}

pub(super) fn drop(written: &mut Written<'_>, name: &RoutineName, routine: &Routine) {
    written.say(sql!("DROP {} {}", routine_word(routine.kind), signature(name, routine)));
}

/// Whether `CREATE OR REPLACE` makes the one of the other: it does not change a result, the names of
/// arguments or their defaults, nor a function into a procedure.
pub(super) fn is_alterable(before: &Routine, after: &Routine) -> bool {
    match (&before.body, &after.body) {
        (RoutineBody::Definition(old), RoutineBody::Definition(new)) => {
            before.kind == after.kind && (old == new || head(old) == head(new))
        }
        (RoutineBody::Aggregate(old), RoutineBody::Aggregate(new)) => old == new,
        _ => false,
    }
}

/// The part of a definition that tells arguments and result: up to the line of the language.
fn head(definition: &str) -> &str {
    definition.split("\n LANGUAGE ").next().unwrap_or(definition)
}

/// Whether the server parsed the body, and so knows what it uses.
pub(super) fn has_parsed_body(routine: &Routine) -> bool {
    match &routine.body {
        RoutineBody::Definition(text) => {
            text.contains("\nBEGIN ATOMIC") || text.lines().any(|line| line.starts_with("RETURN "))
        }
        RoutineBody::Aggregate(_) => false,
    }
}

pub(super) fn alter(written: &mut Written<'_>, name: &RoutineName, before: &Routine, after: &Routine) {
    if before.body != after.body {
        written.say(definition(name, after));
    }
    let (major, session) = (written.context.major, written.context.session);
    written.say_all(about::changes(&called(name, after), &before.about, &after.about, major, session));
}
