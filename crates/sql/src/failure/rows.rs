//! What rows may refuse: NULLs, equal keys, references to nothing, values that do not fit. Each with a query
//! that finds the rows, where one can be written.
//!
//! The queries read and change nothing, end at the first [`ROWS_SHOWN`] rows, and name everything with its
//! namespace.

mod narrowing;

use pg_query::protobuf::node::Node as NodeEnum;
use pg_query::protobuf::{ConstrType, IndexStmt, LimitOption, Node, ResTarget, SelectStmt, SetOperation};
use underpin_catalog::{Name, RelationName};

use super::{Asked, Certainty, FailureKind, Found};
use crate::bounds::is_proven;
use crate::effect::{AddColumn, AddConstraint, ColumnDefault, ConstraintKind, CreateTable, Effect};
use crate::surroundings::{ConstraintFactsKind, RelationKind, Surroundings};
use crate::work::is_not_null;

/// As many rows as a person reads.
const ROWS_SHOWN: u32 = 10;

/// The rows of a table for which a statement is refused. Expressions name columns bare, or behind the table's own
/// name or [`Culprits::OWN`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Culprits {
    /// Each of them.
    All,
    /// Each of them, when there is more than one.
    AllOfSeveral,
    /// Those that satisfy a condition.
    Where(String),
    /// Those that satisfy a condition in which the table is called [`Culprits::OWN`].
    OwnWhere(String),
    /// Those that are equal to another one in these expressions.
    Equal {
        /// The expressions.
        keys: Vec<String>,
        /// Which rows are compared at all; `None` for all of them.
        among: Option<String>,
    },
}

impl Culprits {
    /// What conditions that speak of another table too call their own one.
    pub const OWN: &'static str = "own";

    /// A query that returns some of them: these columns, or all where none is given.
    fn sample(&self, table: &RelationName, shown: &[String]) -> String {
        let listed = if shown.is_empty() { "*".to_owned() } else { shown.join(", ") };
        match self {
            Self::All => format!("SELECT * FROM {table} LIMIT 1"),
            Self::AllOfSeveral => format!("SELECT * FROM {table} OFFSET 1 LIMIT 1"),
            Self::Where(condition) => {
                format!("SELECT {listed} FROM {table} WHERE {condition} LIMIT {ROWS_SHOWN}")
            }
            Self::OwnWhere(condition) => {
                format!("SELECT {listed} FROM {table} AS {} WHERE {condition} LIMIT {ROWS_SHOWN}", Self::OWN)
            }
            Self::Equal { keys, among } => {
                let keys = keys.join(", ");
                let among = among.as_ref().map(|among| format!(" WHERE {among}")).unwrap_or_default();
                format!(
                    "SELECT {keys}, count(*) FROM {table}{among} GROUP BY {keys} HAVING count(*) > 1 LIMIT {ROWS_SHOWN}"
                )
            }
        }
    }
}

/// Culprits, and the columns by which some of them are shown.
type Query = (Culprits, Vec<String>);

pub(super) fn find(asked: &Asked<'_>, effect: &Effect, found: &mut Found<'_>) {
    let around = asked.around;
    match effect {
        Effect::AddColumn(added) if has_rows(around, &added.table) => {
            let is_there =
                around.relation(&added.table).is_some_and(|facts| facts.column(&added.column).is_some());
            if added.not_null && added.default == ColumnDefault::None && !is_there {
                let table = around.resolve(&added.table);
                let why =
                    format!("every row of {} would have NULL in {}", table.shown(), added.column.as_str());
                let all = Some((Culprits::All, Vec::new()));
                tell(found, "23502", &table, std::slice::from_ref(&added.column), why, all);
            } else if !is_there {
                beside_column(around, added, found);
            }
        }
        Effect::SetNotNull { table, column } if has_rows(around, table) => {
            not_null(asked, table, column, found)
        }
        Effect::AddConstraint(added) if has_rows(around, &added.table) => constraint(asked, added, found),
        Effect::ValidateConstraint { table, constraint } if has_rows(around, table) => {
            validated(asked, table, constraint, found);
        }
        Effect::CreateIndex(created) if created.unique && has_rows(around, &created.table) => {
            let is_there = created.name.as_ref().is_some_and(|name| {
                created.if_not_exists && around.is(&created.table.sibling(name.clone())).is_some()
            });
            if !is_there && !created.only {
                unique_index(asked, &created.table, &created.reads, found);
            }
        }
        Effect::ChangeColumnType { table, .. } if has_rows(around, table) => {
            narrowing::find(asked, effect, found);
        }
        Effect::AttachPartition { table, partition, bounds }
            if has_rows(around, partition) && !is_proven(around, table, partition, bounds) =>
        {
            let why = format!(
                "a row of {} may belong to no such partition of {}",
                partition.shown(),
                table.shown()
            );
            tell(found, "23514", &around.resolve(partition), &[], why, None);
            default_partition(around, table, found);
        }
        Effect::AttachPartition { table, .. } => default_partition(around, table, found),
        Effect::CreateTable(CreateTable { partition_of: Some(parent), default_partition: false, .. }) => {
            default_partition(around, parent, found);
        }
        Effect::DetachPartition { table, partition, .. } => {
            let referenced = around.relation(table).is_some_and(|facts| !facts.referenced_by.is_empty());
            if referenced && has_rows(around, partition) {
                let why = format!("rows of {} may be referenced", partition.shown());
                tell(found, "23503", &around.resolve(partition), &[], why, None);
            }
        }
        Effect::ConstrainDomain { name, checks: true } => {
            let user = around.type_facts(name).and_then(|facts| facts.used_by.first());
            if let Some(user) = user.filter(|user| has_rows(around, user)) {
                let why = format!("values of {} in {} may not satisfy it", name.shown(), user.shown());
                tell(found, "23514", user, &[], why, None);
            }
        }
        _ => {}
    }
}

