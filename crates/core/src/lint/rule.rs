//! The rules that there are.
//!
//! A rule is a page and a function. The page (`rules/NAME.md` of this crate) is documentation, help text and
//! test; the function is in the module that it names. Each asks the facts and tells; none knows of another.

use super::case::{Case, FileCase, Seen};
use super::finding::Finding;
use super::page::{IGNORING, RulePage};

/// A rule.
pub struct Rule {
    /// Name, severity and text.
    pub page: RulePage,
    /// Its group.
    pub group: Group,
    pub(crate) judge: Judge,
}

/// What a rule is asked about. It puts what it finds behind what others have found there.
#[derive(Clone, Copy)]
pub(crate) enum Judge {
    /// Each statement, and of a DO block each that is inside, with what was found in the same statement of the
    /// file.
    Part(fn(&Case<'_>, &mut Vec<Finding>)),
    /// Each statement of the file as a whole, likewise.
    Statement(fn(&Case<'_>, &mut Vec<Finding>)),
    /// The parts, until it has found something in the file.
    Once(fn(&Case<'_>, &mut Vec<Finding>)),
    /// Each file, when all its statements were judged, with what was found in it.
    File(fn(&FileCase<'_>, &[Seen], &mut Vec<Finding>)),
    /// Nothing of its own: the run tells it.
    Run,
}

/// Groups of rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Group {
    /// The statement fails when it is deployed.
    Failure,
    /// Somebody waits.
    Locks,
    /// The running release breaks.
    Compatibility,
    /// Data is lost.
    Data,
    /// What Prisma makes of the file.
    Prisma,
    /// What the machine and its operators bear.
    Operations,
    /// Who may see and do what.
    Security,
    /// Files around the migrations.
    Repository,
    /// The history as a whole, which `check` looks at.
    History,
    /// Opinions about the schema, for those who ask.
    Quality,
    /// Ignoring itself.
    Ignoring,
}

impl Group {
    /// As it is written in settings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Failure => "failure",
            Self::Locks => "locks",
            Self::Compatibility => "compatibility",
            Self::Data => "data",
            Self::Prisma => "prisma",
            Self::Operations => "operations",
            Self::Security => "security",
            Self::Repository => "repository",
            Self::History => "history",
            Self::Quality => "quality",
            Self::Ignoring => "ignoring",
        }
    }

    /// Whether its rules run only when somebody asks for them.
    pub fn is_opt_in(self) -> bool {
        self == Self::Quality
    }
}

impl std::fmt::Debug for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rule").field("name", &self.page.name).finish_non_exhaustive()
    }
}

impl Rule {
    /// The rule's name.
    pub fn name(&self) -> &'static str {
        self.page.name
    }

    /// Whether it runs when these groups were asked for.
    pub(crate) fn runs_with(&self, groups: &[String]) -> bool {
        !self.group.is_opt_in() || groups.iter().any(|group| group == self.group.as_str())
    }
}

/// All rules that judge migrations, those about ignoring left out.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    super::rules::ALL.iter()
}

/// The rules that say nothing in a run of lint, because nobody asked for their group or because they take a
/// repository or a server: what they would find is not known.
pub fn idle_rules(groups: &[String]) -> impl Iterator<Item = &'static str> {
    rules().filter(|rule| rule.group == Group::History || !rule.runs_with(groups)).map(Rule::name)
}

/// The pages of all rules.
pub fn pages() -> impl Iterator<Item = RulePage> {
    rules().map(|rule| rule.page).chain(IGNORING)
}
