//! Attributes and their arguments, ticked off as they are understood: what is left over is unknown.

use super::error::Errors;
use crate::schema::{Argument, Attribute, Expression, Span};

/// The attributes of a field, a value or a block.
pub(super) struct Attributes<'a> {
    left: Vec<&'a Attribute>,
    /// `@` or `@@`, for messages.
    sign: &'static str,
}

/// The arguments of an attribute.
pub(super) struct Arguments<'a> {
    pub(super) attribute: &'a Attribute,
    left: Vec<&'a Argument>,
}

impl<'a> Attributes<'a> {
    pub(super) fn of_field(attributes: &'a [Attribute]) -> Self {
        Self { left: attributes.iter().collect(), sign: "@" }
    }

    pub(super) fn of_block(attributes: &'a [Attribute]) -> Self {
        Self { left: attributes.iter().collect(), sign: "@@" }
    }

    /// The attribute of a name that may stand once.
    pub(super) fn single(&mut self, name: &str, errors: &mut Errors) -> Option<Arguments<'a>> {
        let found = self.take(|attribute| attribute.name.name == name);
        match found[..] {
            [] => None,
            [only] => Arguments::of(only, errors),
            _ => {
                for attribute in found {
                    self.tell_twice(attribute, errors);
                }
                None
            }
        }
    }

    /// The attributes of a name that may stand several times.
    pub(super) fn repeated(&mut self, name: &str, errors: &mut Errors) -> Vec<Arguments<'a>> {
        let found = self.take(|attribute| attribute.name.name == name);
        found.into_iter().filter_map(|attribute| Arguments::of(attribute, errors)).collect()
    }

    /// `@db.…`: the last one counts. Its arguments are the native type's.
    pub(super) fn native(&mut self, errors: &mut Errors) -> Option<&'a Attribute> {
        let found = self.take(|attribute| attribute.name.name.contains('.'));
        for attribute in found.iter().skip(1) {
            self.tell_twice(attribute, errors);
        }
        found.last().copied()
    }

    /// Tells what nobody has taken.
    pub(super) fn finish(self, errors: &mut Errors) {
        for attribute in self.left {
            let name = &attribute.name.name;
            let message = format!("`{}{name}` is no attribute that can stand here", self.sign);
            let hint = match (self.sign, name.contains('.')) {
                (_, true) => "native types go with scalar types alone, such as String or Int: remove it",
                ("@", _) => {
                    "fields take @id, @unique, @default, @updatedAt, @map, @ignore, @relation and a native type"
                }
                _ => {
                    "blocks take @@id, @@unique, @@index, @@map, @@schema and @@ignore, enums @@map and @@schema"
                }
            };
            errors.tell(attribute.span, message, hint);
        }
    }

    fn take(&mut self, is_wanted: impl Fn(&Attribute) -> bool) -> Vec<&'a Attribute> {
        let (wanted, left) = self.left.iter().partition(|attribute| is_wanted(attribute));
        self.left = left;
        wanted
    }

    fn tell_twice(&self, attribute: &Attribute, errors: &mut Errors) {
        let name = &attribute.name.name;
        let what = if name.contains('.') { "a native type" } else { name.as_str() };
        let sign = if name.contains('.') { "" } else { self.sign };
        let message = format!("{sign}{what} can stand here once only");
        errors.tell(attribute.span, message, "keep one of them");
    }
}

impl<'a> Arguments<'a> {
    /// Nothing if one is there twice: then it is told and no more can be said about the attribute.
    fn of(attribute: &'a Attribute, errors: &mut Errors) -> Option<Self> {
        let mut left: Vec<&Argument> = Vec::new();
        let (mut is_clear, mut unnamed) = (true, 0);
        for argument in &attribute.arguments {
            let name = name_of(argument);
            unnamed += usize::from(name.is_none());
            match left.iter().position(|other| name_of(other) == name) {
                Some(_) if name.is_some() => {
                    is_clear = false;
                    let message = format!("argument `{}` is given twice", name.unwrap_or_default());
                    errors.tell(argument.span, message, "keep one of them");
                }
                Some(position) => left[position] = argument,
                None => left.push(argument),
            }
        }
        if unnamed > 1 {
            let message = format!("`{}` takes one argument without a name", attribute.name.name);
            errors.tell(attribute.span, message, "write several fields in brackets: [a, b]");
        }
        is_clear.then_some(Self { attribute, left })
    }

