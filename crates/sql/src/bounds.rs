//! Which rows a partition takes, and whether the checks of a table that joins say it already: then
//! PostgreSQL does not read the table.
//!
//! PostgreSQL proves it with its whole theorem prover (`predicate_implied_by`). Recognised here is what its
//! manual recommends to write: a check of one column against the very constants of the bounds. All else
//! counts as not proven, so that a scan may be claimed which does not happen, and never the reverse.

use pg_query::protobuf::a_const::Val;
use pg_query::protobuf::node::Node as NodeEnum;
use pg_query::protobuf::{AExpr, AExprKind, BoolExprType, Node, PartitionBoundSpec, PartitionRangeDatumKind};
use serde::Serialize;
use underpin_catalog::{Name, RelationName};

use crate::describe::{names, strings, type_text};
use crate::surroundings::{ConstraintFactsKind, RelationFacts, Surroundings};

/// `FOR VALUES …` of a partition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PartitionBounds {
    /// `IN (…)`, without NULL.
    List(Vec<Constant>),
    /// `FROM (…) TO (…)` of one column; `None` for MINVALUE and MAXVALUE.
    Range {
        /// The least value that it takes.
        from: Option<Constant>,
        /// The least value that is too great.
        to: Option<Constant>,
    },
    /// `DEFAULT`, hashes, several columns, NULL, and what is not a constant.
    Other,
}

/// A constant as a text spells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Constant {
    /// Its digits or its characters.
    pub value: String,
    /// The type that it is cast to, as `format_type` prints it; without one it takes the column's.
    pub of_type: Option<String>,
}

/// What a check demands of a column, where it compares the column with constants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Comparison {
    /// The column.
    pub column: Name,
    /// What is demanded.
    pub demand: Demand,
}

/// How a value compares.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Demand {
    /// `>=`.
    AtLeast(Constant),
    /// `<`.
    Below(Constant),
    /// `=`, `IN`.
    OneOf(Vec<Constant>),
}

/// The bounds of a `FOR VALUES`.
pub(crate) fn bounds(spec: &PartitionBoundSpec) -> PartitionBounds {
    let list: Option<Vec<_>> = spec.listdatums.iter().map(constant).collect();
    match (spec.lowerdatums.as_slice(), spec.upperdatums.as_slice(), list) {
        ([lower], [upper], _) => match (edge(lower), edge(upper)) {
            (Some(from), Some(to)) => PartitionBounds::Range { from, to },
            _ => PartitionBounds::Other,
        },
        ([], [], Some(values)) if !values.is_empty() => PartitionBounds::List(values),
        _ => PartitionBounds::Other,
    }
}

/// One end of a range: nothing where it is open, and no answer where it is no constant. The grammar has
/// MINVALUE and MAXVALUE as names of columns.
fn edge(node: &Node) -> Option<Option<Constant>> {
    match node.node.as_ref()? {
        NodeEnum::PartitionRangeDatum(datum) => match datum.kind() {
            PartitionRangeDatumKind::PartitionRangeDatumValue => constant(datum.value.as_deref()?).map(Some),
            _ => Some(None),
        },
        NodeEnum::ColumnRef(reference) => match strings(&reference.fields).as_slice() {
            [word] if word == "minvalue" || word == "maxvalue" => Some(None),
            _ => None,
        },
        _ => constant(node).map(Some),
    }
}

fn constant(node: &Node) -> Option<Constant> {
    match node.node.as_ref()? {
        NodeEnum::AConst(found) => {
            let value = match found.val.as_ref()? {
                Val::Ival(value) => value.ival.to_string(),
                Val::Fval(value) => value.fval.clone(),
                Val::Sval(value) => value.sval.clone(),
                Val::Boolval(_) | Val::Bsval(_) => return None,
            };
            Some(Constant { value, of_type: None })
        }
        NodeEnum::TypeCast(cast) => {
            let inner = constant(cast.arg.as_deref()?)?;
            let of_type = type_text(cast.type_name.as_ref()?).text;
            inner.of_type.is_none().then_some(Constant { of_type: Some(of_type), ..inner })
        }
        _ => None,
    }
}