/// Rows that no partition takes are in the default one, and must not belong to the new one.
fn default_partition(around: &Surroundings, parent: &RelationName, found: &mut Found<'_>) {
    let default = around.relation(parent).and_then(|facts| facts.default_partition.as_ref());
    if let Some(default) = default.filter(|default| has_rows(around, default)) {
        let why = format!("rows of the default partition {} may belong to the new one", default.shown());
        tell(found, "23514", default, &[], why, None);
    }
}

/// Constraints beside a new column, whose rows all have its default.
fn beside_column(around: &Surroundings, added: &AddColumn, found: &mut Found<'_>) {
    let table = around.resolve(&added.table);
    let columns = std::slice::from_ref(&added.column);
    let has_value = matches!(added.default, ColumnDefault::Constant | ColumnDefault::Calls(_));
    for constraint in added.constraints.iter().filter(|_| has_value) {
        match &constraint.kind {
            ConstraintKind::Unique | ConstraintKind::PrimaryKey => {
                let why =
                    format!("all rows of {} would have the same {}", table.shown(), added.column.as_str());
                let all = Some((Culprits::AllOfSeveral, Vec::new()));
                tell(found, "23505", &table, columns, why, all);
            }
            ConstraintKind::Check => {
                let why = format!("the default of {} may not satisfy its check", added.column.as_str());
                tell(found, "23514", &table, columns, why, None);
            }
            ConstraintKind::ForeignKey { references, .. } => {
                let why =
                    format!("{} may not have the default of {}", references.shown(), added.column.as_str());
                tell(found, "23503", &table, columns, why, None);
            }
            ConstraintKind::Exclude | ConstraintKind::NotNull => {}
        }
    }
}

/// It may have rows: it is a table, and not known to be empty.
fn has_rows(around: &Surroundings, table: &RelationName) -> bool {
    around.relation(table).is_none_or(|facts| {
        matches!(facts.kind, RelationKind::Table | RelationKind::Partitioned | RelationKind::MaterializedView)
            && facts.bytes != Some(0)
    })
}

fn tell(
    found: &mut Found<'_>,
    sqlstate: &'static str,
    table: &RelationName,
    columns: &[Name],
    why: String,
    query: Option<Query>,
) {
    found.push(FailureKind::Rows, sqlstate, Certainty::IfRows, table.shown(), why);
    if let Some(last) = found.all.last_mut() {
        last.check = query.as_ref().map(|(culprits, shown)| culprits.sample(table, shown));
        last.culprits = query.map(|(culprits, _)| culprits);
        last.table = Some(table.clone());
        last.columns = columns.to_vec();
    }
}

fn not_null(asked: &Asked<'_>, table: &RelationName, column: &Name, found: &mut Found<'_>) {
    let around = asked.around;
    let name = around.resolve(table);
    let added = asked.statement.effects.iter().find_map(|other| match other {
        Effect::AddColumn(added) if added.column == *column => Some(added),
        _ => None,
    });
    if let Some(added) = added {
        // SET DEFAULT in the same statement comes behind the rows; what is added NOT NULL is told there.
        if added.default == ColumnDefault::None && !added.not_null && !added.if_not_exists {
            let why = format!("every row of {} would have NULL in {}", name.shown(), column.as_str());
            let all = Some((Culprits::All, Vec::new()));
            tell(found, "23502", &name, std::slice::from_ref(column), why, all);
        }
        return;
    }
    if is_not_null(around, table, column) {
        return;
    }
    let check = sample(around, &name, std::slice::from_ref(column), format!("{column} IS NULL"));
    let why = format!("rows of {} may have NULL in {}", name.shown(), column.as_str());
    tell(found, "23502", &name, std::slice::from_ref(column), why, Some(check));
}

