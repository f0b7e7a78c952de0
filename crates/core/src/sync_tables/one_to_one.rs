//! Columns of a table, and columns of another one that leads to it by a unique foreign key.
//!
//! What each kind of statement means:
//!
//! - Whoever writes the columns in the *owner* writes them in the row of the *other* table. Where there is no such
//!   row, one is made, unless the columns have nothing to say (each is what it is where there is no row).
//! - Whoever writes the columns in the other table writes them in the owner. Whoever deletes the row, or lets it lead
//!   elsewhere, deletes what was in it: the owner's columns have nothing to say any more.
//! - Which of the two is old and which is new makes no difference here.

mod rows;

use underpin_catalog::{Name, RelationName, Sql, sql};

use super::names::Names;
use super::{Made, Trigger, field, fields, joined, row_of, same, updates};
use crate::sync::Others;

/// The columns, and how one table leads to the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OneToOne {
    /// The table that is led to, with its namespace.
    pub owner: RelationName,
    /// The columns that are led to.
    pub key: Vec<Name>,
    /// The table that leads there, with its namespace.
    pub other: RelationName,
    /// Its columns that do, which are unique.
    pub link: Vec<Name>,
    /// The columns that say the same.
    pub columns: Vec<Moved>,
    /// What a row of the other table has besides when a trigger makes it: expressions over the row of the owner.
    pub made: Vec<(Name, Sql)>,
    /// What a row of the other table is.
    pub row: Row,
    /// Whether the foreign key refuses that the owner's row is deleted while the other is there.
    pub keeps_owner: bool,
    /// Who else assigns columns of the owner.
    pub owner_others: Others,
    /// Who else assigns columns of the other table.
    pub other_others: Others,
}

/// What a row of the other table is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Row {
    /// It came for these columns. When they have nothing to say any more, it goes; but not where its own columns can
    /// be empty.
    Fact {
        /// Whether they refuse NULL.
        goes: bool,
    },
    /// It is there in its own right, and both releases make it. Where a trigger has made it before a client does, the
    /// client's takes its place, unless it has been written to meanwhile. An upsert that finds nothing but such a row
    /// creates, as it would have without us.
    Own {
        /// A column of the other table, a `boolean` that is there for so long: which rows a trigger has made.
        mark: Name,
        /// A condition over `t`: nobody else has written to it.
        untouched: Sql,
    },
}

/// A column that is in both tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// Its name in the owner.
    pub owner: Name,
    /// Its name in the other table.
    pub other: Name,
    /// Its type in both, as `CREATE TABLE` says it.
    pub data_type: Sql,
    /// What the owner's column is where there is nothing to say, if not NULL: a constant.
    pub absent: Option<Sql>,
    /// What the other's column is where the owner's is NULL, if not NULL: a constant.
    pub instead: Option<Sql>,
}

impl Moved {
    /// What the other's column becomes of a row of the owner.
    fn up(&self, row: &str) -> Sql {
        self.replaced(&field(row, &self.owner), self.instead.as_ref())
    }

    /// What the owner's column becomes of a row of the other table.
    fn down(&self, row: &str) -> Sql {
        self.replaced(&field(row, &self.other), self.absent.as_ref())
    }

    fn replaced(&self, column: &Sql, constant: Option<&Sql>) -> Sql {
        match constant {
            Some(constant) => sql!("CAST(coalesce({}, {}) AS {})", column, constant, self.data_type),
            None => column.clone(),
        }
    }

    /// What the owner's column is where there is nothing to say.
    fn nothing(&self) -> Sql {
        match &self.absent {
            Some(constant) => sql!("CAST({} AS {})", constant, self.data_type),
            None => Sql::verbatim("NULL"),
        }
    }

    fn says_nothing(&self, row: &str) -> Sql {
        let column = field(row, &self.owner);
        match &self.absent {
            Some(_) => sql!("pg_catalog.record_image_eq(ROW({}), ROW({}))", column, self.nothing()),
            None => sql!("{} IS NULL", column),
        }
    }
}

impl OneToOne {
    /// The same with other names for the tables.
    #[must_use]
    pub fn named(&self, name: impl Fn(&RelationName) -> RelationName) -> Self {
        Self { owner: name(&self.owner), other: name(&self.other), ..self.clone() }
    }

    fn own(&self) -> Vec<Name> {
        self.columns.iter().map(|column| column.owner.clone()).collect()
    }

    fn its(&self) -> Vec<Name> {
        self.columns.iter().map(|column| column.other.clone()).collect()
    }

    /// The owner's row `row` has nothing to say.
    fn says_nothing(&self, row: &str) -> Sql {
        joined(" AND ", self.columns.iter().map(|column| column.says_nothing(row)))
    }

