//! The structure of a PL/pgSQL body: its statements, and the blocks, branches and loops around them.
//!
//! PL/pgSQL is read on the tokens of PostgreSQL's own scanner, as the server does it, which finds the end
//! of an SQL statement or of an expression by its signs and words alone. What a piece of SQL means is not
//! decided here. libpg_query's PL/pgSQL parser is not used: it needs types that only a database has, and it
//! turns the standard error of the whole process around while it works, which two threads cannot do at once.
//!
//! Nothing recurses, because bodies nest as deeply as somebody writes them.

mod statements;
mod words;

use std::collections::BTreeSet;
use std::ops::Range;

use words::word_of;

use crate::statement::{Token, tokens};

/// A body that was read.
#[derive(Debug, Default)]
pub(super) struct Body {
    /// Its statements and expressions in their order.
    pub(super) pieces: Vec<Piece>,
    /// What they stand in. Each comes behind the one that it stands in; the first is the body itself.
    pub(super) scopes: Vec<Scope>,
    /// The conditions of branches.
    pub(super) guards: Vec<Guard>,
    /// Names that are no columns: variables, cursors, what loops count in.
    pub(super) variables: BTreeSet<String>,
    /// Columns of `NEW` and `OLD`.
    pub(super) row_columns: BTreeSet<String>,
    /// `COMMIT` or `ROLLBACK` is among its statements.
    pub(super) commits: bool,
}

/// A statement, or an expression that is computed.
#[derive(Debug)]
pub(super) struct Piece {
    /// What it is.
    pub(super) kind: PieceKind,
    /// SQL, complete: an expression behind `SELECT`, a statement without PL/pgSQL's `INTO`.
    pub(super) sql: String,
    /// The PL/pgSQL statement that it belongs to, in bytes of the body.
    pub(super) span: Range<usize>,
    /// What it stands in.
    pub(super) scope: usize,
    /// The last piece before it that may leave the body.
    pub(super) after: Option<usize>,
    /// Variables that it gives a value to.
    pub(super) assigns: Vec<String>,
    /// The words of an expression: a condition may ask variables.
    pub(super) words: BTreeSet<String>,
}

/// What a piece is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PieceKind {
    /// An SQL statement.
    Statement,
    /// An expression.
    Expression,
    /// The expression whose value `EXECUTE` takes for a statement.
    Execute,
    /// No SQL: what comes behind may not be reached, because this may leave the body.
    Leave,
}

/// Something that pieces stand in.
#[derive(Debug)]
pub(super) struct Scope {
    /// What this stands in.
    pub(super) parent: Option<usize>,
    /// When it is entered.
    pub(super) entered: Entered,
    /// Conditions of the handlers that end it, `duplicate_object` and the like in lower case.
    pub(super) catches: Option<Vec<String>>,
}

/// When a scope is entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entered {
    /// When what it stands in is.
    Always,
    /// When the guard says so.
    If(usize),
    /// Perhaps: a branch of `CASE`, a handler.
    Perhaps,
    /// Any number of times.
    Repeatedly,
}

/// The condition of a branch, with the ones before it of the same `IF`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Guard {
    /// The guard of the branch before.
    pub(super) before: Option<usize>,
    /// The piece with its own condition.
    pub(super) piece: usize,
}

/// A body that is not PL/pgSQL, as far as this reader knows.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refused {
    /// The byte where it stopped to make sense.
    pub(super) at: usize,
}

/// Reads a body.
pub(super) fn read(body: &str) -> Result<Body, Refused> {
    let tokens = tokens(body);
    if tokens.is_empty() {
        // Not even words: a string that does not end.
        return Err(Refused { at: body.len() - body.trim_start().len() });
    }
    let mut reader = Reader {
        text: body,
        tokens,
        at: 0,
        open: Vec::new(),
        loops: 0,
        last_leave: None,
        body: Body::default(),
    };
    reader.body_of_program()?;
    reader.collect_row_columns();
    Ok(reader.body)
}

/// What was opened and not yet closed.
#[derive(Clone, Copy, Debug)]
struct Open {
    kind: OpenKind,
    /// The scope of the statements that come now.
    scope: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OpenKind {
    Block,
    /// Behind `EXCEPTION`; the scope of the block itself.
    Handlers(usize),
    /// With the guard of the last branch.
    If(usize),
    Case,
    Loop,
}

struct Reader<'a> {
    text: &'a str,
    tokens: Vec<Token>,
    at: usize,
    open: Vec<Open>,
    /// How many of what is open are loops.
    loops: usize,
    /// The last piece that may leave the body.
    last_leave: Option<usize>,
    body: Body,
}

