//! A foreign key, and a table of pairs that says the same for several.
//!
//! The old clients know one: the key in the row. The new ones know a set: the pairs of the row. They agree when the
//! key is one of the set, or has nothing to say where the set is empty. What each kind of statement means:
//!
//! - An old client that sets another one puts that in the place of the one that it saw; the others stay. Setting NULL
//!   means nobody, and empties the set: else the client would read another one behind it.
//! - The key does not change while it is in the set. When a new client takes it out, the key becomes the least of
//!   those that are left; when there was none, it becomes the first that comes.
//! - Where what the key leads to is deleted, only that pair goes.

use underpin_catalog::{Name, RelationName, Sql, sql};

use super::names::Names;
use super::{Made, Trigger, field, row_of, same, updates};
use crate::sync::Others;

/// The key and the pairs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManyToMany {
    /// The table with the foreign key, with its namespace.
    pub table: RelationName,
    /// Its key, to which the pairs lead.
    pub key: Name,
    /// The foreign key's column.
    pub column: Name,
    /// Its type.
    pub data_type: Sql,
    /// What the column is where there is nobody, if not NULL: a constant.
    pub absent: Option<Sql>,
    /// The table that it leads to.
    pub target: RelationName,
    /// What it leads to there.
    pub target_key: Name,
    /// The table of pairs, with its namespace.
    pub pairs: RelationName,
    /// Its column that leads to [`Self::table`].
    pub near: Name,
    /// Its column that leads to [`Self::target`].
    pub far: Name,
    /// What a pair has besides when a trigger makes it: expressions over the row of the table.
    pub made: Vec<(Name, Sql)>,
    /// Who else assigns columns of the table.
    pub others: Others,
}

impl ManyToMany {
    /// The same with other names for the tables.
    pub(super) fn named(&self, name: impl Fn(&RelationName) -> RelationName) -> Self {
        let (table, target, pairs) = (name(&self.table), name(&self.target), name(&self.pairs));
        Self { table, target, pairs, ..self.clone() }
    }

    fn nothing(&self) -> Sql {
        match &self.absent {
            Some(constant) => sql!("CAST({} AS {})", constant, self.data_type),
            None => Sql::verbatim("NULL"),
        }
    }

    fn says_nothing(&self, row: &str) -> Sql {
        let column = field(row, &self.column);
        match &self.absent {
            Some(_) => sql!("{} OPERATOR(pg_catalog.=) {}", column, self.nothing()),
            None => sql!("{} IS NULL", column),
        }
    }

    fn insertion(&self, condition: &Sql, lock: &str) -> Sql {
        let mut names = vec![self.near.clone(), self.far.clone()];
        names.extend(self.made.iter().map(|(name, _)| name.clone()));
        let mut values = vec![field("o", &self.key), field("o", &self.column)];
        values.extend(self.made.iter().map(|(_, value)| row_of(value, "o")));
        sql!(
            "INSERT INTO {} ({}) SELECT {} FROM {} AS o WHERE {} AND NOT EXISTS (SELECT 1 FROM {} AS t WHERE {} AND {}){} ON CONFLICT DO NOTHING",
            self.pairs,
            names,
            values,
            self.table,
            condition,
            self.pairs,
            self.met(),
            equal("t", &self.far, "o", &self.column),
            Sql::verbatim(lock)
        )
    }

    /// `t` leads to `o`.
    fn met(&self) -> Sql {
        equal("t", &self.near, "o", &self.key)
    }

    pub(super) fn made(&self) -> Made {
        let names = Names::of([&self.table, &self.pairs], [&self.column, &self.near, &self.far]);
        let put = names.function(&self.table, "put");
        let lock = names.function(&self.pairs, "lock");
        let (take, leave) = (names.function(&self.pairs, "take"), names.function(&self.pairs, "leave"));
        let clear = names.function(&self.pairs, "clear");
        let column = [self.column.clone()];
        let trigger =
            |role: &str, event: Sql, table: &RelationName, when: &str, function: &RelationName| Trigger {
                name: names.trigger(role),
                event,
                table: table.clone(),
                each: "ROW",
                when: Sql::verbatim(when),
                function: function.clone(),
            };
        let says = format!("WHEN (NOT ({})) ", self.says_nothing("NEW"));
        Made {
            columns: Vec::new(),
            triggers: vec![
                trigger("6_insert", Sql::verbatim("AFTER INSERT"), &self.table, &says, &put),
                trigger("6_update", sql!("AFTER {}", updates(&column, self.others)), &self.table, "", &put),
                trigger("6_lock", Sql::verbatim("BEFORE INSERT OR UPDATE OR DELETE"), &self.pairs, "", &lock),
                trigger("6_take", Sql::verbatim("AFTER INSERT OR UPDATE"), &self.pairs, "", &take),
                trigger("6_leave", Sql::verbatim("AFTER UPDATE OR DELETE"), &self.pairs, "", &leave),
                Trigger::on_truncate(names.trigger("6_clear"), &self.pairs, &clear),
            ],
            functions: vec![
                (put, self.put()),
                (lock, self.lock()),
                (take, self.take()),
                (leave, self.leave()),
                (clear, self.clear()),
            ],
        }
    }

