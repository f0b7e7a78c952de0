//! What a file drops, put away instead: the steps that keep it where neither Prisma nor a client looks.
//!
//! A table or a type moves to the namespace [`NAMESPACE`] under another name; nothing of it is copied. A column
//! cannot move, and Prisma sees every column of a table. So its values go with the primary key into a table there,
//! while the application works: a trigger catches what is written meanwhile, and goes with the column in one
//! transaction. The trigger's function runs with its owner's rights, because the application has none there.
//!
//! What is put away a second time, or with a name that something there has already, gets a number; what else is there
//! has to be told ([`ParkedBefore`]).
//!
//! Behind it the catalog is what the file leaves, but for that namespace. What is kept there, for how long, and who
//! may drop it is not decided here. Somebody who changes a value of a column that is being copied waits for the copy:
//! nobody names the column any more when it is dropped.

use std::collections::BTreeSet;

use underpin_catalog::{Literal, Name, RelationName, Sql, sql};

use crate::draft::{Draft, numbered};
use crate::effect::{Effect, ObjectKind};
use crate::intent::intent;
use crate::statement::Statement;
use crate::step::{Duration, Step, Transaction};
use crate::surroundings::{ConstraintFactsKind, RelationKind, Surroundings};
use crate::twin::NoTwin;
use crate::written::draft;

/// Where it is put.
pub const NAMESPACE: &str = "underpin_parked";

/// The list of what is there: one row for each, also for what is dropped since.
pub const REGISTER: &str = "register";

const MADE: [&str; 2] = [
    "CREATE SCHEMA IF NOT EXISTS underpin_parked",
    "CREATE TABLE IF NOT EXISTS underpin_parked.register (\
     name text PRIMARY KEY, kind text NOT NULL, origin text NOT NULL, part text, migration text NOT NULL, \
     parked_at timestamptz NOT NULL DEFAULT clock_timestamp(), parked_by text NOT NULL DEFAULT session_user, \
     purged_at timestamptz, purged_by text)",
];

/// What of a file's drops is put away.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parking {
    /// Columns, with their tables.
    pub columns: BTreeSet<(RelationName, Name)>,
    /// Tables.
    pub tables: BTreeSet<RelationName>,
    /// Types.
    pub types: BTreeSet<RelationName>,
    /// The migration that drops them.
    pub migration: String,
    /// What there is about them in the database.
    pub there: ParkedBefore,
}

/// What has to be known of a database before something is put away there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ParkedBefore {
    /// Names that [`NAMESPACE`] has, or has had: of what was put away before, with its indexes and sequences.
    pub taken: BTreeSet<Name>,
    /// Sequences, with the tables that they go with.
    pub sequences: BTreeSet<(RelationName, RelationName)>,
}

/// Something that is put away, as the register lists it.
struct Entry {
    /// Its name in [`NAMESPACE`].
    stored: RelationName,
    kind: &'static str,
    origin: RelationName,
    /// The column.
    part: Option<Name>,
}

impl Parking {
    /// Whether nothing is.
    pub fn is_empty(&self) -> bool {
        self.columns.is_empty() && self.tables.is_empty() && self.types.is_empty()
    }

    /// The steps of a statement that drops something of it; `None` for all others. `ordinal` is its place in the
    /// file, from 0.
    ///
    /// # Errors
    /// Why it cannot be put away.
    pub fn steps(
        &self,
        statement: &Statement,
        ordinal: usize,
        surroundings: &Surroundings,
    ) -> Option<Result<Vec<Step>, NoTwin>> {
        let effects: Vec<&Effect> = statement.effects.iter().flat_map(Effect::flattened).collect();
        if self.is_empty() || !effects.iter().any(|effect| self.names(effect, surroundings)) {
            return None;
        }
        let drafts = match &effects[..] {
            [effect @ (Effect::DropTable { .. } | Effect::Drop { .. })] => self.moved(effect, surroundings),
            _ if effects
                .iter()
                .all(|effect| matches!(effect, Effect::DropTable { .. } | Effect::Drop { .. })) =>
            {
                Err(NoTwin::because("it drops several things at once; give each a statement of its own"))
            }
            _ => self.copied(statement, &effects, surroundings),
        };
        Some(drafts.map(|drafts| numbered(drafts, ordinal, statement.line)))
    }