impl Reader<'_> {
    fn body_of_program(&mut self) -> Result<(), Refused> {
        // Options such as `#variable_conflict use_column`.
        while self.sign_is(0, "#") {
            self.at += 3;
        }
        self.open_block(None)?;
        while let Some(open) = self.open.last().copied() {
            match (self.keyword(0).as_deref(), open.kind) {
                (Some("end"), kind) => self.close(kind)?,
                (Some("exception"), OpenKind::Block) if !self.is_assignment() => {
                    self.at += 1;
                    self.body.scopes[open.scope].catches = Some(Vec::new());
                    self.replace_open(Open { kind: OpenKind::Handlers(open.scope), scope: open.scope });
                    self.handler(open.scope)?;
                }
                (Some("when"), OpenKind::Handlers(block)) => self.handler(block)?,
                (Some("elsif" | "elseif"), OpenKind::If(before)) => self.branch(Some(before))?,
                (Some("else"), OpenKind::If(before)) => {
                    self.at += 1;
                    let parent = self.body.scopes[open.scope].parent;
                    let scope = self.scope_in(parent, Entered::If(before));
                    self.replace_open(Open { kind: OpenKind::If(before), scope });
                }
                (Some("when"), OpenKind::Case) => {
                    let start = self.at;
                    self.at += 1;
                    let until = self.expression(start, PieceKind::Expression, &["then"])?;
                    self.at = until + 1;
                    self.case_branch(open);
                }
                (Some("else"), OpenKind::Case) => {
                    self.at += 1;
                    self.case_branch(open);
                }
                _ => self.statement()?,
            }
        }
        if self.sign_is(0, ";") {
            self.at += 1;
        }
        if self.at < self.tokens.len() { Err(self.refused()) } else { Ok(()) }
    }

    fn scope_in(&mut self, parent: Option<usize>, entered: Entered) -> usize {
        self.body.scopes.push(Scope { parent, entered, catches: None });
        self.body.scopes.len() - 1
    }

    fn scope(&self) -> usize {
        self.open.last().map_or(0, |open| open.scope)
    }

    fn enter(&mut self, kind: OpenKind, entered: Entered) {
        let parent = self.open.last().map(|open| open.scope);
        let scope = self.scope_in(parent, entered);
        self.loops += usize::from(kind == OpenKind::Loop);
        self.open.push(Open { kind, scope });
    }

    fn replace_open(&mut self, open: Open) {
        self.open.pop();
        self.open.push(open);
    }

    /// A label, declarations and `BEGIN`.
    fn open_block(&mut self, parent: Option<usize>) -> Result<(), Refused> {
        self.label();
        let scope = self.scope_in(parent, Entered::Always);
        self.open.push(Open { kind: OpenKind::Block, scope });
        if self.keyword(0).as_deref() == Some("declare") {
            self.at += 1;
            loop {
                match self.keyword(0).as_deref() {
                    Some("begin") => break,
                    Some("declare") => self.at += 1,
                    Some(_) => self.declaration()?,
                    None => return Err(self.refused()),
                }
            }
        }
        self.expect("begin")
    }

    fn label(&mut self) {
        if self.sign_is(0, "<<") {
            self.at += 3;
        }
    }

    fn close(&mut self, kind: OpenKind) -> Result<(), Refused> {
        self.at += 1;
        match kind {
            OpenKind::If(_) => self.expect("if")?,
            OpenKind::Case => self.expect("case")?,
            OpenKind::Loop => self.expect("loop")?,
            OpenKind::Block | OpenKind::Handlers(_) => {}
        }
        if matches!(kind, OpenKind::Loop | OpenKind::Block | OpenKind::Handlers(_)) && self.word(0).is_some()
        {
            self.at += 1;
        }
        self.open.pop();
        self.loops -= usize::from(kind == OpenKind::Loop);
        if self.sign_is(0, ";") {
            self.at += 1;
            return Ok(());
        }
        // The last one needs no semicolon.
        if self.open.is_empty() && self.at == self.tokens.len() { Ok(()) } else { Err(self.refused()) }
    }

    /// `WHEN condition OR condition THEN`, of a handler.
    fn handler(&mut self, block: usize) -> Result<(), Refused> {
        self.expect("when")?;
        loop {
            let mut name = self.word(0).ok_or_else(|| self.refused())?;
            self.at += 1;
            if name == "sqlstate" {
                name = self.slice(self.at).trim_matches('\'').to_owned();
                self.at += 1;
            }
            if let Some(catches) = &mut self.body.scopes[block].catches {
                catches.push(name);
            }
            match self.keyword(0).as_deref() {
                Some("or") => self.at += 1,
                Some("then") => break,
                _ => return Err(self.refused()),
            }
        }
        self.at += 1;
        let parent = self.body.scopes[block].parent;
        let scope = self.scope_in(parent, Entered::Perhaps);
        self.replace_open(Open { kind: OpenKind::Handlers(block), scope });
        Ok(())
    }

    /// `IF condition THEN` and `ELSIF condition THEN`.
    fn branch(&mut self, before: Option<usize>) -> Result<(), Refused> {
        let start = self.at;
        // The condition of `ELSIF` is computed when the ones before it were false.
        let parent = match before {
            None => self.open.last().map(|open| open.scope),
            Some(_) => self.body.scopes[self.scope()].parent,
        };
        if let Some(before) = before {
            let scope = self.scope_in(parent, Entered::If(before));
            self.replace_open(Open { kind: OpenKind::If(before), scope });
        }
        self.at += 1;
        let piece = self.body.pieces.len();
        let until = self.expression(start, PieceKind::Expression, &["then"])?;
        self.at = until + 1;
        self.body.guards.push(Guard { before, piece });
        let guard = self.body.guards.len() - 1;
        let scope = self.scope_in(parent, Entered::If(guard));
        let open = Open { kind: OpenKind::If(guard), scope };
        if before.is_some() {
            self.replace_open(open);
        } else {
            self.open.push(open);
        }
        Ok(())
    }

    fn case_branch(&mut self, open: Open) {
        let parent = self.body.scopes[open.scope].parent;
        let scope = self.scope_in(parent, Entered::Perhaps);
        self.replace_open(Open { kind: OpenKind::Case, scope });
    }
}
