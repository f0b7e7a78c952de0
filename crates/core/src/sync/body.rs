//! What the functions contain.
//!
//! A body assigns columns and calls functions by their full names, and has no operators. So no setting of the
//! client can change what it does. Values are compared by their bytes, because equality would take a change of case for no change in a `citext`, and has no answer at
//! all for `json`.
//!
//! An expression of a user becomes a function of its own with a `RETURN` (PostgreSQL 14), which is parsed when
//! it is created: names that do not exist are found then and not in a client's statement, and the search path
//! of that moment is used ever after. PostgreSQL puts its expression in the place of the call.

use underpin_catalog::{Name, RelationName, Sql, SqlPart, sql};

use super::names::{Names, PairNames};
use super::{Pair, Shape, Synced, Value};

/// A function that makes the value of one column.
pub(super) struct ValueFunction<'a> {
    pub(super) name: RelationName,
    shape: &'a Shape,
    expression: &'a Sql,
    /// What it is made of.
    from: &'a [Shape],
}

/// The functions that a pair has for its expressions.
pub(super) fn value_functions<'a>(
    pair: &'a Pair,
    names: &'a PairNames,
) -> impl Iterator<Item = ValueFunction<'a>> {
    let side = |direction, shapes: &'a [Shape], from: &'a [Shape]| {
        shapes.iter().enumerate().filter_map(move |(at, shape)| match &shape.value {
            Value::Same(_) => None,
            Value::Expression(expression) => {
                Some(ValueFunction { name: names.value(direction, at), shape, expression, from })
            }
        })
    };
    side("up", &pair.after, &pair.before).chain(side("down", &pair.before, &pair.after))
}

/// What creates them.
pub(super) fn values(synced: &Synced, names: &Names) -> Vec<Sql> {
    let pairs = synced.pairs.iter().zip(&names.pairs);
    let create = |value: ValueFunction<'_>| {
        let parameters: Vec<_> =
            value.from.iter().map(|shape| sql!("{} {}", shape.column, shape.data_type)).collect();
        let data_type = &value.shape.data_type;
        [
            sql!(
                "CREATE FUNCTION {}({}) RETURNS {} LANGUAGE sql RETURN CAST({} AS {})",
                value.name,
                parameters,
                data_type,
                value.expression,
                data_type,
            ),
            // Every client that writes the table calls it, whatever the default privileges are.
            sql!("GRANT EXECUTE ON FUNCTION {} TO PUBLIC", value.name),
        ]
    };
    pairs.flat_map(|(pair, of)| value_functions(pair, of).flat_map(create)).collect()
}

/// A trigger function with this body.
pub(super) fn function(name: &RelationName, statements: &Sql) -> Sql {
    let text = statements.as_str();
    let mut tag = "$underpin$".to_owned();
    while text.contains(&tag) {
        tag.insert(1, '_');
    }
    Sql::verbatim(format!(
        "CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS {tag}\nBEGIN\n{text}\n  RETURN NEW;\nEND\n{tag}"
    ))
}

/// For a new row: whose is it, and what is the other shape?
pub(super) fn insert(synced: &Synced, names: &Names) -> Sql {
    joined(synced.pairs.iter().zip(&names.pairs).map(|(pair, of)| {
        let sides = Sides { pair, of };
        let (up, down) = (sides.assign_after("    "), sides.assign_before("    "));
        let after_is_null = all_null(&pair.after);
        if sides.is_same() {
            return sql!("  IF {} THEN\n{}\n  ELSE\n{}\n  END IF;", after_is_null, up, down);
        }
        // Where both are NULL, either mapping may have a value for that.
        let both_are_null = sql!("{} AND {}", after_is_null, all_null(&pair.before));
        sql!(
            "  IF {} THEN\n{}\n    IF {} THEN\n{}\n    END IF;\n  ELSIF {} THEN\n{}\n  END IF;",
            after_is_null,
            up,
            both_are_null,
            sides.assign_before("      "),
            sides.after_differs(),
            down
        )
    }))
}

/// For an update that sets the new shape.
pub(super) fn take_after(pair: &Pair, of: &PairNames) -> Sql {
    let sides = Sides { pair, of };
    if sides.is_same() {
        return sides.assign_before("  ");
    }
    sql!("  IF {} THEN\n{}\n  END IF;", sides.after_differs(), sides.assign_before("    "))
}

