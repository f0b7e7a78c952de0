//! What `EXECUTE` executes, as far as its expression is made of constants.

use pg_query::protobuf::a_const::Val;
use pg_query::protobuf::node::Node as NodeEnum;
use pg_query::protobuf::{Node, SelectStmt};
use underpin_catalog::{Literal, Name};

use crate::describe::strings;
use crate::parser;

/// The value of an expression that is taken for a statement.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Composed {
    /// Constants alone: this text.
    Constant(String),
    /// It begins with these words, and what follows is only known when it runs.
    Begins(String),
    /// Not even that.
    Unknown,
}

/// The value of `SELECT expression`.
pub(super) fn composed(sql: &str) -> Composed {
    let Ok(parsed) = parser::parse(sql) else { return Composed::Unknown };
    let statement = parsed.protobuf.stmts.first().and_then(|raw| raw.stmt.as_ref()?.node.as_ref());
    let Some(NodeEnum::SelectStmt(statement)) = statement else { return Composed::Unknown };
    let Some(expression) = only_target(statement) else { return Composed::Unknown };
    let value = value(expression);
    match value {
        Value { text, whole: true } => Composed::Constant(text),
        Value { text, whole: false } => match shown(&text) {
            words if words.is_empty() => Composed::Unknown,
            words => Composed::Begins(words),
        },
    }
}

fn only_target(statement: &SelectStmt) -> Option<&Node> {
    match statement.target_list.as_slice() {
        [Node { node: Some(NodeEnum::ResTarget(target)) }] if statement.from_clause.is_empty() => {
            target.val.as_deref()
        }
        _ => None,
    }
}

/// A text, or its beginning.
struct Value {
    text: String,
    whole: bool,
}

impl Value {
    fn unknown() -> Self {
        Self { text: String::new(), whole: false }
    }

    fn followed_by(mut self, next: Self) -> Self {
        if self.whole {
            self.text.push_str(&next.text);
            self.whole = next.whole;
        }
        self
    }
}

/// The grammar lets expressions nest no deeper than its decoder goes, so that this may recurse.
fn value(node: &Node) -> Value {
    match &node.node {
        Some(NodeEnum::AConst(constant)) => match &constant.val {
            Some(Val::Sval(text)) => Value { text: text.sval.clone(), whole: true },
            Some(Val::Ival(number)) => Value { text: number.ival.to_string(), whole: true },
            _ => Value::unknown(),
        },
        Some(NodeEnum::TypeCast(cast)) => cast.arg.as_deref().map_or_else(Value::unknown, value),
        Some(NodeEnum::AExpr(expression)) if strings(&expression.name) == ["||"] => {
            match (expression.lexpr.as_deref(), expression.rexpr.as_deref()) {
                (Some(left), Some(right)) => value(left).followed_by(value(right)),
                _ => Value::unknown(),
            }
        }
        Some(NodeEnum::FuncCall(call)) => {
            let name = strings(&call.funcname).pop().unwrap_or_default();
            let values = call.args.iter().map(value);
            match name.as_str() {
                "format" => formatted(values.collect()),
                "concat" => values.fold(Value { text: String::new(), whole: true }, Value::followed_by),
                "quote_ident" => values.map(quoted_name).next().unwrap_or_else(Value::unknown),
                _ => Value::unknown(),
            }
        }
        _ => Value::unknown(),
    }
}

fn quoted_name(value: Value) -> Value {
    Value { text: Name::new(value.text).to_string(), whole: value.whole }
}

/// `format`, with `%I`, `%L`, `%s` and `%%`. Positions and widths are left to the server.
fn formatted(values: Vec<Value>) -> Value {
    let mut values = values.into_iter();
    let Some(template) = values.next().filter(|template| template.whole) else { return Value::unknown() };
    let mut made = Value { text: String::new(), whole: true };
    let mut rest = template.text.as_str();
    while let Some((before, behind)) = rest.split_once('%') {
        made.text.push_str(before);
        let mut signs = behind.chars();
        let sign = signs.next();
        if sign == Some('%') {
            made.text.push('%');
        } else {
            let next = values.next().filter(|value| value.whole);
            let Some(next) = next else { return Value { whole: false, ..made } };
            match sign {
                Some('I') => made.text.push_str(&quoted_name(next).text),
                Some('L') => made.text.push_str(&Literal(&next.text).to_string()),
                Some('s') => made.text.push_str(&next.text),
                _ => return Value { whole: false, ..made },
            }
        }
        rest = signs.as_str();
    }
    made.text.push_str(rest);
    made
}

/// A beginning in a few words: whole words, and no name that is cut off at an open quote.
fn shown(text: &str) -> String {
    let words: Vec<_> = text.split_whitespace().take(5).collect();
    let words = words.join(" ");
    let words = words.trim_end_matches(['"', '\'', '.', '(']).trim_end();
    words.chars().take(60).collect()
}
