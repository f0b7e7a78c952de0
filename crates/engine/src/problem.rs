//! What went wrong, in words for the person who can act.

use std::fmt;

use serde::Serialize;
use underpin_core::exit;

/// A reason not to go on. It is one message, perhaps with a place, and hints that say what to do
/// next; it never holds a credential.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The command's exit code.
    pub exit: u8,
    /// Prisma's code where Prisma has one for it (`P1001`), else the SQLSTATE.
    pub code: Option<String>,
    /// Lowercase unless it is Prisma's own text, no full stop.
    pub message: String,
    /// `file:line:column`, as far as it is known.
    pub place: Option<String>,
    /// What is wrong, one by one, where several things are.
    #[serde(skip_serializing_if = "<[Fault]>::is_empty")]
    pub faults: Box<[Fault]>,
    /// What to do next, in the order in which to try.
    pub hints: Vec<String>,
}

/// One of several things that are wrong at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// `file:line:column`
    pub place: String,
    /// Lowercase, no full stop.
    pub message: String,
    /// What to do about it; may be empty.
    pub hint: String,
}

impl Problem {
    /// A precondition that does not hold; nothing was changed.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            exit: exit::COULD_NOT_RUN,
            code: None,
            message: message.into(),
            place: None,
            faults: Box::default(),
            hints: Vec::new(),
        }
    }

    /// With another exit code.
    pub fn exiting(mut self, exit: u8) -> Self {
        self.exit = exit;
        self
    }

    /// With a code.
    pub fn coded(mut self, code: impl Into<String>) -> Self {
        self.code = Some(code.into());
        self
    }

    /// With a place.
    pub fn at(mut self, place: impl Into<String>) -> Self {
        self.place = Some(place.into());
        self
    }

    /// With one more hint.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Problem {}

impl From<tokio_postgres::Error> for Problem {
    /// A query of ours that failed where no particular failure is expected.
    fn from(error: tokio_postgres::Error) -> Self {
        match error.as_db_error() {
            Some(server) => {
                let problem =
                    Self::new(format!("the server refused: {}", said(server))).coded(server.code().code());
                match server.code().code() {
                    "42501" => problem.hint("run `underpin doctor`: it lists the privileges that are missing"),
                    "53100" => problem.hint("the server's disk is full; nothing was recorded. Free space, then run the command again"),
                    "55P03" => problem.exiting(exit::STOPPED).hint(
                        "somebody has locked a table against everybody, as VACUUM FULL and ALTER TABLE do: `underpin doctor` names who. Run the command again when that is done",
                    ),
                    "25006" => problem.hint("the session is read-only: connect to the primary, as a role that may write"),
                    _ => problem,
                }
            }
            None => Self::new(format!("the connection to the database was lost: {error}"))
                .hint("run the command again: it continues where it stopped"),
        }
    }
}

impl From<crate::introspect::IntrospectError> for Problem {
    fn from(error: crate::introspect::IntrospectError) -> Self {
        use crate::introspect::IntrospectError::{Changing, Locked, Server, Unreadable};
        let (message, hint) = (error.to_string(), error.hint());
        let problem = match error {
            Server(error) => return Self::from(error),
            Locked { .. } | Changing { .. } => Self::new(message).exiting(exit::STOPPED),
            Unreadable(_) => Self::new(message),
        };
        hint.into_iter().fold(problem, Self::hint)
    }
}

impl From<crate::connect::ConnectError> for Problem {
    fn from(error: crate::connect::ConnectError) -> Self {
        let problem = Self::new(error.to_string()).hint(error.hint());
        match error.fault.code() {
            Some(code) => problem.coded(code),
            None => problem,
        }
    }
}

/// What the server said, with detail and hint.
pub(crate) fn said(error: &tokio_postgres::error::DbError) -> String {
    let mut text = error.message().to_owned();
    if let Some(detail) = error.detail() {
        text.push_str("\ndetail: ");
        text.push_str(detail);
    }
    if let Some(hint) = error.hint() {
        text.push_str("\nhint: ");
        text.push_str(hint);
    }
    text
}