/// For an update that sets the old shape.
pub(super) fn take_before(pair: &Pair, of: &PairNames) -> Sql {
    let sides = Sides { pair, of };
    if sides.is_same() {
        return sides.assign_after("  ");
    }
    sql!("  IF {} THEN\n{}\n  END IF;", sides.before_differs(), sides.assign_after("    "))
}

/// For an update of anything: what did the table's own triggers assign? A row without a new shape gets it.
pub(super) fn changed(synced: &Synced, names: &Names) -> Sql {
    joined(synced.pairs.iter().zip(&names.pairs).map(|(pair, of)| {
        let sides = Sides { pair, of };
        let differ = match sides.is_same() {
            true => sides.after_differs(),
            false => sql!("{} AND {}", sides.after_differs(), sides.before_differs()),
        };
        let is_changed = |shapes: &[Shape]| differs(&fields("NEW", shapes), &fields("OLD", shapes));
        sql!(
            "  IF {} THEN\n    IF {} OR {} THEN\n{}\n    ELSIF {} THEN\n{}\n    END IF;\n  END IF;",
            differ,
            is_changed(&pair.before),
            all_null(&pair.after),
            sides.assign_after("      "),
            is_changed(&pair.after),
            sides.assign_before("      ")
        )
    }))
}

/// Both shapes in the row at hand.
struct Sides<'a> {
    pair: &'a Pair,
    of: &'a PairNames,
}

impl Sides<'_> {
    /// Whether either shape is the other as it is, so that assigning needs no question first.
    fn is_same(&self) -> bool {
        let mut shapes = self.pair.before.iter().chain(&self.pair.after);
        shapes.all(|shape| matches!(shape.value, Value::Same(_)))
    }

    fn assign_after(&self, indent: &str) -> Sql {
        self.assign("up", &self.pair.after, &self.pair.before, indent)
    }

    fn assign_before(&self, indent: &str) -> Sql {
        self.assign("down", &self.pair.before, &self.pair.after, indent)
    }

    fn assign(&self, direction: &str, shapes: &[Shape], from: &[Shape], indent: &str) -> Sql {
        let line = |(at, shape): (usize, &Shape)| {
            let value = match &shape.value {
                Value::Same(column) => field("NEW", column),
                Value::Expression(_) => self.call(direction, at, from),
            };
            sql!("{} := {};", field("NEW", &shape.column), value)
        };
        let lines: Vec<_> = shapes.iter().enumerate().map(line).collect();
        Sql::verbatim(lines.iter().map(|line| format!("{indent}{line}")).collect::<Vec<_>>().join("\n"))
    }

    fn call(&self, direction: &str, at: usize, from: &[Shape]) -> Sql {
        sql!("{}({})", self.of.value(direction, at), fields("NEW", from))
    }

    /// The new shape is not what the old becomes.
    fn after_differs(&self) -> Sql {
        self.differs_from_made("up", &self.pair.after, &self.pair.before)
    }

    /// The old shape is not what the new becomes.
    fn before_differs(&self) -> Sql {
        self.differs_from_made("down", &self.pair.before, &self.pair.after)
    }

    fn differs_from_made(&self, direction: &str, shapes: &[Shape], from: &[Shape]) -> Sql {
        let made = shapes.iter().enumerate().map(|(at, shape)| match &shape.value {
            // Rows are compared of equal types only.
            Value::Same(column) => sql!("CAST({} AS {})", field("NEW", column), shape.data_type),
            Value::Expression(_) => self.call(direction, at, from),
        });
        differs(&fields("NEW", shapes), &made.collect::<Vec<_>>())
    }
}

fn differs(ours: &Vec<Sql>, made: &Vec<Sql>) -> Sql {
    sql!("pg_catalog.record_image_ne(ROW({}), ROW({}))", ours, made)
}

fn all_null(shapes: &[Shape]) -> Sql {
    let nulls: Vec<_> = fields("NEW", shapes).iter().map(|field| format!("{field} IS NULL")).collect();
    Sql::verbatim(nulls.join(" AND "))
}

fn fields(row: &str, shapes: &[Shape]) -> Vec<Sql> {
    shapes.iter().map(|shape| field(row, &shape.column)).collect()
}

fn field(row: &str, column: &Name) -> Sql {
    Sql::verbatim(format!("{row}.{}", column.part()))
}

fn joined(parts: impl Iterator<Item = Sql>) -> Sql {
    Sql::verbatim(parts.map(|part| part.to_string()).collect::<Vec<_>>().join("\n"))
}
