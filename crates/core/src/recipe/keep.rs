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
        let assigned = |(column, value): (&Name, &Sql)| {
            format!("  NEW.{column} := (SELECT ({value}\n) FROM (SELECT NEW.*) AS {});\n", self.table.name)
        };
        let also = self.also.iter().map(|(column, value)| (column, value));
        let lines: String = std::iter::once((&self.column, &self.value)).chain(also).map(assigned).collect();
        let mut tag = "underpin".to_owned();
        while lines.contains(&format!("${tag}$")) {
            tag.push('_');
        }
        let body = format!("BEGIN\n{lines}  RETURN NEW;\nEND");
        let columns = self.columns();
        let nulls: Vec<String> = columns.iter().map(|column| format!("NEW.{column} IS NULL")).collect();
        vec![
            Sql::verbatim(format!(
                "CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS ${tag}$\n{body}\n${tag}$"
            )),
            sql!(
                "CREATE TRIGGER {} BEFORE INSERT OR UPDATE OF {} ON {} FOR EACH ROW WHEN ({}) EXECUTE FUNCTION {}()",
                trigger,
                columns,
                self.table,
                Sql::verbatim(nulls.join(" AND ")),
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

    /// What gives the rows that have none their value.
    pub(super) fn fill(&self) -> Sql {
        let nulls: Vec<String> = self.columns().iter().map(|column| format!("{column} IS NULL")).collect();
        let nulls = Sql::verbatim(nulls.join(" AND "));
        sql!("UPDATE {} SET {} = {} WHERE {}", self.table, self.column, self.value, nulls)
    }

    /// The columns that are one fact: where one has a value, none is without.
    fn columns(&self) -> Vec<Name> {
        std::iter::once(&self.column).chain(self.also.iter().map(|(column, _)| column)).cloned().collect()
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