    fn names(&self, effect: &Effect, surroundings: &Surroundings) -> bool {
        match effect {
            Effect::DropColumn { table, column, .. } => self.columns.iter().any(|(own, name)| {
                name == column && surroundings.resolve(own) == surroundings.resolve(table)
            }),
            Effect::DropTable { table, .. } => {
                self.tables.iter().any(|own| surroundings.resolve(own) == surroundings.resolve(table))
            }
            Effect::Drop { kind: ObjectKind::Type, name, .. } => {
                self.types.iter().any(|own| surroundings.resolve_type(own) == surroundings.resolve_type(name))
            }
            _ => false,
        }
    }

    /// A table or a type moves.
    fn moved(&self, effect: &Effect, surroundings: &Surroundings) -> Result<Vec<Draft>, NoTwin> {
        let (word, kind, name, cascade) = match effect {
            Effect::DropTable { table, cascade, .. } => {
                let table = surroundings.resolve(table);
                movable(&table, surroundings)?;
                ("TABLE", "table", table, *cascade)
            }
            Effect::Drop { name, cascade, .. } => ("TYPE", "type", surroundings.resolve_type(name), *cascade),
            _ => return Err(NoTwin::because("it is neither a table nor a type")),
        };
        if cascade {
            return Err(NoTwin::because("CASCADE drops other things with it, and nobody said which"));
        }
        let entry = self.entry(kind, &name, None);
        let (word, namespace) = (Sql::verbatim(word), Name::new(NAMESPACE));
        let there = RelationName { namespace: Some(namespace.clone()), name: name.name.clone() };
        let mut statements = made();
        if kind == "table" {
            statements.extend(self.renamed(&name, surroundings));
        }
        statements.push(sql!("ALTER {} {} SET SCHEMA {}", word, name, namespace));
        statements.push(sql!("ALTER {} {} RENAME TO {}", word, there, entry.stored.name));
        statements.push(self.registered(&entry));
        shared(statements, surroundings)
    }

    /// The values of columns are copied, then the statement is executed as it is.
    fn copied(
        &self,
        statement: &Statement,
        effects: &[&Effect],
        surroundings: &Surroundings,
    ) -> Result<Vec<Draft>, NoTwin> {
        let is_instant = |effect: &&Effect| effect.duration(surroundings) == Duration::Instant;
        if !effects.iter().all(is_instant) {
            return Err(NoTwin::because(
                "the statement does more than drop columns; give that a statement of its own",
            ));
        }
        let mut drafts = Vec::new();
        let mut last = Vec::new();
        for effect in effects.iter().filter(|effect| self.names(effect, surroundings)) {
            let Effect::DropColumn { table, column, cascade, .. } = effect else {
                return Err(NoTwin::because("it drops a column and something else at once"));
            };
            if *cascade {
                return Err(NoTwin::because("CASCADE drops other things with it, and nobody said which"));
            }
            let table = surroundings.resolve(table);
            let facts = surroundings.relation(&table);
            let key = facts.map(|facts| facts.primary_key.clone()).unwrap_or_default();
            if key.is_empty() || key.contains(column) {
                return Err(NoTwin::because(format!(
                    "{} has no primary key beside it by which its values could be kept",
                    table.shown()
                )));
            }
            let entry = self.entry("column", &table, Some(column));
            let copy = Copy { entry: &entry, table: &table, column, key: &key };
            let shown = format!("{}.{}", table.shown(), column.as_str());
            let begun = shared(made().into_iter().chain(copy.begun()).collect(), surroundings)?;
            // There is not a row in it yet.
            drafts.extend(begun.into_iter().map(|draft| draft.lasting(Duration::Instant)));
            if let Some(draft) = drafts.last_mut() {
                draft.transaction = Transaction::EndsHere;
            }
            let intent = format!("copy the values of {shown} to {}", entry.stored.name.as_str());
            drafts.push(Draft::execute(intent, copy.filled(), Transaction::Own, surroundings)?);
            let mut ended = copy.ended();
            ended.push(self.registered(&entry));
            last.extend(shared(ended, surroundings)?);
        }
        drafts.extend(last);
        drafts.push(draft(statement, surroundings));
        Ok(drafts)
    }

