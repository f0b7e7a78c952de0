//! An `UPDATE` of a whole table keeps every writer of a row that it touched waiting until it commits,
//! and doubles the table. The twin updates along the primary key in batches, each its own
//! transaction.
//!
//! Batches may be repeated and the application works between them, so the statement must come to the
//! same end when a row is updated twice or changed meanwhile: nothing volatile, no other table, no
//! column both read and set, unless its condition picks only rows that are still NULL there.

use pg_query::protobuf::node::Node as NodeEnum;
use pg_query::protobuf::{Node, ResTarget, Token, UpdateStmt};
use underpin_catalog::{Name, Sql};

use super::NoTwin;
use crate::describe::named;
use crate::draft::Draft;
use crate::expression::Contents;
use crate::predicate::demands_null;
use crate::statement::{Token as Word, tokens};
use crate::step::Batches;
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
    refuse(statement, facts)?;
    let (set, filter) = clauses(text).ok_or_else(|| NoTwin::because("its clauses cannot be told apart"))?;
    let alias = statement.relation.as_ref().and_then(|relation| relation.alias.as_ref());
    Ok(vec![Draft::batches(
        format!("update {} in batches", table.shown()),
        Batches {
            table: surroundings.resolve(&table),
            key: facts.primary_key.clone(),
            set,
            filter,
            alias: alias.map(|alias| Name::new(&alias.aliasname)),
        },
        surroundings,
    )])
}

fn refuse(statement: &UpdateStmt, facts: &RelationFacts) -> Result<(), NoTwin> {
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
    if Contents::of(&statement.where_clause).is_volatile() {
        return because(
            "its condition has a sub-select or a volatile function, and may pick other rows in each batch",
        );
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
        if read.subselect {
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

/// The words that stand outside all parentheses.
fn outer_level(words: &[Word]) -> Vec<usize> {
    let mut depth = 0_usize;
    let mut outer = Vec::new();
    for (at, word) in words.iter().enumerate() {
        match word.kind {
            Token::Ascii40 => depth += 1,
            Token::Ascii41 => depth = depth.saturating_sub(1),
            _ if depth == 0 => outer.push(at),
            _ => {}
        }
    }
    outer
}
