//! The lines of blocks: fields, values, properties, attributes.

use super::{Keyword, Members, Parser};
use crate::schema::lexer::Kind;
use crate::schema::tree::{
    Attribute, Documentation, EnumValue, Field, FieldType, Property, StringLiteral, TypeName,
};
use crate::schema::{Arity, CommentKind, Span, SyntaxError, SyntaxErrorKind};

impl Parser<'_> {
    /// A line that begins with a word or with `@@`.
    pub(super) fn member(&mut self, keyword: Keyword, members: &mut Members) {
        self.is_across = false;
        self.depth = 0;
        match (keyword, &self.peek().kind) {
            (Keyword::Fields(_) | Keyword::Enum, Kind::AtAt) => {
                self.documentation.clear();
                match self.attribute() {
                    Some(attribute) => {
                        members.attributes.push(attribute);
                        self.end_of_line();
                    }
                    None => self.leave_line(),
                }
            }
            (Keyword::Config(_), Kind::AtAt) => {
                self.pass_over_line(SyntaxErrorKind::NotAMember(keyword.member()));
            }
            (Keyword::Fields(_), _) => members.fields.extend(self.field()),
            (Keyword::Enum, _) => members.values.push(self.value()),
            (Keyword::Config(_), _) => members.properties.extend(self.property()),
        }
    }

    fn field(&mut self) -> Option<Field> {
        let above = self.documentation();
        let name = self.name();
        if self.peek().kind == Kind::Sign(':') {
            let colon = self.advance().span;
            self.error(SyntaxErrorKind::Colon, colon);
        }
        let Some(field_type) = self.field_type() else {
            if matches!(self.peek().kind, Kind::Newline | Kind::End | Kind::Comment(_) | Kind::Sign('@')) {
                self.error(SyntaxErrorKind::TypeMissing(name.name), name.span);
            } else {
                self.expected("a type");
            }
            self.leave_line();
            return None;
        };
        let (attributes, documentation) = self.attributes(above);
        let span = name.span.to(attributes.last().map_or(field_type.span, |attribute| attribute.span));
        Some(Field { name, field_type, attributes, documentation, span })
    }

    fn value(&mut self) -> EnumValue {
        let above = self.documentation();
        let name = self.name();
        let (attributes, documentation) = self.attributes(above);
        let span = attributes.last().map_or(name.span, |attribute| name.span.to(attribute.span));
        EnumValue { name, attributes, documentation, span }
    }

    fn property(&mut self) -> Option<Property> {
        self.documentation.clear();
        let key = self.word_here();
        if self.peek().kind != Kind::Sign('=') {
            self.expected("`=`");
            self.leave_line();
            return None;
        }
        self.advance();
        if matches!(self.peek().kind, Kind::Newline | Kind::End | Kind::Comment(_)) {
            self.error(SyntaxErrorKind::ValueMissing(key.name), key.span);
            self.leave_line();
            return None;
        }
        let Some(value) = self.expression() else {
            self.leave_line();
            return None;
        };
        self.end_of_line();
        let span = key.span.to(value.span());
        Some(Property { key, value, span })
    }

    /// `None` where there is no type, and nothing is consumed then but what cannot be one.
    fn field_type(&mut self) -> Option<FieldType> {
        if self.peek().kind == Kind::Sign('[') {
            return self.legacy_list();
        }
        if self.peek().kind != Kind::Word {
            return None;
        }
        let is_unsupported =
            self.text_at(self.peek().span) == "Unsupported" && self.peek_second().kind == Kind::Sign('(');
        let (name, mut span) = match is_unsupported {
            true => self.unsupported()?,
            false => {
                let name = self.name();
                let span = name.span;
                (TypeName::Named(name), span)
            }
        };
        let mut arity = Arity::Required;
        loop {
            let sign = self.peek().span;
            match (&self.peek().kind, &self.peek_second().kind) {
                (Kind::Sign('['), Kind::Sign(']')) if arity == Arity::Required => {
                    self.advance();
                    arity = Arity::List;
                }
                (Kind::Sign('?'), _) if arity == Arity::Required => arity = Arity::Optional,
                (Kind::Sign('?'), _) if arity == Arity::List => {
                    self.error(SyntaxErrorKind::OptionalList, span.to(sign));
                }
                (Kind::Sign('!'), _) => self.error(SyntaxErrorKind::Bang, sign),
                _ => return Some(FieldType { name, arity, span }),
            }
            span = span.to(self.advance().span);
        }
    }

    /// `Unsupported("circle")`
    fn unsupported(&mut self) -> Option<(TypeName, Span)> {
        let word = self.advance().span;
        self.advance();
        let token = self.peek().clone();
        let Kind::String { value, .. } = token.kind else { return None };
        self.advance();
        if self.peek().kind != Kind::Sign(')') {
            return None;
        }
        let close = self.advance().span;
        Some((TypeName::Unsupported(StringLiteral { value, span: token.span }), word.to(close)))
    }

    /// `[String]`, which is told and understood.
    fn legacy_list(&mut self) -> Option<FieldType> {
        let open = self.advance().span;
        if self.peek().kind != Kind::Word || self.peek_second().kind != Kind::Sign(']') {
            return None;
        }
        let name = self.name();
        let span = open.to(self.advance().span);
        self.error(SyntaxErrorKind::LegacyList(name.name.clone()), span);
        Some(FieldType { name: TypeName::Named(name), arity: Arity::List, span })
    }

    /// The attributes of a field or a value up to the end of its line, and its documentation with what
    /// stands behind it.
    fn attributes(&mut self, above: Documentation) -> (Vec<Attribute>, Documentation) {
        let mut attributes = Vec::new();
        while self.peek().kind == Kind::Sign('@') {
            match self.attribute() {
                Some(attribute) => attributes.push(attribute),
                None => {
                    self.leave_line();
                    return (attributes, above);
                }
            }
        }
        let behind = match self.peek().kind {
            Kind::Comment(CommentKind::Documentation) => Some(self.comment_text(self.peek().span)),
            _ => None,
        };
        self.end_of_line();
        let documentation = match (above, behind) {
            (Some(above), Some(behind)) => Some(format!("{above}\n{behind}")),
            (above, behind) => above.or(behind),
        };
        (attributes, documentation)
    }

    /// From `@` or `@@` on; `None` when it cannot be read, which has been told.
    fn attribute(&mut self) -> Option<Attribute> {
        let sign = self.advance().span;
        if self.peek().kind != Kind::Word {
            self.expected("an attribute's name");
            return None;
        }
        let name = self.path();
        self.check(&name);
        let told = self.schema.errors.len();
        let (arguments, end) = match self.peek().kind {
            Kind::Sign('(') => self.arguments()?,
            _ => (Vec::new(), name.span),
        };
        // Prisma minds these everywhere but in native types.
        if name.name.contains('.') {
            let is_passed_over = |error: &SyntaxError| {
                matches!(error.kind, SyntaxErrorKind::TrailingComma | SyntaxErrorKind::ArgumentMissing(_))
            };
            let told = self.schema.errors.split_off(told);
            self.schema.errors.extend(told.into_iter().filter(|error| !is_passed_over(error)));
        }
        Some(Attribute { name, arguments, span: sign.to(end) })
    }

    fn end_of_line(&mut self) {
        if let Kind::Comment(_) = self.peek().kind {
            self.advance();
        }
        match self.peek().kind {
            Kind::Newline => {
                self.advance();
            }
            Kind::End => {}
            // The block ends all the same.
            Kind::Sign('}') => self.expected("a new line for `}`"),
            _ => {
                self.expected("the end of the line");
                self.leave_line();
            }
        }
    }
}