fn constraint(asked: &Asked<'_>, added: &AddConstraint, found: &mut Found<'_>) {
    let around = asked.around;
    if added.not_valid || added.not_enforced {
        return;
    }
    let name = around.resolve(&added.table);
    match &added.kind {
        ConstraintKind::Unique | ConstraintKind::PrimaryKey => {
            if added.kind == ConstraintKind::PrimaryKey {
                for column in &added.columns {
                    not_null(asked, &added.table, column, found);
                }
            }
            let proven = is_unique_already(asked, &name, &added.columns);
            if added.using_index.is_none() && !added.columns.is_empty() && !proven {
                let distinct = asked.constraint(found.at).is_none_or(|own| !own.nulls_not_distinct);
                let keys: Vec<String> = added.columns.iter().map(Name::to_string).collect();
                let nullable = if distinct { keys.clone() } else { Vec::new() };
                duplicates(found, &name, &added.columns, &keys, &nullable, None);
            }
        }
        ConstraintKind::Check => {
            let condition = asked
                .constraint(found.at)
                .filter(|own| own.contype() == ConstrType::ConstrCheck)
                .and_then(|own| own.raw_expr.as_deref())
                .and_then(expression);
            let check = condition
                .map(|condition| sample(around, &name, &added.columns, format!("NOT ({condition})")));
            let why = format!("rows of {} may not satisfy the condition", name.shown());
            tell(found, "23514", &name, &added.columns, why, check);
        }
        ConstraintKind::ForeignKey { references, columns, .. } => {
            orphans(asked, &name, &added.columns, &around.resolve(references), columns, found);
        }
        ConstraintKind::NotNull => {
            for column in &added.columns {
                not_null(asked, &added.table, column, found);
            }
        }
        ConstraintKind::Exclude => {
            let why = format!("rows of {} may overlap", name.shown());
            tell(found, "23P01", &name, &added.columns, why, None);
        }
    }
}

/// `VALIDATE` looks at the rows that `NOT VALID` left alone.
fn validated(asked: &Asked<'_>, table: &RelationName, constraint: &Name, found: &mut Found<'_>) {
    let around = asked.around;
    let name = around.resolve(table);
    let Some(own) = around.relation(table).and_then(|facts| facts.constraint(constraint)) else { return };
    if own.validated {
        return;
    }
    match (own.kind, &own.referenced) {
        (ConstraintFactsKind::ForeignKey, Some(referenced)) => {
            orphans(asked, &name, &own.columns, referenced, &own.referenced_columns, found);
        }
        (ConstraintFactsKind::NotNull, _) => {
            for column in &own.columns {
                not_null(asked, table, column, found);
            }
        }
        _ => {
            // One that says nothing but IS NOT NULL is told by its columns.
            let nulls: Vec<String> =
                own.proves_not_null.iter().map(|column| format!("{column} IS NULL")).collect();
            let check = (!nulls.is_empty() && own.proves_not_null.len() == own.columns.len())
                .then(|| sample(around, &name, &own.columns, nulls.join(" OR ")));
            let why = format!("rows of {} may not satisfy {}", name.shown(), constraint.as_str());
            tell(found, "23514", &name, &own.columns, why, check);
        }
    }
}

fn unique_index(asked: &Asked<'_>, table: &RelationName, reads: &[Name], found: &mut Found<'_>) {
    let name = asked.around.resolve(table);
    let Some(statement) = asked.index() else { return };
    let plain: Vec<Name> = asked.statement.effects.iter().flat_map(plain_keys).collect();
    if is_unique_already(asked, &name, &plain) {
        return;
    }
    let keys: Option<Vec<String>> = keys(statement);
    let condition = statement.where_clause.as_deref().map(expression);
    match (keys, condition) {
        // What cannot be written has no query.
        (None, _) | (_, Some(None)) => {
            let why = format!("rows of {} may have equal keys", name.shown());
            tell(found, "23505", &name, reads, why, None);
        }
        (Some(keys), condition) => {
            let nullable = if statement.nulls_not_distinct { Vec::new() } else { keys.clone() };
            duplicates(found, &name, reads, &keys, &nullable, condition.flatten().as_deref());
        }
    }
}

