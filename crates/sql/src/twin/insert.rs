//! An `INSERT … SELECT … FOR UPDATE` of a whole table keeps every writer of a row that it reads waiting until it
//! commits. The twin goes along the primary key of the table that is read, in batches, each its own transaction.
//!
//! A batch that is repeated must insert nothing twice, and rows must not change between being read and being
//! written. So the statement says what happens to rows that are there (`ON CONFLICT`), and locks what it reads;
//! one that locks nothing keeps nobody waiting and is left as it is.

use pg_query::protobuf::node::Node as NodeEnum;
use pg_query::protobuf::{InsertStmt, Node, OnConflictAction, OnConflictClause, RangeVar, SelectStmt, Token};
use underpin_catalog::{LockMode, Name, Sql};

use super::NoTwin;
use crate::describe::named;
use crate::draft::Draft;
use crate::expression::Contents;
use crate::statement::{outer_level, tokens};
use crate::step::{BatchWork, Batches, LockClaim};
use crate::surroundings::Surroundings;

pub(super) fn twin(
    statement: &InsertStmt,
    text: &str,
    surroundings: &Surroundings,
) -> Result<Vec<Draft>, NoTwin> {
    let target = surroundings.resolve(&named(statement.relation.as_ref()));
    let select = match statement.select_stmt.as_ref().and_then(|node| node.node.as_ref()) {
        Some(NodeEnum::SelectStmt(select)) => select,
        _ => return Err(NoTwin::because("it inserts no rows of a table")),
    };
    let source = source(select)?;
    let table = surroundings.resolve(&named(Some(source)));
    let Some(facts) = surroundings.relation(&table).filter(|facts| !facts.primary_key.is_empty()) else {
        return Err(NoTwin::because(format!("{} has no primary key to go along", table.shown())));
    };
    if table == target {
        return Err(NoTwin::because("it reads the table that it inserts into"));
    }
    if statement.with_clause.is_some() || statement.returning_clause.is_some() {
        return Err(NoTwin::because("WITH and RETURNING mean the whole table at once"));
    }
    if !is_repeatable(statement.on_conflict_clause.as_deref()) {
        return Err(NoTwin::because(
            "without ON CONFLICT, or with one that counts, a batch that is repeated would insert or change rows twice",
        ));
    }
    let read = Contents::of(&select.where_clause);
    let is_target = |relation| surroundings.resolve(relation) == target;
    if read.calls_volatile() || !read.relations.iter().all(is_target) {
        return Err(NoTwin::because(
            "its condition reads another table or calls a volatile function, and may pick other rows in each batch",
        ));
    }
    let Some(clauses) = clauses(text) else {
        return Err(NoTwin::because("its clauses cannot be told apart"));
    };
    let (into, of) = (named(statement.relation.as_ref()), named(Some(source)));
    let intent = format!("insert into {} for {} in batches", into.shown(), of.shown());
    let batches = Batches {
        table,
        key: facts.primary_key.clone(),
        work: BatchWork::Insert { head: clauses.head, tail: clauses.tail },
        filter: clauses.filter,
        alias: source.alias.as_ref().map(|alias| Name::new(&alias.aliasname)),
    };
    let claim = LockClaim { relation: target, mode: LockMode::RowExclusive };
    Ok(vec![Draft::batches(intent, batches, surroundings).claiming(claim)])
}

/// The one table whose rows are read and locked.
fn source(select: &SelectStmt) -> Result<&RangeVar, NoTwin> {
    let is_plain = select.distinct_clause.is_empty()
        && select.group_clause.is_empty()
        && select.having_clause.is_none()
        && select.window_clause.is_empty()
        && select.sort_clause.is_empty()
        && select.limit_count.is_none()
        && select.limit_offset.is_none()
        && select.with_clause.is_none()
        && select.larg.is_none();
    match select.from_clause.as_slice() {
        [Node { node: Some(NodeEnum::RangeVar(table)) }] if is_plain && table.inh => {
            match select.locking_clause.is_empty() {
                true => Err(NoTwin::because("it locks no rows that it reads, so that it may run as it is")),
                false => Ok(table),
            }
        }
        _ => Err(NoTwin::because("it reads more than the rows of one table as they are")),
    }
}

/// Rows that are there stay, or get what the new one would have had.
fn is_repeatable(clause: Option<&OnConflictClause>) -> bool {
    let Some(clause) = clause else { return false };
    let is_excluded = |node: &Node| match &node.node {
        Some(NodeEnum::ResTarget(target)) => {
            match target.val.as_ref().and_then(|value| value.node.as_ref()) {
                Some(NodeEnum::ColumnRef(column)) => {
                    let first = column.fields.first().and_then(|field| field.node.as_ref());
                    matches!(first, Some(NodeEnum::String(table)) if table.sval == "excluded")
                }
                _ => false,
            }
        }
        _ => false,
    };
    clause.action() == OnConflictAction::OnconflictNothing || clause.target_list.iter().all(is_excluded)
}

struct Clauses {
    /// Up to `FROM`.
    head: Sql,
    filter: Option<Sql>,
    /// From the lock on.
    tail: Sql,
}

/// The clauses, verbatim, at the level of the statement itself.
fn clauses(text: &str) -> Option<Clauses> {
    let words = tokens(text);
    let outer = outer_level(&words);
    let at = |kind: Token| outer.iter().copied().find(|at| words[*at].kind == kind);
    // `IS DISTINCT FROM` has the word too.
    let is_once = |kind: Token| outer.iter().filter(|at| words[**at].kind == kind).count() == 1;
    let (from, lock) = (at(Token::From)?, at(Token::For)?);
    if !is_once(Token::From) || !is_once(Token::For) {
        return None;
    }
    let slice = |from: usize, to: usize| {
        let (first, last) = (words.get(from)?, words.get(to)?);
        (first.start < last.end).then(|| Sql::verbatim(&text[first.start..last.end]))
    };
    let filter = match at(Token::Where).filter(|condition| *condition < lock) {
        Some(condition) => Some(slice(condition + 1, lock.checked_sub(1)?)?),
        None => None,
    };
    Some(Clauses {
        head: slice(0, from.checked_sub(1)?)?,
        filter,
        tail: slice(lock, words.len().checked_sub(1)?)?,
    })
}
