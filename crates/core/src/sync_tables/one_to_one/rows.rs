//! Statements over the rows of both tables: giving them their other shape, counting those that do not agree, and
//! what a column that comes back gets.

use underpin_catalog::{Sql, sql};

use super::super::{field, fields, joined, same};
use super::{Moved, OneToOne, Row};

impl OneToOne {
    pub(in crate::sync_tables) fn fill(&self) -> Sql {
        let has_to_say = sql!("NOT ({})", self.says_nothing("o"));
        let insertion = self.insertion(&has_to_say, " FOR NO KEY UPDATE");
        match &self.row {
            Row::Fact { .. } => sql!("{} DO NOTHING", insertion),
            // The row may be there without them.
            Row::Own { .. } => sql!(
                "{} DO UPDATE SET {} WHERE {}",
                insertion,
                Self::sets(&self.columns, |column| &column.other, |column| field("EXCLUDED", &column.other)),
                joined(" AND ", fields("kept", &self.its()).iter().map(|column| sql!("{} IS NULL", column)))
            ),
        }
    }

    /// What gives the facts that begin in the other table their shape in the owner. It reads each row of the other
    /// table under a lock, so that no client changes it on the way.
    pub fn fill_owner(&self) -> Sql {
        let value = |column: &Moved| {
            let read =
                sql!("(SELECT t.{} FROM {} AS t WHERE {} FOR SHARE)", column.other, self.other, self.met());
            sql!("{} = {}", column.owner, read)
        };
        let says = self.columns.iter().map(|column| sql!("t.{} IS NOT NULL", column.other));
        sql!(
            "UPDATE {} AS o SET {} WHERE {} AND EXISTS (SELECT 1 FROM {} AS t WHERE {} AND ({}))",
            self.owner,
            joined(", ", self.columns.iter().map(value)),
            joined(" AND ", self.own().iter().map(|column| sql!("o.{} IS NULL", column))),
            self.other,
            self.met(),
            joined(" OR ", says)
        )
    }

    pub(in crate::sync_tables) fn disagree(&self) -> Sql {
        let link =
            self.link.first().map(|column| field("t", column)).unwrap_or_else(|| Sql::verbatim("NULL"));
        sql!(
            "SELECT count(*) FROM {} AS o LEFT JOIN {} AS t ON {} WHERE CASE WHEN {} IS NULL THEN NOT ({}) ELSE {} END",
            self.owner,
            self.other,
            self.met(),
            link,
            self.says_nothing("o"),
            self.differ()
        )
    }

    /// The value of the owner's column, as an expression over a row of the owner under its own name.
    pub fn owner_value(&self, column: &Moved) -> Sql {
        let owner = self.owner.name.to_string();
        let read = sql!(
            "(SELECT {} FROM {} AS t WHERE {})",
            field("t", &column.other),
            self.other,
            same("t", &self.link, &owner, &self.key)
        );
        match &column.absent {
            Some(constant) => sql!("coalesce({}, {})", read, constant),
            None => read,
        }
    }

    /// The value of the other table's column, as an expression over a row of it under its own name.
    pub fn other_value(&self, column: &Moved) -> Sql {
        let other = self.other.name.to_string();
        let read = sql!(
            "(SELECT {} FROM {} AS o WHERE {})",
            field("o", &column.owner),
            self.owner,
            same("o", &self.key, &other, &self.link)
        );
        match &column.instead {
            Some(constant) => sql!("coalesce({}, {})", read, constant),
            None => read,
        }
    }
}