    /// The key was written.
    fn put(&self) -> Sql {
        let this = equal("o", &self.key, "NEW", &self.key);
        let says = sql!("{} AND NOT ({})", this, self.says_nothing("o"));
        let of_row = equal("t", &self.near, "NEW", &self.key);
        let was = equal("t", &self.far, "OLD", &self.column);
        sql!(
            "  {};\n  IF TG_OP = 'UPDATE' THEN\n    IF NOT EXISTS (SELECT 1 FROM {} AS o WHERE {} AND {}) THEN\n      \
             DELETE FROM {} AS t USING {} AS o WHERE {} AND {} AND {} AND NOT ({});\n    \
             ELSIF EXISTS (SELECT 1 FROM {} AS u WHERE {}) THEN\n      \
             DELETE FROM {} AS t WHERE {};\n    \
             ELSE\n      DELETE FROM {} AS t WHERE {} AND {};\n      {};\n    END IF;\n  END IF;\n  RETURN NULL;",
            self.insertion(&says, ""),
            // The key leads somewhere: it took the place of what it led to.
            self.table,
            this,
            self.says_nothing("o"),
            self.pairs,
            self.table,
            this,
            self.met(),
            was,
            equal("t", &self.far, "o", &self.column),
            // It leads nowhere: a client says so, or what it led to went.
            self.target,
            equal("u", &self.target_key, "OLD", &self.column),
            self.pairs,
            of_row,
            self.pairs,
            of_row,
            was,
            self.next(&sql!(
                "{} AND {} AND EXISTS (SELECT 1 FROM {} AS t WHERE {})",
                this,
                self.says_nothing("o"),
                self.pairs,
                self.met()
            ))
        )
    }

    /// The key becomes the least of what is left.
    fn next(&self, condition: &Sql) -> Sql {
        let least = sql!(
            "(SELECT t.{} FROM {} AS t WHERE {} ORDER BY t.{} LIMIT 1)",
            self.far,
            self.pairs,
            self.met(),
            self.far
        );
        let least = match &self.absent {
            Some(_) => sql!("coalesce({}, {})", least, self.nothing()),
            None => least,
        };
        sql!("UPDATE {} AS o SET {} = {} WHERE {}", self.table, self.column, least, condition)
    }

    /// A pair is about to come, change or go: nobody changes the row meanwhile.
    fn lock(&self) -> Sql {
        let locked = |row: &str| {
            sql!(
                "PERFORM 1 FROM {} AS o WHERE {} FOR NO KEY UPDATE;",
                self.table,
                equal("o", &self.key, row, &self.near)
            )
        };
        sql!(
            "  IF TG_OP = 'DELETE' THEN\n    {}\n    RETURN OLD;\n  END IF;\n  {}\n  RETURN NEW;",
            locked("OLD"),
            locked("NEW")
        )
    }

    /// A pair came: the key leads there, if it led nowhere.
    fn take(&self) -> Sql {
        sql!(
            "  UPDATE {} AS o SET {} = t.{} FROM {} AS t WHERE {} AND {} AND {} AND {};\n  RETURN NULL;",
            self.table,
            self.column,
            self.far,
            self.pairs,
            equal("t", &self.near, "NEW", &self.near),
            equal("t", &self.far, "NEW", &self.far),
            self.met(),
            self.says_nothing("o")
        )
    }

    /// A pair went: the key leads to another, if it led there.
    fn leave(&self) -> Sql {
        let gone = sql!(
            "{} AND {} AND NOT EXISTS (SELECT 1 FROM {} AS t WHERE {} AND {})",
            equal("o", &self.key, "OLD", &self.near),
            equal("o", &self.column, "OLD", &self.far),
            self.pairs,
            self.met(),
            equal("t", &self.far, "o", &self.column)
        );
        sql!("  {};\n  RETURN NULL;", self.next(&gone))
    }

    /// There are no pairs any more: no key leads anywhere.
    fn clear(&self) -> Sql {
        sql!(
            "  UPDATE {} AS o SET {} = {} WHERE NOT ({});\n  RETURN NULL;",
            self.table,
            self.column,
            self.nothing(),
            self.says_nothing("o")
        )
    }

    pub(super) fn fill(&self) -> Sql {
        self.insertion(&sql!("NOT ({})", self.says_nothing("o")), " FOR NO KEY UPDATE")
    }

    pub(super) fn disagree(&self) -> Sql {
        let pair = sql!("SELECT 1 FROM {} AS t WHERE {}", self.pairs, self.met());
        sql!(
            "SELECT count(*) FROM {} AS o WHERE CASE WHEN {} THEN EXISTS ({}) ELSE NOT EXISTS ({} AND {}) END",
            self.table,
            self.says_nothing("o"),
            pair,
            pair,
            equal("t", &self.far, "o", &self.column)
        )
    }

    /// The value of the key, as an expression over a row of the table under its own name.
    pub fn value(&self) -> Sql {
        let table = self.table.name.to_string();
        let least = sql!(
            "(SELECT t.{} FROM {} AS t WHERE {} ORDER BY t.{} LIMIT 1)",
            self.far,
            self.pairs,
            equal("t", &self.near, &table, &self.key),
            self.far
        );
        match &self.absent {
            Some(constant) => sql!("coalesce({}, {})", least, constant),
            None => least,
        }
    }
}

fn equal(one: &str, mine: &Name, other: &str, its: &Name) -> Sql {
    same(one, std::slice::from_ref(mine), other, std::slice::from_ref(its))
}
