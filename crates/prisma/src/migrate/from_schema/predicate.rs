//! Conditions of partial indexes, a preview feature since Prisma 7.4.

use super::Reading;
use crate::migrate::sql::{identifier, literal};
use crate::schema::{Argument, Expression, Model};

impl<'a> Reading<'a> {
    /// `raw("a > 1")`, taken as it is, or `{ a: 1, b: { not: null } }`, all of which must hold.
    pub(super) fn predicate(&mut self, model: &Model, condition: &Expression) -> Option<String> {
        let text = match condition {
            Expression::Function { arguments, .. } => {
                arguments.first().and_then(|argument| argument.value.as_str()).map(str::to_owned)
            }
            Expression::Object { entries, .. } => {
                let terms: Option<Vec<String>> =
                    entries.iter().map(|entry| self.term(model, entry)).collect();
                terms.map(|terms| terms.join(" AND "))
            }
            _ => None,
        };
        match text {
            Some(text) => Some(format!("({text})")),
            None => self.problem("this is no condition", condition.span()),
        }
    }

    fn term(&mut self, model: &Model, entry: &Argument) -> Option<String> {
        let word = &entry.name.as_ref()?.name;
        let Some(field) = model.field(word) else {
            return self.problem(format!("`{}` has no field `{word}`", model.name.name), entry.span);
        };
        let column = identifier(field.database_name());
        let (is_not, value) = match &entry.value {
            Expression::Object { entries, .. } => match &entries[..] {
                [only] if only.name.as_ref().is_some_and(|name| name.name == "not") => (true, &only.value),
                _ => return None,
            },
            value => (false, value),
        };
        let constant = match value {
            Expression::String(text) => literal(&text.value),
            Expression::Number { text, .. } => text.clone(),
            Expression::Constant(word) => match (word.name.as_str(), is_not) {
                ("null", false) => return Some(format!("{column} IS NULL")),
                ("null", true) => return Some(format!("{column} IS NOT NULL")),
                ("true" | "false", _) => word.name.clone(),
                _ => return None,
            },
            _ => return None,
        };
        Some(format!("{column} {} {constant}", if is_not { "!=" } else { "=" }))
    }
}
