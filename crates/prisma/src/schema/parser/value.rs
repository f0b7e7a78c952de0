//! Values: literals, words, functions, arrays, objects, and the arguments in parentheses.

use super::Parser;
use crate::schema::lexer::{Kind, Token};
use crate::schema::tree::{Argument, Expression, Identifier, StringLiteral};
use crate::schema::{Span, SyntaxErrorKind};

/// Brackets in brackets. Real schemas have four; the stack has room for far more than this.
const DEPTH_MAX: usize = 64;

/// How many pieces are searched for the end of a bracket that its line leaves open.
const SEARCH_MAX: usize = 512;

impl Parser<'_> {
    /// A value. `None` when there is none that can be read, which has been told.
    pub(super) fn expression(&mut self) -> Option<Expression> {
        let token = self.peek().clone();
        match token.kind {
            Kind::String { value, .. } => {
                self.advance();
                Some(Expression::String(StringLiteral { value, span: token.span }))
            }
            Kind::Number => {
                self.advance();
                Some(Expression::Number { text: self.word(token.span), span: token.span })
            }
            Kind::Word => {
                let name = self.path();
                if self.peek().kind != Kind::Sign('(') {
                    return Some(Expression::Constant(name));
                }
                let (arguments, end) = self.arguments()?;
                let span = name.span.to(end);
                Some(Expression::Function { name, arguments, span })
            }
            Kind::Sign('[') => {
                let (items, end) = self.bracketed(']', Self::expression)?;
                Some(Expression::Array { items, span: token.span.to(end) })
            }
            Kind::Sign('{') => {
                let (entries, end) = self.bracketed('}', Self::argument)?;
                Some(Expression::Object { entries, span: token.span.to(end) })
            }
            _ => {
                self.expected("a value");
                None
            }
        }
    }

    /// `(a, name: b)`, and where it ends.
    pub(super) fn arguments(&mut self) -> Option<(Vec<Argument>, Span)> {
        let (arguments, end) = self.bracketed(')', Self::argument_or_nothing)?;
        Some((arguments.into_iter().flatten().collect(), end))
    }

    /// A word with dots, without spaces between: `db.VarChar`.
    pub(super) fn path(&mut self) -> Identifier {
        let mut span = self.advance().span;
        while self.peek().kind == Kind::Sign('.')
            && self.peek().span.start == span.end
            && self.peek_second().kind == Kind::Word
            && self.peek_second().span.start == self.peek().span.end
        {
            self.advance();
            span = span.to(self.advance().span);
        }
        Identifier { name: self.word(span), span }
    }

    pub(super) fn expected(&mut self, expected: &'static str) {
        let token = self.peek();
        let found = match &token.kind {
            Kind::End => "the end of the file".to_owned(),
            Kind::Newline | Kind::Comment(_) => "the end of the line".to_owned(),
            Kind::Sign(sign) if sign.is_control() || sign.is_whitespace() => {
                format!("character U+{:04X}", u32::from(*sign))
            }
            Kind::String { .. } => "a string".to_owned(),
            Kind::Word | Kind::Number | Kind::Sign(_) | Kind::AtAt => {
                format!("`{}`", self.text_at(token.span))
            }
        };
        let span = token.span;
        self.error(SyntaxErrorKind::Expected { expected, found }, span);
    }

    /// An argument; the inner `None` for a name without a value, which is told and passed over.
    fn argument_or_nothing(&mut self) -> Option<Option<Argument>> {
        let is_named = self.peek().kind == Kind::Word && self.peek_second().kind == Kind::Sign(':');
        if !is_named {
            let value = self.expression()?;
            let span = value.span();
            return Some(Some(Argument { name: None, value, span }));
        }
        let span = self.advance().span;
        let name = Identifier { name: self.word(span), span };
        self.advance();
        if matches!(self.peek().kind, Kind::Sign(',' | ')' | '}')) {
            self.error(SyntaxErrorKind::ArgumentMissing(name.name), span);
            return Some(None);
        }
        let value = self.expression()?;
        let span = span.to(value.span());
        Some(Some(Argument { name: Some(name), value, span }))
    }

    /// An entry of an object.
    fn argument(&mut self) -> Option<Argument> {
        match self.argument_or_nothing()? {
            Some(argument) if argument.name.is_some() => Some(argument),
            Some(argument) => {
                let expected =
                    SyntaxErrorKind::Expected { expected: "a name and `:`", found: "a value".to_owned() };
                self.error(expected, argument.span);
                None
            }
            None => None,
        }
    }

    /// What stands between the bracket at hand and `close`, with commas between.
    fn bracketed<T>(
        &mut self,
        close: char,
        mut item: impl FnMut(&mut Self) -> Option<T>,
    ) -> Option<(Vec<T>, Span)> {
        let open = self.advance();
        if self.depth == DEPTH_MAX {
            self.error(SyntaxErrorKind::Nested, open.span);
            return None;
        }
        self.depth += 1;
        let mut items = Vec::new();
        self.over_lines(&open)?;
        if close == ')' && self.peek().kind == Kind::Sign(',') && self.peek_second().kind == Kind::Sign(')') {
            let comma = self.advance().span;
            self.error(SyntaxErrorKind::TrailingComma, comma);
        }
        while self.peek().kind != Kind::Sign(close) {
            items.push(item(self)?);
            self.over_lines(&open)?;
            let comma = match self.peek().kind {
                Kind::Sign(',') => self.advance().span,
                Kind::Sign(sign) if sign == close => break,
                _ => {
                    self.expected(match close {
                        ')' => "`,` or `)`",
                        ']' => "`,` or `]`",
                        _ => "`,` or `}`",
                    });
                    return None;
                }
            };
            self.over_lines(&open)?;
            if self.peek().kind == Kind::Sign(close) {
                self.error(SyntaxErrorKind::TrailingComma, comma);
            }
        }
        self.depth -= 1;
        Some((items, self.advance().span))
    }

    /// Line ends and comments within brackets. Prisma has none there; where the bracket is closed soon,
    /// that is told once and the value is read, so that one slip is one error.
    fn over_lines(&mut self, open: &Token) -> Option<()> {
        while matches!(self.peek().kind, Kind::Newline | Kind::Comment(_) | Kind::End) {
            if !self.is_across {
                // The bracket may stand in the string, which has been told already.
                if matches!(self.tokens[self.at - 1].kind, Kind::String { is_closed: false, .. }) {
                    return None;
                }
                let sign = self.text_at(open.span).chars().next().unwrap_or('(');
                self.error(SyntaxErrorKind::OpenBracket(sign), open.span);
                if !self.closes_soon(sign) {
                    return None;
                }
                self.is_across = true;
            }
            if self.advance().kind == Kind::End {
                return None;
            }
        }
        Some(())
    }

    /// Whether all open brackets, the innermost of which is `open`, are closed before the block seems to end.
    fn closes_soon(&self, open: char) -> bool {
        let mut depth = self.depth;
        let mut begins_line = false;
        for token in self.tokens[self.at..].iter().take(SEARCH_MAX) {
            match token.kind {
                Kind::Sign('(' | '[' | '{') => depth += 1,
                Kind::Sign('}') if begins_line && depth == self.depth && open != '{' => return false,
                Kind::Sign(')' | ']' | '}') => depth -= 1,
                Kind::AtAt | Kind::End => return false,
                _ => {}
            }
            if depth == 0 {
                return true;
            }
            begins_line = token.kind == Kind::Newline;
        }
        false
    }
}
