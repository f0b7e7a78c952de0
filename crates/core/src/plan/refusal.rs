//! Why a statement is not run, in words that help: what would happen to whom, and what to do instead.

use serde::Serialize;
use underpin_catalog::RelationName;
use underpin_sql::{NoTwin, Statement};

use crate::notice::{Broken, Noticed};
use crate::reason::ReasonCode;
use crate::world::World;

/// Why a file is not run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// The reason, to be allowed by.
    pub code: ReasonCode,
    /// The line of the statement, from 1.
    pub line: u32,
    /// The relation whose users would notice.
    pub relation: Option<RelationName>,
    /// What would happen, to whom.
    pub why: String,
    /// What to do instead.
    pub way_out: String,
}

impl Refusal {
    /// The online form of a file could not be proven equal to the file as written.
    pub fn unproven(reason: &str) -> Self {
        let code = ReasonCode::UnprovenTwin;
        Self {
            code,
            line: 1,
            relation: None,
            why: format!("the online form is not proven ({reason}): {}", code.harm()),
            way_out: way_out(code),
        }
    }
}

/// An effect that breaks clients.
pub(super) fn breaks(line: u32, broken: &Broken, world: &World) -> Refusal {
    Refusal {
        code: broken.code,
        line,
        relation: Some(world.facts().resolve(&broken.relation)),
        why: format!("{}: {}", broken.said(&world.shown(&broken.relation)), broken.code.harm()),
        way_out: way_out(broken.code),
    }
}

/// Work that others would wait for, without an online twin.
pub(super) fn no_twin(line: u32, noticed: &Noticed, none: &NoTwin, world: &World) -> Refusal {
    Refusal {
        code: noticed.code,
        line,
        relation: Some(world.facts().resolve(&noticed.relation)),
        why: format!(
            "on {}: {}; there is no online way, because {none}",
            world.shown(&noticed.relation),
            noticed.code.harm()
        ),
        way_out: way_out(noticed.code),
    }
}

/// Work with an online twin, in a transaction block of the file.
pub(super) fn transaction_block(line: u32, noticed: &Noticed, world: &World) -> Refusal {
    Refusal {
        code: ReasonCode::TransactionBlock,
        line,
        relation: Some(world.facts().resolve(&noticed.relation)),
        why: format!("on {}: {}", world.shown(&noticed.relation), ReasonCode::TransactionBlock.harm()),
        way_out: way_out(ReasonCode::TransactionBlock),
    }
}

/// A drop of something that is to be put away, and cannot be.
pub(super) fn not_parked(statement: &Statement, none: &NoTwin) -> Refusal {
    let code = ReasonCode::NotParked;
    Refusal {
        code,
        line: statement.line,
        relation: None,
        why: format!("it cannot be parked, because {none}: {}", code.harm()),
        way_out: way_out(code),
    }
}

/// `ROLLBACK`, `SAVEPOINT`, `PREPARE TRANSACTION`.
pub(super) fn transaction_control(statement: &Statement) -> Refusal {
    Refusal {
        code: ReasonCode::TransactionControl,
        line: statement.line,
        relation: None,
        why: format!("{}: {}", statement.text, ReasonCode::TransactionControl.harm()),
        way_out: way_out(ReasonCode::TransactionControl),
    }
}

/// A statement that PostgreSQL refuses in a transaction block, in a transaction block.
pub(super) fn refuses_block(line: u32, intent: &str) -> Refusal {
    Refusal {
        code: ReasonCode::TransactionControl,
        line,
        relation: None,
        why: format!("{intent}: PostgreSQL refuses it between BEGIN and COMMIT (25001)"),
        way_out: "take BEGIN and COMMIT out of the file, or move the statement to a migration of its own"
            .to_owned(),
    }
}

fn way_out(code: ReasonCode) -> String {
    match code {
        ReasonCode::TransactionControl => code.instead().to_owned(),
        _ => format!("{}; or, when this is meant, run with --allow {code}", code.instead()),
    }
}