    pub(super) fn span(&self) -> Span {
        self.attribute.span
    }

    /// The argument of a name.
    pub(super) fn named(&mut self, name: &str) -> Option<&'a Expression> {
        self.argument(name).map(|argument| &argument.value)
    }

    /// The same with its name.
    pub(super) fn argument(&mut self, name: &str) -> Option<&'a Argument> {
        let position = self.left.iter().position(|argument| name_of(argument) == Some(name))?;
        Some(self.left.remove(position))
    }

    /// The argument of a name, or the one without a name.
    pub(super) fn main(&mut self, name: &str, errors: &mut Errors) -> Option<&'a Expression> {
        match self.main_if_any(name) {
            Ok(Some(value)) => Some(value),
            Ok(None) => {
                let message = format!("`{}` needs the argument `{name}`", self.attribute.name.name);
                let hint = "write it in the parentheses behind the attribute";
                errors.tell(self.span(), message, hint);
                None
            }
            Err(argument) => {
                let message = format!("`{name}` is given twice, with its name and without");
                errors.tell(argument.span, message, "keep one of them");
                None
            }
        }
    }

    /// The same where there need not be one; the named one if it is given both ways.
    pub(super) fn main_if_any(&mut self, name: &str) -> Result<Option<&'a Expression>, &'a Argument> {
        let named = self.argument(name);
        let position = self.left.iter().position(|argument| argument.name.is_none());
        let unnamed = position.map(|position| self.left.remove(position));
        match (named, unnamed) {
            (Some(named), Some(_)) => Err(named),
            (Some(one), None) | (None, Some(one)) => Ok(Some(&one.value)),
            (None, None) => Ok(None),
        }
    }

    /// The text of a named argument, which may not be empty.
    pub(super) fn text(&mut self, name: &str, errors: &mut Errors) -> Option<&'a str> {
        let found = text(self.named(name)?, errors)?;
        if found.is_empty() {
            let message = format!("`{name}` cannot be empty");
            errors.tell(self.span(), message, "write a name, or leave the argument away");
            return None;
        }
        Some(found)
    }

    /// Tells what nobody has taken.
    pub(super) fn finish(self, errors: &mut Errors) {
        for argument in self.left {
            let message = match name_of(argument) {
                Some(name) => format!("`{}` has no argument `{name}`", self.attribute.name.name),
                None => format!("`{}` takes no such argument", self.attribute.name.name),
            };
            errors.tell(argument.span, message, "remove it");
        }
    }
}

fn name_of(argument: &Argument) -> Option<&str> {
    argument.name.as_ref().map(|name| name.name.as_str())
}

/// What an expression is, for messages.
pub(super) fn described(expression: &Expression) -> String {
    match expression {
        Expression::String(literal) => format!("the string \"{}\"", literal.value),
        Expression::Number { text, .. } => format!("the number {text}"),
        Expression::Constant(word) => format!("the word `{}`", word.name),
        Expression::Function { name, .. } => format!("the function `{}`", name.name),
        Expression::Array { .. } => "a list".to_owned(),
        Expression::Object { .. } => "an object".to_owned(),
    }
}

fn mismatch(expected: &str, hint: &str, expression: &Expression, errors: &mut Errors) {
    let message = format!("expected {expected}, found {}", described(expression));
    errors.tell(expression.span(), message, hint);
}

/// A string.
pub(super) fn text<'a>(expression: &'a Expression, errors: &mut Errors) -> Option<&'a str> {
    if expression.as_str().is_none() {
        mismatch("a string", "write it in double quotes", expression, errors);
    }
    expression.as_str()
}

/// A word: the name of a field, an action, a kind of index.
pub(super) fn word<'a>(expression: &'a Expression, errors: &mut Errors) -> Option<&'a str> {
    match expression {
        Expression::Constant(word) => Some(&word.name),
        other => {
            mismatch("a word", "write it without quotes", other, errors);
            None
        }
    }
}

/// A whole number; which one does not matter to anybody here.
pub(super) fn number(expression: &Expression, errors: &mut Errors) {
    if !matches!(expression, Expression::Number { .. }) {
        mismatch("a number", "write digits", expression, errors);
    }
}

/// `true` or `false`; which one does not matter to anybody here.
pub(super) fn boolean(expression: &Expression, errors: &mut Errors) {
    if !matches!(expression, Expression::Constant(word) if word.name == "true" || word.name == "false") {
        mismatch("true or false", "write true or false, without quotes", expression, errors);
    }
}
