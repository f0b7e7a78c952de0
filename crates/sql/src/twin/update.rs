//! An `UPDATE` of a whole table keeps every writer of a row that it touched waiting until it commits,
//! and doubles the table. The twin updates along the primary key in batches, each its own
//! transaction.
//!
//! Batches may be repeated and the application works between them, so the statement must come to the
//! same end when a row is updated twice or changed meanwhile: nothing volatile, no other table, no
//! column both read and set, unless its condition picks only rows that are still NULL there. Then each
//! row is updated once, with what is true at that moment; sub-selects may look at other tables.

use pg_query::protobuf::node::Node as NodeEnum;
use pg_query::protobuf::{Node, ResTarget, Token, UpdateStmt};
use underpin_catalog::{LockMode, Name, RelationName, Sql};

use super::NoTwin;
use crate::describe::named;
use crate::draft::Draft;
use crate::expression::Contents;
use crate::predicate::demands_null;
use crate::statement::{outer_level, tokens};
use crate::step::{BatchWork, Batches, LockClaim};
use crate::surroundings::{RelationFacts, Surroundings};

pub(super) fn twin(
    statement: &UpdateStmt,
    text: &str,
    surroundings: &Surroundings,
) -> Result<Vec<Draft>, NoTwin> {
    let table = named(statement.relation.as_ref());
    let Some(facts) = surroundings.relation(&table).filter(|facts| !facts.primary_key.is_empty()) else {
        return Err(NoTwin::because(format!("{} has no primary key to update along", table.shown())));
    };
    refuse(statement, facts, |relation| surroundings.resolve(relation) == surroundings.resolve(&table))?;
    let (set, filter) = clauses(text).ok_or_else(|| NoTwin::because("its clauses cannot be told apart"))?;
    let all = Contents::of(statement);
    let locked = all.relations.iter().map(|relation| surroundings.resolve(relation));
    let locked = locked.filter(|relation| all.locks_rows && *relation != surroundings.resolve(&table));
    let alias = statement.relation.as_ref().and_then(|relation| relation.alias.as_ref());
    let draft = Draft::batches(
        format!("update {} in batches", table.shown()),
        Batches {
            table: surroundings.resolve(&table),
            key: facts.primary_key.clone(),
            work: BatchWork::Set(set),
            filter,
            alias: alias.map(|alias| Name::new(&alias.aliasname)),
        },
        surroundings,
    );
    let claimed = locked.map(|relation| LockClaim { relation, mode: LockMode::RowShare });
    Ok(vec![claimed.fold(draft, Draft::claiming)])
}

fn refuse(
    statement: &UpdateStmt,
    facts: &RelationFacts,
    is_own: impl Fn(&RelationName) -> bool,
) -> Result<(), NoTwin> {
    let because = |why: &str| Err(NoTwin::because(why));
    if !statement.from_clause.is_empty() {
        return because("it reads other tables (FROM), which may change between batches");
    }
    if statement.with_clause.is_some() || statement.returning_clause.is_some() {
        return because("WITH and RETURNING mean the whole table at once");
    }
    if statement.relation.as_ref().is_some_and(|relation| !relation.inh) && !facts.descendants.is_empty() {
        return because("UPDATE ONLY concerns one level of an inheritance tree");
    }
    let condition = statement.where_clause.as_deref();
    if condition.is_some_and(|condition| matches!(condition.node, Some(NodeEnum::CurrentOfExpr(_)))) {
        return because("WHERE CURRENT OF means one row of a cursor");
    }
    let targets: Vec<&ResTarget> = statement.target_list.iter().filter_map(target).collect();
    let set: Vec<Name> = targets.iter().map(|target| Name::new(&target.name)).collect();
    if let Some(key) = set.iter().find(|column| facts.primary_key.contains(column)) {
        return because(&format!(
            "it changes {}, a column of the primary key that the batches go along",
            key.as_str()
        ));
    }
    // A row that was updated is not picked again.
    let once = condition.is_some_and(|condition| set.iter().any(|column| demands_null(condition, column)))
        && targets.iter().all(|target| !sets_null(target));
    // What rows of this table say, an earlier batch may have changed.
    let looks_aside = |read: &Contents| read.subselect && (!once || read.relations.iter().any(&is_own));
    let picked = Contents::of(&statement.where_clause);
    if picked.calls_volatile() || looks_aside(&picked) {
        return because(
            "its condition has a sub-select or a volatile function, and may pick other rows in each batch",
        );
    }
    for target in targets {
        if !target.indirection.is_empty()
            || matches!(
                target.val.as_ref().and_then(|value| value.node.as_ref()),
                Some(NodeEnum::MultiAssignRef(_))
            )
        {
            return because("it sets parts of a value, or several columns from one row");
        }
        let read = Contents::of(&target.val);
        if looks_aside(&read) {
            return because("it reads with a sub-select, whose answer may change between batches");
        }
        if once {
            continue;
        }
        if read.is_volatile() {
            return because("it sets a volatile value, which would be another when a batch is repeated");
        }
        let both = if read.star {
            Some("the row")
        } else {
            set.iter().map(Name::as_str).find(|set| read.columns.iter().any(|(_, read)| read == set))
        };
        if let Some(both) = both {
            return because(&format!(
                "it sets {both} and reads it too, so a batch that is repeated would change rows twice"
            ));
        }
    }
    Ok(())
}

fn target(node: &Node) -> Option<&ResTarget> {
    match &node.node {
        Some(NodeEnum::ResTarget(target)) => Some(target),
        _ => None,
    }
}

fn sets_null(target: &ResTarget) -> bool {
    matches!(
        target.val.as_ref().and_then(|value| value.node.as_ref()),
        Some(NodeEnum::AConst(constant)) if constant.isnull
    )
}

/// The `SET` list and the condition of an `UPDATE`, verbatim: from the word behind the keyword to the
/// word before the next, at the level of the statement itself.
fn clauses(text: &str) -> Option<(Sql, Option<Sql>)> {
    let words = tokens(text);
    let outer = outer_level(&words);
    let set = *outer.iter().find(|at| words[**at].kind == Token::Set)?;
    let condition = outer.iter().copied().find(|at| *at > set && words[*at].kind == Token::Where);
    let slice = |from: usize, to: usize| {
        let (first, last) = (words.get(from)?, words.get(to)?);
        (first.start < last.end).then(|| Sql::verbatim(&text[first.start..last.end]))
    };
    let last = words.len().checked_sub(1)?;
    match condition {
        Some(at) => Some((slice(set + 1, at - 1)?, Some(slice(at + 1, last)?))),
        None => Some((slice(set + 1, last)?, None)),
    }
}
