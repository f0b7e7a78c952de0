//! Recipes: how a change that breaks running clients is made in phases that break none.
//!
//! What lacks between a history and a schema is known as Prisma's own steps. Each is claimed by a recipe, which
//! says how the database looks in between:
//!
//! ```text
//! before ── 1_expand ──► expanded ── 2_backfill ──► filled ── 3_contract ──► after
//! ```
//!
//! From `expanded` on the release that is out and the one that comes can both write; from `filled` on the new one
//! can read; `after` is what the schema says, and only the new one runs there. The text of a phase is Prisma's own
//! for the way between two of them, with triggers and fills put in. What no recipe knows is refused with the
//! reason; what only a person knows is asked, never guessed: whether something is a rename ([`Answers`]).
//!
//! Nothing here is tried. That the files run, lead to `after` and back is proven by the engine.

mod answers;
mod columns;
mod counting;
mod draft;
mod enums;
mod fill;
mod in_the_way;
mod indexes;
mod keep;
mod keyless;
mod keys;
mod mapping;
mod moved;
mod moved_columns;
mod moves;
mod names;
mod page;
mod park;
mod refill;
mod rename_column;
mod renamed_tables;
mod reshape;
mod retype;
mod swap;
mod swap_about;
mod swap_keys;
mod tables;
mod turn;
mod write;

use underpin_catalog::{Catalog, Name, RelationName, Sql};
use underpin_prisma::client::ClientContract;
use underpin_prisma::migrate::Scope;
use underpin_prisma::{PrismaCatalog, PrismaVersion, Schema};

pub use self::answers::{Answers, FillAnswer, MoveAnswer, RenameAnswer, ReplaceAnswer, WrongAnswer};
use self::draft::Draft;
pub use self::page::{RecipePage, pages};
pub use self::refill::Refill;
pub use self::reshape::ReshapeAnswer;
pub(crate) use self::turn::turned;
pub use self::write::PhaseText;
use crate::sync::Synced;

/// What a plan is made of.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// What the history ends in, as Prisma sees it.
    pub before: &'a PrismaCatalog,
    /// What the schema wants.
    pub after: &'a PrismaCatalog,
    /// All that the history ends in: Prisma does not see what may stand in the way.
    pub catalog: &'a Catalog,
    /// What of it Prisma looks at.
    pub scope: &'a Scope,
    /// Whose text is written.
    pub version: PrismaVersion,
    /// The schema.
    pub schema: &'a Schema,
    /// Its client, which knows how a column is called in it.
    pub client: &'a ClientContract,
    /// What a person has said.
    pub answers: &'a Answers,
}

/// A change in phases.
#[derive(Clone, Debug)]
pub struct Phased {
    /// The recipes that are used, each with what it is used on: `rename-column`, `User.fullName`.
    pub used: Vec<Used>,
    /// What a person should know before the files are committed.
    pub notes: Vec<String>,
    /// The database behind the first phase.
    pub expanded: PrismaCatalog,
    /// The database behind the second phase.
    pub filled: PrismaCatalog,
    /// What is kept equal from the first phase to the last.
    pub synced: Vec<Synced>,
    /// What has to stand before and behind Prisma's own migration so that it runs: at a primary key that foreign keys
    /// lead to it fails.
    pub around: (Vec<Sql>, Vec<Sql>),
    /// Counting columns whose new type Prisma's own migration says as one that PostgreSQL does not know
    /// (`SET DATA TYPE BIGSERIAL`, 42704): the change is that of a column that does not count.
    pub counting: Vec<(RelationName, Name)>,
    /// The columns that a way back from the last phase fills again.
    pub refills: Vec<Refill>,
    /// The files, in their order; phases with nothing to do are left out.
    pub phases: Vec<PhaseText>,
}

/// A recipe on its object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Used {
    /// The recipe, by the name of its page.
    pub recipe: &'static str,
    /// What becomes of what, in words: `User.fullName becomes User.displayName`.
    pub what: String,
}

/// Why there is no plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Somebody has to say something first.
    Asks(Vec<Question>),
    /// What was said does not fit.
    Wrong(Vec<WrongAnswer>),
    /// No recipe knows how.
    Refuses(Vec<Refusal>),
}

/// Something that only a person knows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Question {
    /// What it is about: `User.fullName`.
    pub about: String,
    /// The question, as a sentence.
    pub asks: String,
    /// The flags that answer it, each one answer, ready to be pasted.
    pub flags: Vec<String>,
}

/// Something that is not planned.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Refusal {
    /// What it is about.
    pub about: String,
    /// What would happen to whom.
    pub why: String,
    /// What to do instead.
    pub instead: String,
}

/// Plans a change. `name` is that of the rollout: letters, digits, underscores.
///
/// # Errors
/// [`Stop`]: questions, wrong answers or refusals, all of one kind at once.
pub fn plan(case: &Case<'_>, name: &str) -> Result<Phased, Stop> {
    let base = renamed_tables::base(case)?;
    let answered = names::Answered::of(case, &base.catalog)?;
    let mut draft = Draft::new(case, &base, &answered);
    draft.claim_all();
    let mut draft = draft.finish()?;
    draft.park = park::parked(&draft)?;
    in_the_way::check(&draft)?;
    Ok(write::phased(draft, name))
}
