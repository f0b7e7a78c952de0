//! `down.sql`: the way back from a migration, with what it cannot do said at its head.
//!
//! It is the way from the whole catalog behind the migration to the whole one before it, so that what Prisma
//! has no words for (views, triggers, policies, parts written by hand) comes back too. Prisma reads no
//! `down.sql`; a person executes it, so that the head is for that person: which rows are gone whatever it
//! does, which it loses itself, at what it may fail, and what it leaves as it is.

use underpin_catalog::ddl::{Change, Loss, Way};
use underpin_catalog::object::{ObjectKey, ObjectKind};
use underpin_catalog::{Difference, Sql};
use underpin_sql::{Effect, read};

use crate::recipe::Refill;

/// What became of a way back on a throwaway server.
#[derive(Clone, Debug, PartialEq)]
pub enum Tried {
    /// It ran, and these objects are not what they were.
    Ran(Vec<String>),
    /// It did not run, and this is why.
    Failed(String),
}

impl Tried {
    /// It ran, and left this between what was and what is now.
    pub fn ran(differences: &[Difference]) -> Self {
        let counted = differences.iter().filter(|difference| !difference.is_note());
        let mut objects: Vec<String> = counted.map(|difference| difference.key.to_string()).collect();
        objects.dedup();
        Self::Ran(objects)
    }

    /// Whether everything is as it was.
    pub fn is_proven(&self) -> bool {
        matches!(self, Self::Ran(left) if left.is_empty())
    }
}

const BEGIN: &str = "BEGIN;\n\n";
const COMMIT: &str = "\nCOMMIT;\n";

/// The way back from one migration.
#[derive(Clone, Debug, Default)]
pub struct Back {
    /// What the migration's own renames become, in the order in which they are executed: before all else.
    pub renamed: Vec<Sql>,
    /// The way from there.
    pub way: Way,
    /// What is filled behind that, before all else holds of it.
    pub fills: Vec<Refill>,
    /// The way behind the fills.
    pub rest: Way,
}

impl Back {
    /// The statements as a file that anybody executes: one transaction, unless PostgreSQL wants a commit in
    /// between.
    pub fn script(&self) -> String {
        let mut script = String::from(BEGIN);
        // Bodies may speak of what is made behind them.
        let check_later = self.changes().any(|change| change.key.kind == ObjectKind::Routine);
        if check_later {
            script.push_str("SET LOCAL check_function_bodies = off;\n\n");
        }
        for statement in &self.renamed {
            script.push_str(&format!("{statement};\n"));
        }
        let mut object = None;
        for (at, change) in self.changes().enumerate() {
            if at == self.way.changes.len() {
                script.push_str(&self.filling());
            }
            if object.is_some_and(|object| object != &change.key) {
                script.push('\n');
            }
            object = Some(&change.key);
            script.push_str(&format!("{};\n", change.statement));
            if change.committed {
                script.push_str(
                    "\n-- Others use a new value of an enum when it is committed.\nCOMMIT;\nBEGIN;\n",
                );
                if check_later {
                    script.push_str("SET LOCAL check_function_bodies = off;\n");
                }
            }
        }
        if self.rest.changes.is_empty() {
            script.push_str(&self.filling());
        }
        script.push_str(COMMIT);
        script
    }

    /// The same statements for who has begun a transaction and ends it himself. `None` where PostgreSQL wants a commit
    /// in between.
    pub fn in_one_transaction(&self) -> Option<String> {
        if self.changes().any(|change| change.committed) {
            return None;
        }
        let script = self.script();
        let within = script.strip_prefix(BEGIN)?.strip_suffix(COMMIT)?;
        Some(within.to_owned())
    }

    /// All changes of the catalog, in their order.
    fn changes(&self) -> impl Iterator<Item = &Change> {
        self.way.changes.iter().chain(&self.rest.changes)
    }

    fn filling(&self) -> String {
        self.fills.iter().map(|fill| format!("\n{};\n", fill.statement())).collect()
    }

    /// Whether a column gets its values back.
    fn is_filled(&self, key: &ObjectKey) -> bool {
        let own = |fill: &Refill| ObjectKey::within(ObjectKind::Column, &fill.table, &fill.column);
        self.fills.iter().any(|fill| own(fill) == *key)
    }

