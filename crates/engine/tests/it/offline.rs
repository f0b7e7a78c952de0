//! A history replayed in memory against the same history replayed on a server: where we claim to know, it is
//! what is there.
//!
//! Both sides are written down as claims, a line for each fact. What a history leaves open (the columns of a
//! table that a query made) is no claim of ours; what the server has and we do not claim has to be open.

use std::collections::{BTreeMap, BTreeSet};

use underpin_catalog::model::{
    Catalog, Column, Constraint, ConstraintKind, Deferral, Enforcement, Index, IndexState, KeyPart,
    Persistence, ReferentialAction, Table, TableKind, TypeKind, TypeRef,
};
use underpin_catalog::{Name, RelationName, ServerVersion};
use underpin_sql::effect::{self, OnDelete};
use underpin_sql::{
    ColumnFacts, ColumnValues, ConstraintFacts, ConstraintFactsKind, IndexFacts, RelationFacts, RelationKind,
    Surroundings, read_to_judge,
};
use underpin_testkit::corpus::History;

/// What is said of each thing: `column public.User.email` is `text`, refuses NULL …
type Claims = BTreeMap<(&'static str, String), String>;

/// How two replays of one history compare.
#[derive(Debug, Default)]
pub(crate) struct Agreement {
    /// How many claims of ours are true, by what they are about.
    pub(crate) right: BTreeMap<&'static str, usize>,
    /// What we say and what is there.
    pub(crate) wrong: Vec<String>,
    /// What is there and left open by us.
    pub(crate) open: Vec<String>,
}

/// The facts behind a history, from its files alone.
pub(crate) fn replay(history: &History, major: u32, is_replayed: impl Fn(&str) -> bool) -> Surroundings {
    let mut facts = Surroundings::empty(ServerVersion::of_major(major), Name::new("public"));
    for name in history.names.iter().filter(|name| is_replayed(name)) {
        facts.search_path = vec![Name::new("public")];
        let statements = read_to_judge(&history.sql(name)).unwrap();
        statements.iter().flat_map(|statement| &statement.effects).for_each(|effect| facts.apply(effect));
        facts.end_session();
    }
    facts
}

pub(crate) fn agreement(facts: &Surroundings, catalog: &Catalog) -> Agreement {
    let (ours, theirs) = (told(claims(facts)), told(there(catalog)));
    let mut found = Agreement::default();
    for (about @ (kind, of), said) in &ours {
        match theirs.get(about) {
            Some(is) if is == said => *found.right.entry(kind).or_default() += 1,
            Some(is) => found.wrong.push(format!("{kind} {of}: {said} said, {is} there")),
            None => found.wrong.push(format!("{kind} {of}: {said} said, nothing there")),
        }
    }
    let not_whole: BTreeSet<String> =
        facts.relations.iter().filter(|(_, facts)| !facts.whole).map(|(name, _)| name.shown()).collect();
    for (kind, of) in theirs.keys().filter(|about| !ours.contains_key(*about)) {
        // What a column says of itself is a constraint too since PostgreSQL 18.
        if theirs[&(*kind, of.clone())].starts_with("not null") && *kind == "constraint" {
            continue;
        }
        let part_of_open = not_whole.iter().any(|relation| {
            of == relation || of.strip_prefix(relation.as_str()).is_some_and(|rest| rest.starts_with('.'))
        });
        let line = format!("{kind} {of}");
        if part_of_open || !facts.complete { found.open.push(line) } else { found.wrong.push(line) }
    }
    found
}

/// Without what most tables have not: no parent, no key, nobody who references them.
fn told(mut all: Claims) -> Claims {
    all.retain(|(kind, _), value| match *kind {
        "partition of" | "inherits" | "referenced by" => !value.is_empty(),
        "primary key" => value != "()",
        "row security" => value == "true",
        _ => true,
    });
    all
}

/// What the facts claim.
fn claims(facts: &Surroundings) -> Claims {
    let mut all = Claims::new();
    for (name, relation) in &facts.relations {
        let shown = name.shown();
        match relation.kind {
            RelationKind::View | RelationKind::MaterializedView => {
                let columns = relation.columns.iter().map(|column| column.name.as_str());
                let kind = if relation.kind == RelationKind::View { "view" } else { "materialized view" };
                all.insert((kind, shown.clone()), String::new());
                if !relation.columns.is_empty() {
                    all.insert(
                        ("columns of a view", shown.clone()),
                        format!("({})", columns.collect::<Vec<_>>().join(", ")),
                    );
                }
            }
            RelationKind::Sequence => {
                let owner = relation.owned_by.as_ref();
                let owner = owner.map(|(table, column)| format!("{}.{}", table.shown(), column.as_str()));
                all.insert(("sequence", shown.clone()), owner.unwrap_or_default());
            }
            RelationKind::Table | RelationKind::Partitioned | RelationKind::Foreign => {
                claim_table(&shown, relation, &mut all);
            }
        }
        for (trigger, function) in &relation.trigger_functions {
            all.insert(("trigger", format!("{shown}.{}", trigger.as_str())), function.shown());
        }
        for constraint in &relation.constraints {
            let own = format!("{shown}.{}", constraint.name.as_str());
            all.insert(("constraint", own), constraint_said(facts, constraint));
        }
    }
    for (name, index) in facts.indexes.iter() {
        all.insert(("index", name.shown()), index_said(index));
    }
    for (name, known) in &facts.types {
        let said = match &known.kind {
            None => continue,
            Some(effect::TypeKind::Enum { values }) => format!("enum {values:?}"),
            Some(effect::TypeKind::Domain { base, .. }) => {
                let base = match &base.user_defined {
                    Some(name) => type_said(&facts.resolve_type(name), &base.text),
                    None => base.text.clone(),
                };
                format!("domain of {base}, refuses: {}", known.constrained_domain)
            }
            Some(effect::TypeKind::Composite) => "composite".to_owned(),
            Some(effect::TypeKind::Range) => "range".to_owned(),
            Some(effect::TypeKind::Base) => "base".to_owned(),
        };
        all.insert(("type", name.shown()), said);
    }
    for name in facts.routines.keys() {
        all.insert(("routine", name.shown()), String::new());
    }
    all
}

fn claim_table(shown: &str, relation: &RelationFacts, all: &mut Claims) {
    let persistence = match relation.persistence {
        effect::Persistence::Permanent => "permanent",
        effect::Persistence::Unlogged => "unlogged",
        effect::Persistence::Temporary => "temporary",
    };
    let kind = match relation.kind {
        RelationKind::Partitioned => "partitioned",
        RelationKind::Foreign => "foreign",
        _ => "ordinary",
    };
    all.insert(("table", shown.to_owned()), format!("{kind}, {persistence}"));
    all.insert(("row security", shown.to_owned()), relation.row_security.to_string());
    all.insert(("primary key", shown.to_owned()), names(&relation.primary_key));
    all.insert(("partition of", shown.to_owned()), shown_list(relation.partition_of.iter()));
    all.insert(("inherits", shown.to_owned()), shown_list(relation.inherits.iter()));
    all.insert(("referenced by", shown.to_owned()), sorted(relation.referenced_by.iter()));
    if let Some(method) = &relation.access_method
        && relation.kind != RelationKind::Partitioned
    {
        all.insert(("access method", shown.to_owned()), method.as_str().to_owned());
    }
    if relation.whole {
        let columns: Vec<_> = relation.columns.iter().map(|column| column.name.clone()).collect();
        all.insert(("order of columns", shown.to_owned()), names(&columns));
    }
    for column in &relation.columns {
        all.insert(("column", format!("{shown}.{}", column.name.as_str())), column_said(column));
    }
    for policy in relation.policies.keys() {
        all.insert(("policy", format!("{shown}.{}", policy.as_str())), String::new());
    }
}

fn column_said(column: &ColumnFacts) -> String {
    let of = match &column.type_name {
        Some(name) => type_said(name, &column.type_sql),
        None => column.type_sql.clone(),
    };
    let values = match &column.values {
        ColumnValues::Given => "given",
        ColumnValues::Identity => "identity",
        ColumnValues::Stored(_) => "stored",
        ColumnValues::Virtual(_) => "virtual",
    };
    format!("{of}, not null: {}, default: {}, {values}", column.not_null, column.has_default)
}

fn constraint_said(facts: &Surroundings, constraint: &ConstraintFacts) -> String {
    let columns = names(&constraint.columns);
    let demands = match constraint.kind {
        ConstraintFactsKind::Check => "check".to_owned(),
        ConstraintFactsKind::NotNull => format!("not null {columns}"),
        ConstraintFactsKind::PrimaryKey => format!("primary key {columns}"),
        ConstraintFactsKind::Unique => format!("unique {columns}"),
        ConstraintFactsKind::Exclude => "exclude".to_owned(),
        ConstraintFactsKind::ForeignKey => {
            let Some(referenced) = &constraint.referenced else {
                return "a foreign key to nothing".to_owned();
            };
            let key = match (constraint.referenced_columns.as_slice(), facts.relation(referenced)) {
                ([], Some(facts)) => names(&facts.primary_key),
                (columns, _) => names(columns),
            };
            let on_delete = constraint.on_delete.map_or("?", |action| match action {
                OnDelete::Refuse => "refuse",
                OnDelete::Cascade => "cascade",
                OnDelete::SetNull => "set null",
                OnDelete::SetDefault => "set default",
            });
            format!("foreign key {columns} to {} {key}, on delete {on_delete}", referenced.shown())
        }
    };
    let deferral = match constraint.deferral {
        effect::Deferral::Never => "never",
        effect::Deferral::Possible => "possible",
        effect::Deferral::Initially => "initially",
    };
    format!(
        "{demands}, valid: {}, enforced: {}, deferred: {deferral}",
        constraint.validated, constraint.enforced
    )
}

fn index_said(index: &IndexFacts) -> String {
    let key = |column: &Option<Name>| column.as_ref().map_or("an expression", Name::as_str).to_owned();
    let keys: Vec<_> = index.columns.iter().map(key).collect();
    format!(
        "on {} by {}, unique: {}, primary: {}, of {}, partial: {}, valid: {}, partitioned: {}, part of {}",
        index.table.shown(),
        keys.join(", "),
        index.unique,
        index.primary,
        index.constraint.as_ref().map_or("none", Name::as_str),
        index.partial,
        index.valid,
        index.partitioned,
        shown_list(index.part_of.iter()),
    )
}

/// What the server has.
fn there(catalog: &Catalog) -> Claims {
    let mut all = Claims::new();
    let mut references: BTreeMap<&RelationName, BTreeSet<&RelationName>> = BTreeMap::new();
    for (name, table) in &catalog.tables {
        for constraint in table.constraints.values() {
            if let ConstraintKind::ForeignKey(key) = &constraint.kind
                && key.referenced != *name
            {
                references.entry(&key.referenced).or_default().insert(name);
            }
        }
    }
    for (name, table) in &catalog.tables {
        let referencing = references.get(name).into_iter().flatten().copied();
        table_there(&name.shown(), table, sorted(referencing), &mut all);
        for (own, index) in &table.indexes {
            all.insert(("index", name.sibling(own.clone()).shown()), index_there(name, Some(table), index));
        }
    }
    for (name, view) in &catalog.views {
        let shown = name.shown();
        let kind = match view.kind {
            underpin_catalog::model::ViewKind::Plain => "view",
            underpin_catalog::model::ViewKind::Materialized { .. } => "materialized view",
        };
        all.insert((kind, shown.clone()), String::new());
        all.insert(
            ("columns of a view", shown.clone()),
            names(&view.columns.keys().cloned().collect::<Vec<_>>()),
        );
        for (own, trigger) in &view.triggers {
            all.insert(("trigger", format!("{shown}.{}", own.as_str())), trigger.function.name.shown());
        }
        for (own, index) in &view.indexes {
            all.insert(("index", name.sibling(own.clone()).shown()), index_there(name, None, index));
        }
    }
    for (name, sequence) in &catalog.sequences {
        let owner = sequence.owned_by.as_ref();
        let owner = owner.map(|(table, column)| format!("{}.{}", table.shown(), column.as_str()));
        all.insert(("sequence", name.shown()), owner.unwrap_or_default());
    }
    for (name, known) in &catalog.types {
        let said = match &known.kind {
            TypeKind::Enum { labels } => format!("enum {labels:?}"),
            TypeKind::Domain { base, not_null, constraints, .. } => {
                let refuses = *not_null || !constraints.is_empty();
                format!("domain of {}, refuses: {refuses}", type_there(base))
            }
            TypeKind::Composite { .. } => "composite".to_owned(),
            TypeKind::Range(_) => "range".to_owned(),
        };
        all.insert(("type", name.shown()), said);
    }
    for routine in catalog.routines.keys() {
        all.insert(("routine", routine.name.shown()), String::new());
    }
    all
}

fn table_there(shown: &str, table: &Table, referenced_by: String, all: &mut Claims) {
    let kind = match table.kind {
        TableKind::Ordinary => "ordinary",
        TableKind::Partitioned { .. } => "partitioned",
        TableKind::Foreign { .. } => "foreign",
    };
    let persistence = match table.persistence {
        Persistence::Permanent => "permanent",
        Persistence::Unlogged => "unlogged",
    };
    all.insert(("table", shown.to_owned()), format!("{kind}, {persistence}"));
    all.insert(("row security", shown.to_owned()), table.row_security.to_string());
    all.insert(("primary key", shown.to_owned()), names(table.primary_key()));
    all.insert(("partition of", shown.to_owned()), shown_list(table.partition_of.iter()));
    all.insert(("inherits", shown.to_owned()), shown_list(table.inherits.iter()));
    all.insert(("referenced by", shown.to_owned()), referenced_by);
    if let Some(method) = &table.access_method {
        all.insert(("access method", shown.to_owned()), method.as_str().to_owned());
    }
    let columns: Vec<_> = table.columns.keys().cloned().collect();
    all.insert(("order of columns", shown.to_owned()), names(&columns));
    for (own, column) in &table.columns {
        all.insert(("column", format!("{shown}.{}", own.as_str())), column_there(column));
        if let Some(identity) = &column.identity {
            let owner = format!("{shown}.{}", own.as_str());
            all.insert(("sequence", identity.sequence.shown()), owner);
        }
    }
    for (own, constraint) in &table.constraints {
        if constraint.kind != ConstraintKind::Trigger {
            all.insert(("constraint", format!("{shown}.{}", own.as_str())), constraint_there(constraint));
        }
    }
    for (own, trigger) in &table.triggers {
        all.insert(("trigger", format!("{shown}.{}", own.as_str())), trigger.function.name.shown());
    }
    for own in table.policies.keys() {
        all.insert(("policy", format!("{shown}.{}", own.as_str())), String::new());
    }
}

fn column_there(column: &Column) -> String {
    let values = match (&column.identity, &column.generated) {
        (Some(_), _) => "identity",
        (None, Some(generated)) if generated.stored => "stored",
        (None, Some(_)) => "virtual",
        (None, None) => "given",
    };
    let default = column.default.is_some() || values != "given";
    format!("{}, not null: {}, default: {default}, {values}", type_there(&column.type_ref), column.not_null)
}

fn constraint_there(constraint: &Constraint) -> String {
    let demands = match &constraint.kind {
        ConstraintKind::Check { .. } => "check".to_owned(),
        ConstraintKind::NotNull { column } => format!("not null {}", names(column.as_slice())),
        ConstraintKind::PrimaryKey { columns, .. } => format!("primary key {}", names(columns)),
        ConstraintKind::Unique { columns, .. } => format!("unique {}", names(columns)),
        ConstraintKind::Exclusion { .. } => "exclude".to_owned(),
        ConstraintKind::Trigger => "trigger".to_owned(),
        ConstraintKind::ForeignKey(key) => {
            let on_delete = match key.on_delete {
                ReferentialAction::NoAction | ReferentialAction::Restrict => "refuse",
                ReferentialAction::Cascade => "cascade",
                ReferentialAction::SetNull => "set null",
                ReferentialAction::SetDefault => "set default",
            };
            let (columns, referenced) = (names(&key.columns), names(&key.referenced_columns));
            format!("foreign key {columns} to {} {referenced}, on delete {on_delete}", key.referenced.shown())
        }
    };
    let deferral = match constraint.deferral {
        Deferral::NotDeferrable => "never",
        Deferral::InitiallyImmediate => "possible",
        Deferral::InitiallyDeferred => "initially",
    };
    let valid = constraint.enforcement == Enforcement::Valid;
    let enforced = constraint.enforcement != Enforcement::NotEnforced;
    format!("{demands}, valid: {valid}, enforced: {enforced}, deferred: {deferral}")
}

fn index_there(owner: &RelationName, table: Option<&Table>, index: &Index) -> String {
    let key = |key: &underpin_catalog::model::IndexKey| match &key.part {
        KeyPart::Column(name) => name.as_str().to_owned(),
        KeyPart::Expression(_) => "an expression".to_owned(),
    };
    let keys: Vec<_> = index.keys.iter().map(key).collect();
    let constraint = index.constraint.as_ref();
    let primary = constraint.zip(table).and_then(|(name, table)| table.constraints.get(name));
    let primary =
        primary.is_some_and(|constraint| matches!(constraint.kind, ConstraintKind::PrimaryKey { .. }));
    format!(
        "on {} by {}, unique: {}, primary: {primary}, of {}, partial: {}, valid: {}, partitioned: {}, part of {}",
        owner.shown(),
        keys.join(", "),
        index.unique,
        constraint.map_or("none", Name::as_str),
        index.predicate.is_some(),
        index.state == IndexState::Valid,
        table.is_some_and(|table| matches!(table.kind, TableKind::Partitioned { .. })),
        shown_list(index.part_of.iter()),
    )
}

/// A type that is not built in, by its name and the text that may end with brackets.
fn type_said(name: &RelationName, text: &str) -> String {
    format!("{}{}", name.shown(), if text.ends_with("[]") { "[]" } else { "" })
}

fn type_there(of: &TypeRef) -> String {
    match of.name.namespace.as_ref().is_some_and(|namespace| namespace.as_str() == "pg_catalog") {
        true => of.to_string(),
        false => format!("{}{}", of.name.shown(), if of.array { "[]" } else { "" }),
    }
}

fn names(names: &[Name]) -> String {
    let names: Vec<_> = names.iter().map(Name::as_str).collect();
    format!("({})", names.join(", "))
}

fn shown_list<'a>(names: impl Iterator<Item = &'a RelationName>) -> String {
    names.map(RelationName::shown).collect::<Vec<_>>().join(", ")
}

fn sorted<'a>(names: impl Iterator<Item = &'a RelationName>) -> String {
    let mut shown: Vec<_> = names.map(RelationName::shown).collect();
    shown.sort();
    shown.join(", ")
}
