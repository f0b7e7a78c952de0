//! The trigger that puts a value in place of NULL, whoever writes the row: the release that is out does not know
//! that a column must have one.
//!
//! It fires behind the user's own triggers and behind those that keep columns equal, because triggers fire in the
//! order of their names. The expression is evaluated on the row as it stands then, with the `search_path` that
//! held when the trigger was made, so that it does not matter who writes.

use underpin_catalog::{Name, RelationName, Sql, sql};

use super::draft::Keep;

impl Keep {
    /// Function and trigger. They go with [`Self::off`].
    pub(super) fn on(&self) -> Vec<Sql> {
        let (function, trigger) = (self.function(), self.trigger());
        let mut tag = "underpin".to_owned();
        while self.value.as_str().contains(&format!("${tag}$")) {
            tag.push('_');
        }
        let body = sql!(
            "BEGIN\n  NEW.{} := (SELECT ({}\n) FROM (SELECT NEW.*) AS {});\n  RETURN NEW;\nEND",
            self.column,
            self.value,
            self.table.name
        );
        vec![
            Sql::verbatim(format!(
                "CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS ${tag}$\n{body}\n${tag}$"
            )),
            sql!(
                "CREATE TRIGGER {} BEFORE INSERT OR UPDATE OF {} ON {} FOR EACH ROW WHEN (NEW.{} IS NULL) EXECUTE FUNCTION {}()",
                trigger,
                self.column,
                self.table,
                self.column,
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

    fn function(&self) -> RelationName {
        let stem = Name::new(format!("underpin_{}", self.table.name.as_str()));
        self.table.sibling(stem.with_suffix(&format!("_keep_{:08x}", self.number())))
    }

    /// Behind the triggers that keep columns equal, whose names it follows.
    fn trigger(&self) -> Name {
        Name::new(format!("~underpin_5_keep_{:08x}", self.number()))
    }

    /// One for each column, however much of the names is cut (FNV-1a).
    fn number(&self) -> u64 {
        let text = format!("{}\0{}", self.table.shown(), self.column.as_str());
        let mixed = |number: u64, byte: u8| (number ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        text.bytes().fold(0xcbf2_9ce4_8422_2325, mixed) & 0xffff_ffff
    }
}
