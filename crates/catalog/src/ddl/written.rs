//! The statements that one step on the way becomes.

use super::loss::Loss;
use super::{Change, Context};
use crate::object::ObjectKey;
use crate::sql::Sql;

/// Statements about one object, in their order.
#[derive(Debug)]
pub(super) struct Written<'a> {
    pub(super) context: &'a Context<'a>,
    key: ObjectKey,
    changes: Vec<Change>,
}

impl<'a> Written<'a> {
    pub(super) fn of(context: &'a Context<'a>, key: ObjectKey) -> Self {
        Self { context, key, changes: Vec::new() }
    }

    /// A statement that loses nothing.
    pub(super) fn say(&mut self, statement: Sql) {
        self.lose(Loss::Nothing, statement);
    }

    pub(super) fn say_all(&mut self, statements: impl IntoIterator<Item = Sql>) {
        statements.into_iter().for_each(|statement| self.say(statement));
    }

    /// A statement that may lose something.
    pub(super) fn lose(&mut self, loss: Loss, statement: Sql) {
        self.changes.push(Change { key: self.key.clone(), statement, loss, committed: false });
    }

    /// A statement that has to be committed before another one uses what it makes.
    pub(super) fn commit(&mut self, statement: Sql) {
        let loss = Loss::Nothing;
        self.changes.push(Change { key: self.key.clone(), statement, loss, committed: true });
    }

    pub(super) fn done(self) -> Vec<Change> {
        self.changes
    }
}