    /// Indexes and sequences of a table keep their names when it moves, unless those of a table that was put away before,
    /// or is in the same file, have them.
    fn renamed(&self, table: &RelationName, surroundings: &Surroundings) -> Vec<Sql> {
        let parts = |table: &RelationName| -> Vec<(&'static str, RelationName)> {
            let indexes = surroundings.indexes_of(table).map(|(name, _)| ("INDEX", name.clone()));
            let own = |of: &RelationName| surroundings.resolve(of) == surroundings.resolve(table);
            let sequences = self.there.sequences.iter().filter(|(of, _)| own(of));
            indexes.chain(sequences.map(|(_, name)| ("SEQUENCE", name.clone()))).collect()
        };
        let earlier = self.tables.iter().map(|other| surroundings.resolve(other));
        let earlier: Vec<_> = earlier.filter(|other| other < table).flat_map(|other| parts(&other)).collect();
        let renamed = |(word, name): (&'static str, RelationName)| {
            let others = earlier.iter().filter(|(_, other)| other.name == name.name).count();
            let is_taken = self.there.taken.contains(&name.name);
            // The first of several keeps its name where it can.
            let nth = if is_taken { Some(others) } else { others.checked_sub(1) };
            let to = self.free(&name.name, nth?);
            Some(sql!("ALTER {} {} RENAME TO {}", Sql::verbatim(word), name, to))
        };
        parts(table).into_iter().filter_map(renamed).collect()
    }

    fn entry(&self, kind: &'static str, origin: &RelationName, part: Option<&Name>) -> Entry {
        let is_alike = |own: &RelationName| own.name == origin.name;
        let alike = match part {
            Some(part) => self.columns.iter().filter(|(own, name)| is_alike(own) && name == part).count(),
            None if kind == "type" => self.types.iter().filter(|own| is_alike(own)).count(),
            None => self.tables.iter().filter(|own| is_alike(own)).count(),
        };
        // Of two of one name the file says the namespaces.
        let origin_name = if alike > 1 { origin.shown() } else { origin.name.as_str().to_owned() };
        let name = match part {
            Some(part) => format!("{origin_name}.{}", part.as_str()),
            None => origin_name,
        };
        Entry {
            stored: RelationName {
                namespace: Some(Name::new(NAMESPACE)),
                name: self.free(&Name::new(name), 0),
            },
            kind,
            origin: origin.clone(),
            part: part.cloned(),
        }
    }

    /// A name with the time of the migration behind it, and a number where that is not enough; the `nth` that is free,
    /// from 0.
    fn free(&self, name: &Name, nth: usize) -> Name {
        let stamp: String = self.migration.chars().take_while(char::is_ascii_digit).collect();
        let stamp = if stamp.is_empty() { &self.migration } else { &stamp };
        let first = name.with_suffix(&format!("@{stamp}"));
        let others = (2..1_000).map(|number| name.with_suffix(&format!("@{stamp}_{number}")));
        let names = std::iter::once(first.clone()).chain(others);
        names.filter(|name| !self.there.taken.contains(name)).nth(nth).unwrap_or(first)
    }

    fn registered(&self, entry: &Entry) -> Sql {
        let part = match &entry.part {
            Some(part) => sql!("{}", Literal(part.as_str())),
            None => Sql::verbatim("NULL"),
        };
        sql!(
            "INSERT INTO underpin_parked.register (name, kind, origin, part, migration) VALUES ({}, {}, {}, {}, {})",
            Literal(entry.stored.name.as_str()),
            Literal(entry.kind),
            Literal(&entry.origin.to_string()),
            part,
            Literal(&self.migration),
        )
    }
}

fn made() -> Vec<Sql> {
    MADE.map(Sql::verbatim).into()
}