    /// `t` is not what `o` becomes, nor the reverse.
    fn differ(&self) -> Sql {
        let ups: Vec<Sql> = self.columns.iter().map(|column| column.up("o")).collect();
        let downs: Vec<Sql> = self.columns.iter().map(|column| column.down("t")).collect();
        let (owns, others) = (fields("o", &self.own()), fields("t", &self.its()));
        let one = sql!("pg_catalog.record_image_ne(ROW({}), ROW({}))", others, ups);
        match self.columns.iter().any(|column| column.absent.is_some() || column.instead.is_some()) {
            true => sql!("{} AND pg_catalog.record_image_ne(ROW({}), ROW({}))", one, owns, downs),
            false => one,
        }
    }

    /// `t` leads to `o`.
    fn met(&self) -> Sql {
        same("t", &self.link, "o", &self.key)
    }

    fn sets(columns: &[Moved], name: impl Fn(&Moved) -> &Name, value: impl Fn(&Moved) -> Sql) -> Sql {
        joined(", ", columns.iter().map(|column| sql!("{} = {}", name(column), value(column))))
    }

    /// What inserts the rows of the other table for rows `o` that meet this condition; how conflicts end is left open.
    fn insertion(&self, condition: &Sql, lock: &str) -> Sql {
        let mut names = self.link.clone();
        names.extend(self.its());
        names.extend(self.made.iter().map(|(name, _)| name.clone()));
        let mut values = fields("o", &self.key);
        values.extend(self.columns.iter().map(|column| column.up("o")));
        values.extend(self.made.iter().map(|(_, value)| row_of(value, "o")));
        if let Row::Own { mark, .. } = &self.row {
            names.push(mark.clone());
            values.push(Sql::verbatim("true"));
        }
        sql!(
            "INSERT INTO {} AS kept ({}) SELECT {} FROM {} AS o WHERE {}{} ON CONFLICT ({})",
            self.other,
            names,
            values,
            self.owner,
            condition,
            Sql::verbatim(lock),
            self.link
        )
    }

    pub(super) fn made(&self) -> Made {
        let tables = [&self.owner, &self.other];
        let columns = self.columns.iter().flat_map(|column| [&column.owner, &column.other]);
        let names = Names::of(tables, columns.chain(&self.link));
        let (owner, other) = (&self.owner, &self.other);
        let put = names.function(owner, "put");
        let (lock, meet) = (names.function(other, "lock"), names.function(other, "meet"));
        let (take, leave) = (names.function(other, "take"), names.function(other, "leave"));
        let clear = names.function(other, "clear");
        let trigger =
            |role: &str, event: Sql, table: &RelationName, when: Sql, function: &RelationName| Trigger {
                name: names.trigger(role),
                event,
                table: table.clone(),
                each: "ROW",
                when,
                function: function.clone(),
            };
        let always = Sql::verbatim("");
        let mut written = self.link.clone();
        written.extend(self.its());
        let of_other = |columns: &[Name]| updates(columns, self.other_others);
        let mut made = Made {
            columns: Vec::new(),
            functions: vec![
                (put.clone(), self.put()),
                (lock.clone(), self.lock()),
                (meet.clone(), self.meet()),
                (take.clone(), self.take()),
                (leave.clone(), self.leave()),
                (clear.clone(), self.clear()),
            ],
            triggers: vec![
                trigger(
                    "6_insert",
                    Sql::verbatim("AFTER INSERT"),
                    owner,
                    sql!("WHEN (NOT ({})) ", self.says_nothing("NEW")),
                    &put,
                ),
                trigger(
                    "6_update",
                    sql!("AFTER {}", updates(&self.own(), self.owner_others)),
                    owner,
                    always.clone(),
                    &put,
                ),
                trigger(
                    "6_lock",
                    sql!("BEFORE DELETE OR {}", of_other(&written)),
                    other,
                    always.clone(),
                    &lock,
                ),
                trigger("6_meet", Sql::verbatim("BEFORE INSERT"), other, always.clone(), &meet),
                trigger(
                    "6_take",
                    sql!("AFTER INSERT OR {}", of_other(&written)),
                    other,
                    always.clone(),
                    &take,
                ),
                trigger(
                    "6_leave",
                    sql!("AFTER DELETE OR {}", of_other(&self.link)),
                    other,
                    always.clone(),
                    &leave,
                ),
                Trigger::on_truncate(names.trigger("6_clear"), other, &clear),
            ],
        };
        if let Row::Own { mark, .. } = &self.row {
            made.columns.push((other.clone(), mark.clone()));
        }
        if self.keeps_owner {
            let part = names.function(owner, "part");
            let body = sql!(
                "  DELETE FROM {} AS t WHERE {};\n  RETURN NULL;",
                other,
                same("t", &self.link, "OLD", &self.key)
            );
            made.functions.push((part.clone(), body));
            made.triggers.push(Trigger {
                name: names.early_trigger("part"),
                event: Sql::verbatim("AFTER DELETE"),
                table: owner.clone(),
                each: "ROW",
                when: always,
                function: part,
            });
        }
        made
    }

