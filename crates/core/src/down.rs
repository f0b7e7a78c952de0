//! `down.sql`: the way back from a migration, with what it cannot do said at its head.
//!
//! It is the same differ in the opposite direction. Prisma reads no `down.sql`; a person executes it, so that
//! the head is for that person: which rows are gone whatever it does, which it loses itself, at what it may
//! fail, and what it does not make again.

use underpin_catalog::Difference;
use underpin_prisma::migrate::{Loss, Migration};

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

/// The text of a `down.sql`. `up` is the migration that it takes back, `back` the opposite one.
pub fn down(up: &Migration<'_>, back: &Migration<'_>, tried: &Tried) -> String {
    let mut head = String::from(
        "-- Takes back the migration.sql beside it. Prisma never runs this file; when you do, nothing in the\n\
         -- ledger changes.\n",
    );
    let (gone, lost) = (values(&up.losses()), values(&back.losses()));
    let fails: Vec<String> = back
        .losses()
        .iter()
        .filter(|loss| loss.is_unexecutable() || matches!(loss, Loss::Unique(..) | Loss::EnumValues(..)))
        .map(ToString::to_string)
        .collect();
    list(&mut head, "It cannot bring back:", &gone);
    list(&mut head, "It loses:", &lost);
    list(&mut head, "It may fail:", &fails);
    match tried {
        Tried::Ran(left) => list(&mut head, "What is not as it was behind it:", left),
        Tried::Failed(why) => list(&mut head, "It fails as it is:", std::slice::from_ref(why)),
    }
    format!("{head}\n{}\n", back.script().trim_end())
}

/// What of the rows goes, as far as a migration loses any.
fn values(losses: &[Loss<'_>]) -> Vec<String> {
    let value = |loss: &Loss<'_>| match loss {
        Loss::Table(table) => Some(format!("the rows of table {}", table.name.shown())),
        Loss::Column(table, column)
        | Loss::RecreatedColumn(table, column)
        | Loss::RecreatedRequiredColumn(table, column) => {
            Some(format!("the values of column {} of {}", column.name.as_str(), table.name.shown()))
        }
        Loss::Cast(table, change) => Some(format!(
            "what the other type of column {} of {} does not hold of its values",
            change.before.name.as_str(),
            table.name.shown()
        )),
        Loss::PrimaryKey(_)
        | Loss::Unique(..)
        | Loss::EnumValues(..)
        | Loss::RequiredColumn(..)
        | Loss::MadeRequired(..)
        | Loss::MadeList(..) => None,
    };
    losses.iter().filter_map(value).collect()
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