fn shared(statements: Vec<Sql>, surroundings: &Surroundings) -> Result<Vec<Draft>, NoTwin> {
    let draft = |sql: Sql| {
        let read = crate::read(sql.as_str()).ok();
        let intent = read.and_then(|statements| statements.first().map(intent)).unwrap_or_default();
        Draft::execute(intent, sql, Transaction::Shared, surroundings)
    };
    statements.into_iter().map(draft).collect()
}

/// Whether a table can move without anything else noticing.
fn movable(table: &RelationName, surroundings: &Surroundings) -> Result<(), NoTwin> {
    let Some(facts) = surroundings.relation(table) else {
        return Err(NoTwin::because(format!("there is no table {}", table.shown())));
    };
    let leads_out = facts.constraints.iter().any(|one| one.kind == ConstraintFactsKind::ForeignKey);
    if leads_out || facts.referenced_by.iter().any(|other| other != table) {
        return Err(NoTwin::because(format!(
            "{} has foreign keys, which would go on to hold; drop them before it in the file, as Prisma does",
            table.shown()
        )));
    }
    if facts.kind != RelationKind::Table || !facts.descendants.is_empty() || facts.partition_of.is_some() {
        return Err(NoTwin::because(format!("{} has or is a partition", table.shown())));
    }
    Ok(())
}

/// The copy of a column.
struct Copy<'a> {
    entry: &'a Entry,
    table: &'a RelationName,
    column: &'a Name,
    key: &'a [Name],
}

impl Copy<'_> {
    fn columns(&self) -> Vec<Name> {
        self.key.iter().chain([self.column]).cloned().collect()
    }

    fn triggers(&self) -> [Name; 2] {
        ["_in", "_up"].map(|suffix| self.entry.stored.name.with_suffix(suffix))
    }

    /// The table that takes the values, and what catches those that are written from now on.
    fn begun(&self) -> Vec<Sql> {
        let Self { entry, table, column, key } = self;
        let stored = &entry.stored;
        let new = |name: &Name| sql!("NEW.{}", name);
        let values: Vec<Sql> = self.columns().iter().map(new).collect();
        let body = sql!(
            "BEGIN\n  INSERT INTO {0} ({1}) VALUES ({2}) ON CONFLICT ({3}) DO UPDATE SET {4} = excluded.{4};\n  RETURN NULL;\nEND",
            stored,
            self.columns(),
            values,
            key.to_vec(),
            column
        );
        let changed = |name: &Name| format!("NEW.{name}::text IS DISTINCT FROM OLD.{name}::text");
        let changed: Vec<String> = self.columns().iter().map(changed).collect();
        let [on_insert, on_update] = self.triggers();
        vec![
            sql!("CREATE TABLE {} AS SELECT {} FROM {} WITH NO DATA", stored, self.columns(), table),
            sql!("ALTER TABLE {} ADD PRIMARY KEY ({})", stored, key.to_vec()),
            sql!(
                "CREATE FUNCTION {}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS {}",
                stored,
                Literal(body.as_str())
            ),
            sql!(
                "CREATE TRIGGER {} AFTER INSERT ON {} FOR EACH ROW WHEN (NEW.{} IS NOT NULL) EXECUTE FUNCTION {}()",
                on_insert,
                table,
                column,
                stored
            ),
            sql!(
                "CREATE TRIGGER {} AFTER UPDATE ON {} FOR EACH ROW WHEN ({}) EXECUTE FUNCTION {}()",
                on_update,
                table,
                Sql::verbatim(changed.join(" OR ")),
                stored
            ),
        ]
    }

    /// The values that were there before. What was caught meanwhile is later.
    fn filled(&self) -> Sql {
        sql!(
            "INSERT INTO {0} ({1}) SELECT {1} FROM {2} WHERE {3} IS NOT NULL ON CONFLICT DO NOTHING",
            self.entry.stored,
            self.columns(),
            self.table,
            self.column
        )
    }

    fn ended(&self) -> Vec<Sql> {
        let drop = |trigger: Name| sql!("DROP TRIGGER {} ON {}", trigger, self.table);
        let mut ended: Vec<Sql> = self.triggers().map(drop).into();
        ended.push(sql!("DROP FUNCTION {}()", self.entry.stored));
        ended
    }
}
