//! Online twins: steps that end in the same catalog as a statement and never keep the application
//! waiting on the way.
//!
//! A twin is exact or it does not exist. Names that the statement leaves to PostgreSQL are worked
//! out before; what cannot be worked out, or cannot be done online on this server, is answered with
//! [`NoTwin`] and the reason. Whether a statement *needs* a twin is not decided here.
//!
//! Every step must be safe to be the last one before a crash: what is built but not yet used (an
//! index, a constraint that is not validated) only refuses what the finished migration refuses.

mod add_column;
mod alter_table;
mod check;
mod drop_index;
mod foreign_key;
mod index;
mod insert;
mod not_null;
mod primary_key;
mod reindex;
mod unique;
mod update;

use pg_query::protobuf::node::Node as NodeEnum;
use thiserror::Error;

use crate::draft::numbered;
use crate::statement::Statement;
use crate::step::Step;
use crate::surroundings::Surroundings;

/// Why a statement has no online twin.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{why}")]
pub struct NoTwin {
    /// Fits after "there is no online way, because".
    pub why: String,
    /// Which effect of the statement it is about.
    pub effect: usize,
}

impl NoTwin {
    pub(crate) fn because(why: impl Into<String>) -> Self {
        Self { why: why.into(), effect: 0 }
    }

    pub(crate) fn about(self, effect: usize) -> Self {
        Self { effect, ..self }
    }
}

/// The online twin of a statement. `ordinal` is its place in the file, from 0; the same statement in
/// the same place and the same surroundings gives the same steps with the same ids.
///
/// # Errors
///
/// [`NoTwin`] when there is none.
pub fn twin(statement: &Statement, ordinal: usize, surroundings: &Surroundings) -> Result<Vec<Step>, NoTwin> {
    let drafts = match statement.node.as_ref() {
        NodeEnum::IndexStmt(create) => index::twin(create, surroundings),
        NodeEnum::DropStmt(drop) => drop_index::twin(drop, surroundings),
        NodeEnum::AlterTableStmt(alter) => alter_table::twin(alter, surroundings),
        NodeEnum::UpdateStmt(update) => update::twin(update, &statement.text, surroundings),
        NodeEnum::InsertStmt(insert) => insert::twin(insert, &statement.text, surroundings),
        NodeEnum::ReindexStmt(reindex) => reindex::twin(reindex, surroundings),
        NodeEnum::DoStmt(_) => Err(NoTwin::because(
            "a DO block is one transaction, and no part of it can be done in another way",
        )),
        _ if statement.has_no_tree() => {
            Err(NoTwin::because("its file is too large, or it is too deep, to be taken apart"))
        }
        _ => Err(NoTwin::because("this statement can only be executed as it is")),
    }?;
    Ok(numbered(drafts, ordinal, statement.line))
}