    /// The owner's row was written: the other gets what it says.
    fn put(&self) -> Sql {
        let this = same("o", &self.key, "NEW", &self.key);
        let goes = matches!(self.row, Row::Fact { goes: true });
        let nothing = self.says_nothing("o");
        let mut steps = vec![sql!(
            "  UPDATE {} AS t SET {} FROM {} AS o WHERE {} AND {} AND {}{};",
            self.other,
            Self::sets(&self.columns, |column| &column.other, |column| column.up("o")),
            self.owner,
            this,
            self.met(),
            self.differ(),
            if goes { sql!(" AND NOT ({})", nothing) } else { Sql::verbatim("") }
        )];
        if goes {
            steps.push(sql!(
                "  DELETE FROM {} AS t USING {} AS o WHERE {} AND {} AND {};",
                self.other,
                self.owner,
                this,
                self.met(),
                nothing
            ));
        }
        let lacks = sql!(
            "{} AND NOT ({}) AND NOT EXISTS (SELECT 1 FROM {} AS t WHERE {})",
            this,
            nothing,
            self.other,
            self.met()
        );
        steps.push(sql!(
            "  {} DO UPDATE SET {};\n  RETURN NULL;",
            self.insertion(&lacks, ""),
            Self::sets(&self.columns, |column| &column.other, |column| field("EXCLUDED", &column.other))
        ));
        joined("\n", steps.into_iter())
    }

    /// A row of the other table is about to be changed or deleted: nobody changes the owner's meanwhile.
    fn lock(&self) -> Sql {
        sql!(
            "  PERFORM 1 FROM {} AS o WHERE {} FOR NO KEY UPDATE;\n  IF TG_OP = 'DELETE' THEN\n    RETURN OLD;\n  END IF;\n  RETURN NEW;",
            self.owner,
            same("o", &self.key, "OLD", &self.link)
        )
    }

    /// A row of the other table is about to be inserted: the owner's is locked first.
    fn meet(&self) -> Sql {
        let this = same("o", &self.key, "NEW", &self.link);
        let mut steps = vec![sql!("  PERFORM 1 FROM {} AS o WHERE {} FOR NO KEY UPDATE;", self.owner, this)];
        if let Row::Own { mark, untouched } = &self.row {
            let columns = fields("NEW", &self.its());
            let nulls = joined(" AND ", columns.iter().map(|column| sql!("{} IS NULL", column)));
            let ups: Vec<Sql> = self.columns.iter().map(|column| column.up("o")).collect();
            steps.push(sql!(
                "  IF {} THEN\n    SELECT {} INTO {} FROM {} AS o WHERE {};\n  END IF;",
                nulls,
                ups,
                columns,
                self.owner,
                this
            ));
            steps.push(sql!(
                "  DELETE FROM {} AS t WHERE {} AND t.{} AND {};",
                self.other,
                same("t", &self.link, "NEW", &self.link),
                mark,
                untouched
            ));
        }
        steps.push(Sql::verbatim("  RETURN NEW;"));
        joined("\n", steps.into_iter())
    }

    /// A row of the other table was written: the owner gets what it says.
    fn take(&self) -> Sql {
        sql!(
            "  UPDATE {} AS o SET {} FROM {} AS t WHERE {} AND {} AND {};\n  RETURN NULL;",
            self.owner,
            Self::sets(&self.columns, |column| &column.owner, |column| column.down("t")),
            self.other,
            same("t", &self.link, "NEW", &self.link),
            self.met(),
            self.differ()
        )
    }

    /// A row of the other table went, or leads elsewhere: the owner that it led to has nothing to say.
    fn leave(&self) -> Sql {
        sql!(
            "  UPDATE {} AS o SET {} WHERE {} AND NOT ({}) AND NOT EXISTS (SELECT 1 FROM {} AS t WHERE {});\n  RETURN NULL;",
            self.owner,
            Self::sets(&self.columns, |column| &column.owner, Moved::nothing),
            same("o", &self.key, "OLD", &self.link),
            self.says_nothing("o"),
            self.other,
            self.met()
        )
    }

    /// The other table was emptied: no owner has anything to say.
    fn clear(&self) -> Sql {
        sql!(
            "  UPDATE {} AS o SET {} WHERE NOT ({});\n  RETURN NULL;",
            self.owner,
            Self::sets(&self.columns, |column| &column.owner, Moved::nothing),
            self.says_nothing("o")
        )
    }
}