/// The columns among the keys of an index.
fn plain_keys(effect: &Effect) -> Vec<Name> {
    match effect {
        Effect::CreateIndex(created) => created.columns.iter().flatten().cloned().collect(),
        _ => Vec::new(),
    }
}

/// Rows that are equal in these columns would be equal in fewer, which a unique index refuses already, or
/// refused until this file dropped it.
fn is_unique_already(asked: &Asked<'_>, table: &RelationName, columns: &[Name]) -> bool {
    let by_index = asked.around.indexes_of(table).any(|(_, index)| {
        index.unique
            && index.valid
            && !index.partial
            && index.columns.iter().all(|key| key.as_ref().is_some_and(|key| columns.contains(key)))
    });
    by_index || asked.so_far.proves_unique(table, columns)
}

/// The keys of an index as expressions.
fn keys(statement: &IndexStmt) -> Option<Vec<String>> {
    statement
        .index_params
        .iter()
        .map(|param| match &param.node {
            Some(NodeEnum::IndexElem(element)) if !element.name.is_empty() => {
                Some(Name::new(&element.name).to_string())
            }
            Some(NodeEnum::IndexElem(element)) => element.expr.as_deref().and_then(expression),
            _ => None,
        })
        .collect()
}

fn duplicates(
    found: &mut Found<'_>,
    table: &RelationName,
    columns: &[Name],
    keys: &[String],
    nullable: &[String],
    condition: Option<&str>,
) {
    // Rows with NULL in a key are never equal.
    let mut conditions: Vec<String> = nullable.iter().map(|key| format!("{key} IS NOT NULL")).collect();
    conditions.extend(condition.map(|condition| format!("({condition})")));
    let among = (!conditions.is_empty()).then(|| conditions.join(" AND "));
    let equal = Culprits::Equal { keys: keys.to_vec(), among };
    let named: Vec<_> = columns.iter().map(Name::as_str).collect();
    let why = format!("rows of {} may be equal in ({})", table.shown(), named.join(", "));
    tell(found, "23505", table, columns, why, Some((equal, Vec::new())));
}

fn orphans(
    asked: &Asked<'_>,
    table: &RelationName,
    columns: &[Name],
    referenced: &RelationName,
    key: &[Name],
    found: &mut Found<'_>,
) {
    let around = asked.around;
    let key = match key {
        [] => around.relations.get(referenced).map(|facts| facts.primary_key.clone()).unwrap_or_default(),
        key => key.to_vec(),
    };
    if asked.so_far.proves_reference(table, columns, referenced, &key) {
        return;
    }
    let check = (key.len() == columns.len() && !key.is_empty()).then(|| {
        let own: Vec<_> = columns.iter().map(|column| format!("{}.{column}", Culprits::OWN)).collect();
        let there: Vec<_> = own.iter().map(|column| format!("{column} IS NOT NULL")).collect();
        let same: Vec<_> =
            key.iter().zip(&own).map(|(key, own)| format!("referenced.{key} = {own}")).collect();
        let lacks = format!(
            "{} AND NOT EXISTS (SELECT FROM {referenced} AS referenced WHERE {})",
            there.join(" AND "),
            same.join(" AND ")
        );
        (Culprits::OwnWhere(lacks), own)
    });
    let why =
        format!("rows of {} may refer to rows that {} does not have", table.shown(), referenced.shown());
    tell(found, "23503", table, columns, why, check);
}

/// Rows of a table that satisfy a condition, by their keys and what it is about.
fn sample(around: &Surroundings, table: &RelationName, columns: &[Name], condition: String) -> Query {
    let mut shown: Vec<&Name> =
        around.relations.get(table).map(|facts| facts.primary_key.iter().collect()).unwrap_or_default();
    for column in columns {
        if !shown.contains(&column) {
            shown.push(column);
        }
    }
    (Culprits::Where(condition), shown.iter().map(ToString::to_string).collect())
}

/// An expression of the statement as SQL.
fn expression(node: &Node) -> Option<String> {
    let target = ResTarget { val: Some(Box::new(node.clone())), ..ResTarget::default() };
    let select = SelectStmt {
        target_list: vec![Node { node: Some(NodeEnum::ResTarget(Box::new(target))) }],
        // What the parser fills in, and the deparser cannot do without.
        limit_option: LimitOption::Default.into(),
        op: SetOperation::SetopNone.into(),
        ..SelectStmt::default()
    };
    let text = NodeEnum::SelectStmt(Box::new(select)).deparse(pg_query::DeparseOptions::default()).ok()?;
    text.strip_prefix("SELECT ").map(str::to_owned)
}
