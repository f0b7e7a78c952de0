//! The end of a history against the Prisma schema: `schema-differs`, `schema-unreadable`.
//!
//! What no schema can say is no difference, also where Prisma's own comparison misreads it: nobody could write the
//! schema that it asks for. That it will take such an object away is told, and fails nothing.

use underpin_catalog::{Name, RelationName};
use underpin_prisma::SchemaError;
use underpin_prisma::migrate::{Change, Fate, Kind, Migration, Protected, Subject};
use underpin_prisma::schema::{Schema, Span};

use crate::lint::finding::{Finding, Fix, Severity};
use crate::lint::lines::Lines;

/// So many changes are told in a message.
const TOLD_MAX: usize = 5;

/// What differs, table by table. `migration` leads from the end of the history to what the schema says; names
/// leave `namespace` out. Findings are told at the model, in the files of the schema by the paths it has for them.
pub fn differs(migration: &Migration<'_>, schema: &Schema, namespace: &Name) -> Vec<Finding> {
    let mut told: Vec<(Subject<'_>, Vec<Change>)> = Vec::new();
    for step in &migration.steps {
        let changes = migration.changes(step);
        match told.iter_mut().find(|(subject, _)| *subject == step.subject()) {
            Some((_, known)) => known.extend(changes),
            None => told.push((step.subject(), changes)),
        }
    }
    told.iter().map(|(subject, changes)| finding(*subject, changes, schema, namespace)).collect()
}

fn finding(subject: Subject<'_>, changes: &[Change], schema: &Schema, namespace: &Name) -> Finding {
    let (place, name) = match subject {
        Subject::Database => (schema.datasource().map(|found| found.span), None),
        Subject::Enum(name) => {
            let own =
                schema.enums().find(|found| is(name, found.namespace(), found.database_name(), namespace));
            (own.map(|found| found.name.span), Some(bare(name, namespace)))
        }
        Subject::Table(name) => {
            let own =
                schema.models().find(|found| is(name, found.namespace(), found.database_name(), namespace));
            (own.map(|found| found.name.span), Some(bare(name, namespace)))
        }
    };
    let what = match (&name, subject) {
        (None, _) => "the database as a whole".to_owned(),
        (Some(name), Subject::Enum(_)) => format!("enum {name}"),
        (Some(name), _) => format!("table {name}"),
    };
    let mut words: Vec<String> = changes.iter().take(TOLD_MAX).map(in_words).collect();
    if changes.len() > TOLD_MAX {
        words.push(format!("and {} more", changes.len() - TOLD_MAX));
    }
    let message =
        format!("the migrations do not end in what the schema says about {what}: {}", words.join("; "));
    Finding {
        object: name,
        fix: Some(Fix::advice(
            "write the migration that is missing: `underpin create --name NAME`, or `prisma migrate dev --create-only`; \
             where the migrations are right, change the schema",
        )),
        ..at("schema-differs", Severity::Danger, schema, place, message)
    }
}

/// What only Prisma takes for a difference: an object that no schema can say, of which it sees a part. `protected`
/// are those of the history's end.
pub fn misread(protected: &[Protected], schema: &Schema) -> Vec<Finding> {
    let misread = protected.iter().filter(|one| one.fate == Fate::Dropped);
    let told = misread.map(|Protected { object, cause, .. }| {
        let message = format!(
            "Prisma cannot say {} of {object}, and takes it for something that the schema does not want: the next \
             `prisma migrate dev` writes a statement that takes it away",
            cause.words()
        );
        Finding {
            object: Some(object.to_string()),
            fix: Some(Fix::advice(
                "write migrations with `underpin create`, which spares it, or take that statement out of them",
            )),
            ..at("schema-differs", Severity::Caution, schema, None, message)
        }
    });
    told.collect()
}

/// What Prisma refuses the schema for, each where it is.
pub fn unreadable(errors: &[SchemaError], schema: &Schema) -> Vec<Finding> {
    let told = errors.iter().map(|error| Finding {
        fix: Some(Fix::advice(&*error.hint)),
        ..at(
            "schema-unreadable",
            Severity::Blocker,
            schema,
            Some(error.span),
            format!("{} ({})", error.message, SchemaError::CODE),
        )
    });
    told.collect()
}

/// A finding at a place of the schema; without one, at its first file.
fn at(
    rule: &'static str,
    severity: Severity,
    schema: &Schema,
    place: Option<Span>,
    message: String,
) -> Finding {
    let file = place.map_or(0, |place| place.file);
    let source = schema.sources.get(file);
    let path = source.map_or_else(|| "schema.prisma".to_owned(), |source| source.path.clone());
    let span = place.zip(source).map(|(place, source)| Lines::of(&source.text).span(place.start..place.end));
    Finding { span, ..Finding::new(rule, severity, path, message) }
}

/// Whether a table or an enum of the database is this one of the schema.
fn is(name: &RelationName, namespace: Option<&str>, own: &str, home: &Name) -> bool {
    let lives = |name: Option<&str>| name.unwrap_or(home.as_str()).to_owned();
    name.name.as_str() == own && lives(name.namespace.as_ref().map(Name::as_str)) == lives(namespace)
}

fn bare(name: &RelationName, home: &Name) -> String {
    match &name.namespace {
        Some(own) if own != home => name.shown(),
        _ => name.name.as_str().to_owned(),
    }
}

/// `column note is missing (TEXT)`, as seen from the schema.
fn in_words(change: &Change) -> String {
    let Change { kind, object, name, detail } = change;
    let aside = if detail.is_empty() { String::new() } else { format!(" ({detail})") };
    match kind {
        Kind::Comes => format!("{object} {name} is missing{aside}"),
        Kind::Goes => format!("{object} {name} is there and not in the schema{aside}"),
        Kind::Changes => format!("{object} {name} differs (in the schema: {detail})"),
    }
}