/// The comparisons with constants that every row which satisfies `condition` passes, unless it has NULL
/// there.
pub(crate) fn comparisons(condition: &Node) -> Vec<Comparison> {
    match &condition.node {
        Some(NodeEnum::BoolExpr(expression)) if expression.boolop() == BoolExprType::AndExpr => {
            expression.args.iter().flat_map(comparisons).collect()
        }
        Some(NodeEnum::AExpr(expression)) => comparison(expression).into_iter().collect(),
        _ => Vec::new(),
    }
}

fn comparison(expression: &AExpr) -> Option<Comparison> {
    let column = column(expression.lexpr.as_deref()?)?;
    let right = expression.rexpr.as_deref()?;
    let operator = strings(&expression.name);
    // An operator of a named schema is somebody's own.
    let [operator] = operator.as_slice() else { return None };
    let demand = match (expression.kind(), operator.as_str()) {
        (AExprKind::AexprOp, ">=") => Demand::AtLeast(constant(right)?),
        (AExprKind::AexprOp, "<") => Demand::Below(constant(right)?),
        (AExprKind::AexprOp, "=") => Demand::OneOf(vec![constant(right)?]),
        (AExprKind::AexprIn | AExprKind::AexprOpAny, "=") => Demand::OneOf(elements(right)?),
        _ => return None,
    };
    Some(Comparison { column, demand })
}

/// A column, as such or read as text, which changes no value of `varchar`.
fn column(node: &Node) -> Option<Name> {
    match node.node.as_ref()? {
        NodeEnum::ColumnRef(reference) => names(&reference.fields).pop(),
        NodeEnum::TypeCast(cast) if type_text(cast.type_name.as_ref()?).text == "text" => {
            column(cast.arg.as_deref()?)
        }
        _ => None,
    }
}

fn elements(node: &Node) -> Option<Vec<Constant>> {
    match node.node.as_ref()? {
        NodeEnum::List(list) => list.items.iter().map(constant).collect(),
        NodeEnum::AArrayExpr(array) => array.elements.iter().map(constant).collect(),
        // `pg_get_expr` prints a list of `varchar` as an array that is cast to `text[]`.
        NodeEnum::TypeCast(cast) => elements(cast.arg.as_deref()?),
        _ => None,
    }
}

/// Whether checks of a table that is to become a partition say already that each of its rows lies within
/// `bounds`.
pub(crate) fn is_proven(
    around: &Surroundings,
    parent: &RelationName,
    partition: &RelationName,
    bounds: &PartitionBounds,
) -> bool {
    match (around.relation(parent).map(|facts| facts.partition_key.as_slice()), around.relation(partition)) {
        (Some([key]), Some(facts)) => lies_within(facts, key, bounds),
        _ => false,
    }
}

fn lies_within(facts: &RelationFacts, key: &Name, bounds: &PartitionBounds) -> bool {
    let Some(column) = facts.column(key) else { return false };
    let checks = || {
        facts
            .constraints
            .iter()
            .filter(|known| known.kind == ConstraintFactsKind::Check && known.validated && known.enforced)
    };
    let equal = |ours: &Constant, theirs: &Constant| {
        let fits = |constant: &Constant| {
            constant.of_type.as_ref().is_none_or(|of_type| {
                *of_type == column.type_sql || is_text(of_type) && is_text(&column.type_sql)
            })
        };
        ours.value == theirs.value && fits(ours) && fits(theirs)
    };
    let demanded = |holds: &dyn Fn(&Demand) -> bool| {
        checks().any(|check| check.compares.iter().any(|found| found.column == *key && holds(&found.demand)))
    };
    // A check passes when the column is NULL.
    let never_null = column.not_null || checks().any(|check| check.proves_not_null.contains(key));
    never_null
        && match bounds {
            PartitionBounds::List(values) => demanded(&|demand| {
                matches!(demand, Demand::OneOf(found)
                    if found.iter().all(|one| values.iter().any(|value| equal(one, value))))
            }),
            PartitionBounds::Range { from, to } => {
                let above = from.as_ref().is_none_or(|from| {
                    demanded(&|demand| matches!(demand, Demand::AtLeast(found) if equal(found, from)))
                });
                let below = to.as_ref().is_none_or(|to| {
                    demanded(&|demand| matches!(demand, Demand::Below(found) if equal(found, to)))
                });
                above && below
            }
            PartitionBounds::Other => false,
        }
}

fn is_text(of_type: &str) -> bool {
    of_type == "text" || of_type.starts_with("character varying")
}
