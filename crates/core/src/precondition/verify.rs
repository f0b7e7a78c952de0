//! What the first phase of a rollout wants to be true of the rows before anything of it begins: that they come back
//! from their new shape as they were, and what else its queries count.
//!
//! Those of later phases are asked when their turn comes: they may speak of what an earlier one makes.

use underpin_catalog::Name;
use underpin_sql::failure::Culprits;
use underpin_sql::{Counting, Effect, counting, read};

use super::{Ahead, Kind, Pending, Place, Precondition};
use crate::rollout::{Directives, Query};
use crate::sync::is_loss;

impl Ahead {
    /// One for each query of a first phase.
    pub(super) fn verified(&self, migration: &Pending<'_>) -> Vec<Precondition> {
        let Ok(Some(Directives { after: None, verify, .. })) = Directives::read(migration.text) else {
            return Vec::new();
        };
        verify.iter().filter_map(|query| self.verified_by(query, migration)).collect()
    }

    fn verified_by(&self, query: &Query, migration: &Pending<'_>) -> Option<Precondition> {
        let text = query.sql().as_str();
        let before = migration.text.split(text).next().unwrap_or_default();
        let line = u32::try_from(before.matches('\n').count() + 1).unwrap_or(u32::MAX);
        let place = Place { migration: migration.name.to_owned(), line };
        // Of one table it can be asked in pieces, and the rows can be named.
        let Some(Counting { table, alias, condition, columns }) = counting(text) else {
            return self.whole(query, place);
        };
        let table = self.world.facts().resolve(&table);
        if self.world.is_new(&table) {
            return None;
        }
        let facts = self.world.facts().relation(&table);
        let is_known = |name: &Name| facts.is_none_or(|facts| facts.column(name).is_some());
        let columns: Vec<Name> = columns.into_iter().filter(is_known).collect();
        let shown: Vec<&str> = columns.iter().map(Name::as_str).collect();
        let (kind, why) = match is_loss(&condition) {
            true => (Kind::Loss, format!("({}) of {} comes back as it was", shown.join(", "), table.shown())),
            false => (Kind::Verify, format!("no row of {} is counted", table.shown())),
        };
        let culprits = match alias {
            None => Ok(Culprits::Where(condition)),
            Some(alias) if alias.as_str() == Culprits::OWN => Ok(Culprits::OwnWhere(condition)),
            Some(_) => Err(ELSEWHERE),
        };
        Some(Precondition {
            place,
            statement: text.to_owned(),
            kind,
            why,
            columns: if kind == Kind::Loss { columns } else { Vec::new() },
            culprits,
            behind: self.behind(&table),
            ..self.nothing_of(&table)
        })
    }

    /// A query that cannot be taken apart.
    fn whole(&self, query: &Query, place: Place) -> Option<Precondition> {
        let statements = read(query.sql().as_str()).ok()?;
        let Some(Effect::Select { reads, .. }) = statements.first()?.effects.first() else { return None };
        let table = self.world.facts().resolve(reads.first()?);
        Some(Precondition {
            place,
            statement: query.to_string(),
            kind: Kind::Verify,
            why: format!("no row of {} is counted", table.shown()),
            culprits: Err(ELSEWHERE),
            ..self.nothing_of(&table)
        })
    }
}

/// Why a query is not asked here.
const ELSEWHERE: &str = "the query is more than a count of rows of one table; underpin deploy asks it";
