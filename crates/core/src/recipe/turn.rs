//! The trigger that turns a value which goes into the one that takes its place, whoever writes the row: the release
//! that is out goes on writing it.
//!
//! It fires before the triggers that keep columns equal, whose names follow its own, so that they see the value that
//! stays. Which value a row has is asked by the trigger's condition, which is resolved when it is made: a row
//! without the value costs no call, and the function only assigns.

use underpin_catalog::{Literal, Name, RelationName, Sql, sql};

/// A value that goes from a column of an enum.
#[derive(Clone, Debug)]
pub(super) struct Turn {
    /// The table, as statements name it.
    pub(super) table: RelationName,
    /// The column.
    pub(super) column: Name,
    /// Whether the column has several values.
    pub(super) is_list: bool,
    /// The value that goes, as the database stores it.
    pub(super) from: String,
    /// The value that takes its place.
    pub(super) to: String,
}

/// What the names of these triggers begin with.
const TRIGGER: &str = "~underpin_0_turn_";

/// The value that a trigger of this name and definition turns into another one, when it is one of these.
pub(crate) fn turned(trigger: &Name, definition: &str) -> Option<String> {
    if !trigger.as_str().starts_with(TRIGGER) {
        return None;
    }
    let (_, condition) = definition.split_once(" WHEN ")?;
    let mut is_name = false;
    let begin = condition.char_indices().find_map(|(at, sign)| {
        is_name ^= sign == '"';
        (sign == '\'' && !is_name).then_some(at + 1)
    })?;
    let mut value = String::new();
    let mut rest = condition[begin..].chars().peekable();
    while let Some(sign) = rest.next() {
        if sign == '\'' && rest.next_if_eq(&'\'').is_none() {
            return Some(value);
        }
        value.push(sign);
    }
    None
}

impl Turn {
    /// Function and trigger. They go with [`Self::off`].
    pub(super) fn on(&self) -> Vec<Sql> {
        let (function, trigger) = (self.function(), self.trigger());
        let of_new = sql!("NEW.{}", self.column);
        let (from, to) = (Literal(&self.from), Literal(&self.to));
        let value = match self.is_list {
            true => sql!("pg_catalog.array_replace({}, {}, {})", of_new, from, to),
            false => sql!("{}", to),
        };
        let mut tag = "$underpin$".to_owned();
        while value.as_str().contains(&tag) {
            tag.insert(1, '_');
        }
        vec![
            Sql::verbatim(format!(
                "CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS {tag}\nBEGIN\n  {of_new} := {value};\n  RETURN NEW;\nEND\n{tag}"
            )),
            sql!(
                "CREATE TRIGGER {} BEFORE INSERT OR UPDATE OF {} ON {} FOR EACH ROW WHEN ({}) EXECUTE FUNCTION {}()",
                trigger,
                self.column,
                self.table,
                self.has_it(&of_new),
                function
            ),
        ]
    }

    pub(super) fn off(&self) -> Vec<Sql> {
        vec![
            sql!("DROP TRIGGER {} ON {}", self.trigger(), self.table),
            sql!("DROP FUNCTION {}()", self.function()),
        ]
    }

    /// What turns the rows that are there. Those with several values take the new shape of the column, which is
    /// filled by then: batches may go over a row twice, so that they must not read what they set.
    pub(super) fn fill(&self, hidden: &Name, data_type: &Sql) -> Sql {
        let value = match self.is_list {
            true => sql!("CAST(CAST({} AS text[]) AS {})", hidden, data_type),
            false => sql!("{}", Literal(&self.to)),
        };
        let own = sql!("{}", self.column);
        sql!("UPDATE {} SET {} = {} WHERE {}", self.table, self.column, value, self.has_it(&own))
    }

    /// The query that counts the rows that have the value.
    pub(super) fn left(&self) -> Sql {
        sql!("SELECT count(*) FROM {} WHERE {}", self.table, self.has_it(&sql!("{}", self.column)))
    }

    fn has_it(&self, column: &Sql) -> Sql {
        match self.is_list {
            true => sql!("{} = ANY ({})", Literal(&self.from), column),
            false => sql!("{} = {}", column, Literal(&self.from)),
        }
    }

    fn function(&self) -> RelationName {
        let stem = Name::new(format!("underpin_{}", self.table.name.as_str()));
        self.table.sibling(stem.with_suffix(&format!("_turn_{:08x}", self.number())))
    }

    /// Before the triggers that keep columns equal.
    fn trigger(&self) -> Name {
        Name::new(format!("{TRIGGER}{:08x}", self.number()))
    }

    /// One for each value of each column, however much of the names is cut (FNV-1a).
    fn number(&self) -> u64 {
        let text = format!("{}\0{}\0{}", self.table.shown(), self.column.as_str(), self.from);
        let mixed = |number: u64, byte: u8| (number ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        text.bytes().fold(0xcbf2_9ce4_8422_2325, mixed) & 0xffff_ffff
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_value_is_read_from_the_condition() {
        let of = |condition: &str| {
            let definition = format!(
                "CREATE TRIGGER x BEFORE INSERT ON t FOR EACH ROW WHEN ({condition}) EXECUTE FUNCTION f()"
            );
            turned(&Name::new("~underpin_0_turn_1"), &definition)
        };
        assert_eq!(of(r#"(new.status = 'OLD'::"Status")"#).as_deref(), Some("OLD"));
        assert_eq!(of(r#"('it''s'::"Role" = ANY (new."a'b"))"#).as_deref(), Some("it's"));
        assert_eq!(of(r#"(new."a'b" = ' '::"Role")"#).as_deref(), Some(" "));
        assert_eq!(of("(new.status IS NULL)"), None);
        assert_eq!(turned(&Name::new("other"), "WHEN (a = 'b')"), None);
    }
}
