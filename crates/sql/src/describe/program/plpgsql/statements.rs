//! The statements of PL/pgSQL, one after the other: where each ends, and what of it is SQL.

use std::collections::BTreeSet;
use std::ops::Range;

use pg_query::protobuf::Token as Kind;

use super::{Entered, OpenKind, Piece, PieceKind, Reader, Refused, word_of};

/// Words that are never variables at the beginning of a statement.
const RESERVED: &[&str] = &[
    "begin", "case", "declare", "else", "end", "execute", "for", "foreach", "if", "loop", "null", "when",
    "while",
];

impl Reader<'_> {
    /// Whatever begins here, a block or a branch too.
    pub(super) fn statement(&mut self) -> Result<(), Refused> {
        let start = self.at;
        if self.sign_is(0, "<<") {
            let behind = self.keyword(3);
            if matches!(behind.as_deref(), Some("declare" | "begin")) {
                let parent = Some(self.scope());
                return self.open_block(parent);
            }
            self.label();
        }
        if self.is_assignment() {
            return self.assignment(start);
        }
        let Some(word) = self.keyword(0) else {
            // A query in parentheses is a statement of SQL.
            return if self.sign_is(0, "(") {
                self.sql(start, PieceKind::Statement)
            } else {
                Err(self.refused())
            };
        };
        match word.as_str() {
            "declare" | "begin" => {
                let parent = Some(self.scope());
                self.open_block(parent)
            }
            "if" => self.branch(None),
            "case" => {
                self.at += 1;
                if self.keyword(0).as_deref() != Some("when") {
                    self.at = self.expression(start, PieceKind::Expression, &["when"])?;
                }
                self.enter(OpenKind::Case, Entered::Perhaps);
                Ok(())
            }
            "loop" => {
                self.at += 1;
                self.enter(OpenKind::Loop, Entered::Repeatedly);
                Ok(())
            }
            "while" => {
                self.enter(OpenKind::Loop, Entered::Repeatedly);
                self.at += 1;
                self.at = self.expression(start, PieceKind::Expression, &["loop"])? + 1;
                Ok(())
            }
            "for" => self.for_loop(start),
            "foreach" => {
                let until = self.find(&["array"])?;
                self.declare_words(self.at + 1..until);
                self.at = until + 1;
                self.at = self.expression(start, PieceKind::Expression, &["loop"])? + 1;
                self.enter(OpenKind::Loop, Entered::Repeatedly);
                Ok(())
            }
            "execute" => self.execute(start),
            "perform" => self.sql(start, PieceKind::Statement),
            "return" => self.return_statement(start),
            "exit" | "continue" => {
                let end = self.find(&[";"])?;
                self.condition_behind_when(start, end)?;
                // Without a label it leaves the loop that it stands in, where everything is repeated anyway.
                if word == "exit" && (self.loops == 0 || self.word(1).is_some_and(|label| label != "when")) {
                    self.leave(start, end);
                }
                self.at = end + 1;
                Ok(())
            }
            "raise" => self.raise(start),
            "assert" => {
                self.at += 1;
                self.at = self.expression(start, PieceKind::Expression, &[";"])? + 1;
                Ok(())
            }
            "open" => self.open_cursor(start),
            "commit" | "rollback" if !self.is_savepoint() => {
                self.body.commits = true;
                self.at = self.find(&[";"])? + 1;
                Ok(())
            }
            "null" | "get" | "fetch" | "move" | "close" => {
                self.at = self.find(&[";"])? + 1;
                Ok(())
            }
            _ => self.sql(start, PieceKind::Statement),
        }
    }

    /// `name :=`, `record.field =`, `list[1] :=`.
    pub(super) fn is_assignment(&self) -> bool {
        let Some(first) = self.tokens.get(self.at) else { return false };
        if self.word(0).is_none() && first.kind != Kind::Param {
            return false;
        }
        if self.keyword(0).is_some_and(|word| RESERVED.contains(&word.as_str())) {
            return false;
        }
        let mut ahead = 1;
        while self.sign_is(ahead, ".") && self.word(ahead + 1).is_some() {
            ahead += 2;
        }
        self.sign_is(ahead, ":=") || self.sign_is(ahead, "=") || self.sign_is(ahead, "[")
    }

    fn assignment(&mut self, start: usize) -> Result<(), Refused> {
        let variable = self.word(0);
        let end = self.find(&[":=", "="])?;
        self.at = end + 1;
        let piece = self.body.pieces.len();
        self.at = self.expression(start, PieceKind::Expression, &[";"])? + 1;
        self.body.pieces[piece].assigns.extend(variable);
        Ok(())
    }

    /// A declaration up to its semicolon: `name type := expression`, `name CURSOR FOR query`.
    pub(super) fn declaration(&mut self) -> Result<(), Refused> {
        let start = self.at;
        self.body.variables.extend(self.word(0));
        let end = self.find(&[";"])?;
        let cursor = (self.at..end).take(4).any(|at| self.word_at(at).as_deref() == Some("cursor"));
        let marks: &[&str] = if cursor { &["for", "is"] } else { &["default", ":=", "="] };
        self.at += 1;
        let mark = self.find_before(marks, end);
        if let Some(mark) = mark {
            self.at = mark + 1;
            if cursor {
                self.sql(start, PieceKind::Statement)?;
                return Ok(());
            }
            let piece = self.body.pieces.len();
            let variable = self.word_at(start);
            self.expression(start, PieceKind::Expression, &[";"])?;
            self.body.pieces[piece].assigns.extend(variable);
        }
        self.at = end + 1;
        Ok(())
    }

    fn for_loop(&mut self, start: usize) -> Result<(), Refused> {
        let within = self.find(&["in"])?;
        self.declare_words(self.at + 1..within);
        self.at = within + 1;
        if self.keyword(0).as_deref() == Some("execute") {
            self.at += 1;
            let until = self.expression(start, PieceKind::Execute, &["loop", "using"])?;
            self.at = until;
            self.at = self.find(&["loop"])? + 1;
            self.enter(OpenKind::Loop, Entered::Repeatedly);
            return Ok(());
        }
        let until = self.find(&["loop"])?;
        let counts = self.find_before(&[".."], until);
        let first = self.keyword(0);
        let is_query = first.as_deref().is_none_or(|word| {
            matches!(
                word,
                "select"
                    | "with"
                    | "values"
                    | "table"
                    | "insert"
                    | "update"
                    | "delete"
                    | "merge"
                    | "explain"
                    | "show"
            )
        });
        if let Some(middle) = counts {
            if first.as_deref() == Some("reverse") {
                self.at += 1;
            }
            self.push(PieceKind::Expression, start, self.at..middle, until);
            let by = {
                self.at = middle + 1;
                self.find_before(&["by"], until)
            };
            self.push(PieceKind::Expression, start, middle + 1..by.unwrap_or(until), until);
        } else if is_query {
            self.push(PieceKind::Statement, start, self.at..until, until);
        }
        self.at = until + 1;
        self.enter(OpenKind::Loop, Entered::Repeatedly);
        Ok(())
    }

    fn execute(&mut self, start: usize) -> Result<(), Refused> {
        self.at += 1;
        let piece = self.body.pieces.len();
        let until = self.expression(start, PieceKind::Execute, &[";", "into", "using"])?;
        self.at = until;
        let end = self.find(&[";"])?;
        self.body.pieces[piece].span = self.span(start, end);
        self.at = end + 1;
        Ok(())
    }

    fn return_statement(&mut self, start: usize) -> Result<(), Refused> {
        self.at += 1;
        match (self.keyword(0).as_deref(), self.keyword(1).as_deref()) {
            (Some("query"), Some("execute")) => {
                self.at += 1;
                self.execute(start)
            }
            (Some("query"), _) => {
                self.at += 1;
                let end = self.find(&[";"])?;
                self.push(PieceKind::Statement, start, self.at..end, end);
                self.at = end + 1;
                Ok(())
            }
            (Some("next"), _) => {
                self.at += 1;
                self.at = self.expression(start, PieceKind::Expression, &[";"])? + 1;
                Ok(())
            }
            _ => {
                let end = self.find(&[";"])?;
                if self.at < end {
                    self.push(PieceKind::Expression, start, self.at..end, end);
                }
                self.leave(start, end);
                self.at = end + 1;
                Ok(())
            }
        }
    }

    /// `RAISE level 'text', arguments USING …`.
    fn raise(&mut self, start: usize) -> Result<(), Refused> {
        let end = self.find(&[";"])?;
        if let Some(comma) = self.find_before(&[","], end) {
            self.at = comma + 1;
            let using = self.find_before(&["using"], end);
            self.push(PieceKind::Expression, start, comma + 1..using.unwrap_or(end), end);
        }
        self.at = end + 1;
        Ok(())
    }

    /// `OPEN cursor FOR query`; otherwise its query was declared.
    fn open_cursor(&mut self, start: usize) -> Result<(), Refused> {
        let end = self.find(&[";"])?;
        if let Some(mark) = self.find_before(&["for"], end) {
            self.at = mark + 1;
            if self.keyword(0).as_deref() == Some("execute") {
                return self.execute(start);
            }
            self.push(PieceKind::Statement, start, mark + 1..end, end);
        }
        self.at = end + 1;
        Ok(())
    }

    fn condition_behind_when(&mut self, start: usize, end: usize) -> Result<(), Refused> {
        if let Some(when) = self.find_before(&["when"], end) {
            self.at = when + 1;
            self.expression(start, PieceKind::Expression, &[";"])?;
            self.at = start;
        }
        Ok(())
    }

    /// What comes behind this is reached only when this was not.
    fn leave(&mut self, start: usize, end: usize) {
        let after = self.last_leave.replace(self.body.pieces.len());
        self.body.pieces.push(Piece {
            kind: PieceKind::Leave,
            sql: String::new(),
            span: self.span(start, end),
            scope: self.scope(),
            after,
            assigns: Vec::new(),
            words: BTreeSet::new(),
        });
    }

    /// An SQL statement to its semicolon; the ones inside `BEGIN ATOMIC … END` are not its own.
    fn sql(&mut self, start: usize, kind: PieceKind) -> Result<(), Refused> {
        let from = self.at;
        let mut depth = 0_usize;
        let mut atomic = 0_usize;
        let mut cases = 0_usize;
        let end = loop {
            let Some(token) = self.tokens.get(self.at) else { return Err(self.refused()) };
            match token.kind {
                Kind::Ascii40 | Kind::Ascii91 => depth += 1,
                Kind::Ascii41 | Kind::Ascii93 => depth = depth.saturating_sub(1),
                Kind::Ascii59 if depth == 0 && atomic == 0 => break self.at,
                Kind::BeginP if self.word(1).as_deref() == Some("atomic") => atomic += 1,
                Kind::Case if atomic > 0 => cases += 1,
                Kind::EndP if cases > 0 => cases -= 1,
                Kind::EndP => atomic = atomic.saturating_sub(1),
                _ => {}
            }
            self.at += 1;
        };
        self.push(kind, start, from..end, end);
        self.at = end + 1;
        Ok(())
    }

    /// From here to one of the signs or words, which is returned.
    pub(super) fn expression(
        &mut self,
        start: usize,
        kind: PieceKind,
        until: &[&str],
    ) -> Result<usize, Refused> {
        let end = self.find(until)?;
        self.push(kind, start, self.at..end, end);
        Ok(end)
    }

    /// A piece made of some tokens, of the statement that begins at `start` and ends before `end`.
    fn push(&mut self, kind: PieceKind, start: usize, tokens: Range<usize>, end: usize) {
        let span = self.span(start, end);
        let text = self.span(tokens.start, tokens.end);
        let own = &self.tokens[tokens.start.min(tokens.end)..tokens.end];
        let words = match kind {
            PieceKind::Expression => own.iter().filter_map(|token| word_of(self.text, *token)).collect(),
            PieceKind::Statement | PieceKind::Execute | PieceKind::Leave => BTreeSet::new(),
        };
        let mut assigns = Vec::new();
        let sql = match kind {
            PieceKind::Expression | PieceKind::Execute => format!("SELECT {}", &self.text[text]),
            PieceKind::Statement | PieceKind::Leave => {
                let mut sql = self.text[text.clone()].to_owned();
                if self.word_at(tokens.start).as_deref() == Some("perform") {
                    sql.replace_range(.."perform".len(), "SELECT ");
                } else if let Some(into) = self.clause_into(tokens, &mut assigns) {
                    // Blanks of the same length, so that places in it stay places in the body.
                    let blanks = " ".repeat(into.len());
                    sql.replace_range(into.start - text.start..into.end - text.start, &blanks);
                }
                sql
            }
        };
        let (scope, after) = (self.scope(), self.last_leave);
        self.body.pieces.push(Piece { kind, sql, span, scope, after, assigns, words });
    }

    /// PL/pgSQL's `INTO` of a query or of `RETURNING`, in bytes; what is not SQL's own `INSERT INTO`. The
    /// server takes the first one, at any depth.
    fn clause_into(&self, tokens: Range<usize>, assigns: &mut Vec<String>) -> Option<Range<usize>> {
        let first = self.word_at(tokens.start)?;
        if !matches!(first.as_str(), "select" | "with" | "insert" | "update" | "delete" | "merge" | "values")
        {
            return None;
        }
        let into = tokens.clone().find(|at| {
            self.tokens[*at].kind == Kind::Into
                && (*at == 0 || !matches!(self.tokens[*at - 1].kind, Kind::Insert | Kind::Merge))
        })?;
        let mut at = into + 1;
        if self.word_at(at).as_deref() == Some("strict") {
            at += 1;
        }
        loop {
            assigns.push(self.word_at(at)?);
            at += 1;
            while self.sign_at(at, ".") && at + 1 < tokens.end {
                at += 2;
            }
            if !self.sign_at(at, ",") {
                break;
            }
            at += 1;
        }
        (at <= tokens.end).then(|| self.tokens[into].start..self.tokens[at - 1].end)
    }
}