    /// Whether there is nothing to take back.
    pub fn is_empty(&self) -> bool {
        self.renamed.is_empty() && self.changes().next().is_none()
    }
}

/// The text of a `down.sql` for a migration of this script.
pub fn down(migration: &str, back: &Back, tried: &Tried) -> String {
    let mut head = String::from(
        "-- Takes back the migration.sql beside it. Prisma never runs this file; when you do, nothing in the\n\
         -- ledger changes.\n",
    );
    let changes = || back.changes();
    let mut gone: Vec<String> = changes()
        .filter(|change| change.loss == Loss::NotRestored && !back.is_filled(&change.key))
        .map(|change| contents(&change.key))
        .collect();
    gone.extend(changed_rows(migration));
    let lost: Vec<String> = changes()
        .filter_map(|change| match &change.loss {
            Loss::Contents => Some(contents(&change.key)),
            Loss::Precision(what) => Some(what.clone()),
            Loss::Nothing | Loss::NothingIf(_) | Loss::NotRestored => None,
        })
        .collect();
    let fails: Vec<String> = changes()
        .filter_map(|change| match &change.loss {
            Loss::NothingIf(condition) => Some(format!("at {}, unless {condition}", change.key)),
            Loss::Nothing | Loss::Precision(_) | Loss::Contents | Loss::NotRestored => None,
        })
        .collect();
    let impossible = back.way.impossible.iter().chain(&back.rest.impossible);
    let stays: Vec<String> = impossible.map(|stays| format!("{}: {}", stays.key, stays.why)).collect();
    let asks: Vec<String> = back
        .way
        .renames
        .iter()
        .map(|rename| {
            let to: Vec<String> = rename.to.iter().map(ToString::to_string).collect();
            format!("{} is dropped, and {} is made", rename.from, to.join(" or "))
        })
        .collect();
    list(&mut head, "It cannot bring back:", &gone);
    list(&mut head, "It loses:", &lost);
    list(&mut head, "It may fail:", &fails);
    list(&mut head, "It leaves as it is:", &stays);
    list(&mut head, "If one is the other under its old name, write a RENAME in their place:", &asks);
    match tried {
        Tried::Ran(left) => list(&mut head, "What is not as it was behind it:", left),
        Tried::Failed(why) => list(&mut head, "It fails as it is:", std::slice::from_ref(why)),
    }
    if back.is_empty() {
        return format!("{head}\n-- There is nothing to take back.\n");
    }
    format!("{head}\n{}", back.script())
}

/// What goes with an object.
fn contents(key: &ObjectKey) -> String {
    match key.kind {
        ObjectKind::Table => format!("the rows of {key}"),
        ObjectKind::Column => format!("the values of {key}"),
        ObjectKind::Sequence => format!("where {key} stands"),
        _ => format!("what is in {key}"),
    }
}

/// The rows that a migration itself has changed: what was in them, no catalog tells.
fn changed_rows(migration: &str) -> Vec<String> {
    let statements = read(migration).unwrap_or_default();
    let table = |effect: &Effect| match effect {
        Effect::Update(change) => {
            Some(format!("the rows of {} that an UPDATE changed", change.table.shown()))
        }
        Effect::Delete(change) => Some(format!("the rows of {} that a DELETE removed", change.table.shown())),
        Effect::Truncate { table, .. } => Some(format!("the rows of {}, which was truncated", table.shown())),
        Effect::Merge { table, .. } => Some(format!("the rows of {} that a MERGE changed", table.shown())),
        Effect::Insert { table, .. } => {
            Some(format!("{} without the rows that were inserted", table.shown()))
        }
        _ => None,
    };
    let mut found: Vec<String> =
        statements.iter().flat_map(|statement| &statement.effects).filter_map(table).collect();
    found.dedup();
    found
}

fn list(head: &mut String, title: &str, items: &[String]) {
    if items.is_empty() {
        return;
    }
    head.push_str(&format!("--\n-- {title}\n"));
    for item in items {
        // A comment ends with its line, whatever a name holds.
        let item = item.replace(['\n', '\r'], " ");
        head.push_str(&format!("--   - {item}\n"));
    }
}
