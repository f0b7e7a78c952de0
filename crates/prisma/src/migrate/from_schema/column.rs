//! Columns: type, arity, default.

use super::Reading;
use crate::migrate::NativeType;
use crate::migrate::catalog::{Column, ColumnType, Default, Value};
use crate::schema::{Attribute, Enum, Expression, Field, Scalar, TypeOf};
use underpin_catalog::Name;

/// What a default's constants are read as.
#[derive(Clone, Copy)]
enum Constants<'a> {
    Scalar(Scalar),
    Enum(&'a Enum),
    /// Prisma takes no constants for a type that it does not know.
    None,
}

impl<'a> Reading<'a> {
    /// The column of a field; a relation has none.
    pub(super) fn column(&mut self, field: &'a Field) -> Option<Column> {
        let (column_type, constants) = match self.names.type_of(field) {
            TypeOf::Model(_) => return None,
            TypeOf::Scalar(scalar) => {
                let native = match field.native_type() {
                    None => NativeType::of_scalar(scalar),
                    Some(attribute) => self.native_type(attribute)?,
                };
                (ColumnType::Native(native), Constants::Scalar(scalar))
            }
            TypeOf::Enum(found) => {
                let name = self.name(found.namespace(), found.database_name());
                (ColumnType::Enum(name), Constants::Enum(found))
            }
            TypeOf::Unsupported(text) => (ColumnType::Unsupported(text.to_owned()), Constants::None),
            TypeOf::Composite(model) => {
                return self
                    .problem(format!("`{}` is a composite type", model.name.name), field.field_type.span);
            }
            TypeOf::Unknown(name) => {
                return self.problem(format!("there is no type `{name}`"), field.field_type.span);
            }
        };
        let mut column = Column {
            name: Name::new(field.database_name()),
            column_type,
            arity: field.field_type.arity,
            default: None,
            is_autoincrement: false,
            is_filled_by_client: false,
        };
        if let Some(default) = field.default() {
            self.fill_default(&mut column, default, constants);
        }
        Some(column)
    }

    fn native_type(&mut self, attribute: &Attribute) -> Option<NativeType> {
        let native = NativeType::of_attribute(attribute);
        native.or_else(|| self.problem(format!("there is no type @{}", attribute.name.name), attribute.span))
    }

    fn fill_default(&mut self, column: &mut Column, default: &Expression, constants: Constants<'a>) {
        let Expression::Function { name, arguments, .. } = default else {
            column.default = match constant(default, constants) {
                Some(value) => Some(Default::Value(value)),
                None => self.problem("this is no value of the field's type", default.span()),
            };
            return;
        };
        match name.name.as_str() {
            "autoincrement" => {
                column.is_autoincrement = true;
                column.default = Some(Default::Sequence(String::new()));
            }
            "now" => column.default = Some(Default::Now),
            "dbgenerated" => {
                let text = arguments.first().and_then(|argument| argument.value.as_str());
                // Without an expression it is whatever the database has; to Prisma, an enum has nothing then.
                let is_enum = matches!(constants, Constants::Enum(_));
                let is_any = text.is_some() || !is_enum;
                column.default = is_any.then(|| Default::DbGenerated(text.map(str::to_owned)));
            }
            _ => column.is_filled_by_client = true,
        }
    }
}

fn constant(expression: &Expression, constants: Constants<'_>) -> Option<Value> {
    if let Expression::Array { items, .. } = expression {
        return items.iter().map(|item| constant(item, constants)).collect::<Option<_>>().map(Value::List);
    }
    match constants {
        Constants::Scalar(scalar) => super::value::of_scalar(expression, scalar),
        Constants::Enum(found) => {
            let word = expression.word()?;
            let value = found.values.iter().find(|value| value.name.name == word)?;
            Some(Value::Enum(value.database_name().to_owned()))
        }
        Constants::None => None,
    }
}
