//! Whether two conditions of partial indexes are the same to Prisma (since 7.5): PostgreSQL gives a condition
//! back with parentheses, with casts behind constants and in the catalog's spelling of names.
//!
//! It compares trees without parentheses and forgives those three in chains of operators, and nothing else: `IN`
//! comes back as `= ANY (ARRAY[…])`, `LIKE` as `~~`, and then Prisma makes the index again in every migration.

/// Whether two conditions mean the same, by Prisma's judgement.
pub(super) fn are_the_same(one: &str, other: &str) -> bool {
    one == other
        || match (Parser::parse(one), Parser::parse(other)) {
            (Some(one), Some(other)) => same(&one, &other),
            _ => false,
        }
}

/// An expression without its parentheses.
#[derive(Debug, Clone, PartialEq)]
struct Tree {
    head: Head,
    parts: Vec<Tree>,
}

#[derive(Debug, Clone, PartialEq)]
enum Head {
    /// A name of one part or more, each with whether it is quoted.
    Name(Vec<(String, bool)>),
    /// A constant.
    Value(String),
    /// `::` and the type behind it.
    Cast(String),
    /// Something whose parts are compared with forgiveness.
    Operator(String),
    /// Something whose parts have to be equal.
    Strict(String),
}

fn same(one: &Tree, other: &Tree) -> bool {
    if one == other {
        return true;
    }
    match (&one.head, &other.head) {
        (Head::Name(one), Head::Name(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| are_one_name(one, other))
        }
        (Head::Value(_), Head::Cast(_)) if other.parts[0] == *one => true,
        (Head::Cast(_), Head::Value(_)) if one.parts[0] == *other => true,
        (_, Head::Cast(_)) if matches!(other.parts[0].head, Head::Cast(_)) => same(one, &other.parts[0]),
        (Head::Cast(_), _) if matches!(one.parts[0].head, Head::Cast(_)) => same(&one.parts[0], other),
        (Head::Operator(this), Head::Operator(that)) | (Head::Cast(this), Head::Cast(that)) => {
            this == that
                && one.parts.len() == other.parts.len()
                && one.parts.iter().zip(&other.parts).all(|(one, other)| same(one, other))
        }
        _ => false,
    }
}

/// Quotes make no difference where the name is the same without them.
fn are_one_name(one: &(String, bool), other: &(String, bool)) -> bool {
    one == other || (one.0 == other.0 && is_plain(&one.0))
}

fn is_plain(name: &str) -> bool {
    const NO_NAMES: [&str; 16] = [
        "all", "any", "array", "between", "case", "cast", "exists", "extract", "false", "in", "interval",
        "is", "not", "null", "some", "true",
    ];
    let is_word = |sign: char| sign.is_alphanumeric() || sign == '_';
    name.starts_with(|first: char| first.is_alphabetic() || first == '_')
        && name.chars().all(is_word)
        && !NO_NAMES.contains(&name.to_ascii_lowercase().as_str())
}

/// A piece of SQL.
#[derive(Debug, Clone, PartialEq)]
enum Token {
    /// Unquoted, as it is written.
    Word(String),
    Quoted(String),
    /// A string or a number, as it is written.
    Constant(String),
    /// An operator or another sign.
    Sign(String),
}

/// The weights of operators, heavier ones first.
const CAST: u8 = 60;
const SIGN: u8 = 50;
const PRODUCT: u8 = 45;
const SUM: u8 = 40;
const OTHER: u8 = 35;
const RANGE: u8 = 30;
const COMPARISON: u8 = 25;
const IS: u8 = 20;
const NOT: u8 = 15;
const AND: u8 = 10;
const OR: u8 = 5;

struct Parser {
    tokens: Vec<Token>,
    position: usize,
}

impl Parser {
    /// The tree of a text; `None` where it is no expression that is understood to its end.
    fn parse(text: &str) -> Option<Tree> {
        let mut parser = Self { tokens: tokens(text)?, position: 0 };
        let tree = parser.expression(0)?;
        (parser.position == parser.tokens.len()).then_some(tree)
    }

    fn expression(&mut self, least: u8) -> Option<Tree> {
        let mut left = self.operand()?;
        while let Some((right, position)) = self.continued(&left, least) {
            left = right;
            self.position = position;
        }
        Some(left)
    }

    /// The expression that what was read begins, and where it ends.
    fn continued(&mut self, left: &Tree, least: u8) -> Option<(Tree, usize)> {
        let start = self.position;
        let tree = self.infix(left, least);
        let end = std::mem::replace(&mut self.position, start);
        tree.map(|tree| (tree, end))
    }

    fn infix(&mut self, left: &Tree, least: u8) -> Option<Tree> {
        let binary = |head: Head, right: Tree| Tree { head, parts: vec![left.clone(), right] };
        let token = self.tokens.get(self.position)?.clone();
        self.position += 1;
        let weight = |weight: u8| (weight > least).then_some(weight);
        match token {
            Token::Sign(sign) if sign == "::" => {
                weight(CAST)?;
                Some(Tree { head: Head::Cast(self.type_name()?), parts: vec![left.clone()] })
            }
            Token::Sign(sign) if sign == "[" => {
                let index = self.expression(0)?;
                self.sign("]")?;
                Some(binary(Head::Strict("[]".to_owned()), index))
            }
            Token::Sign(sign) => {
                let (sign, own) = operator(&sign)?;
                let own = weight(own)?;
                if self.word("any").or_else(|| self.word("all")).or_else(|| self.word("some")).is_some() {
                    let of = format!("{sign} {:?}", self.tokens[self.position - 1]).to_lowercase();
                    return Some(binary(Head::Strict(of), self.operand()?));
                }
                Some(binary(Head::Operator(sign), self.expression(own)?))
            }
            Token::Word(word) => match word.to_ascii_lowercase().as_str() {
                "and" => Some(binary(Head::Operator("and".to_owned()), self.expression(weight(AND)?)?)),
                "or" => Some(binary(Head::Operator("or".to_owned()), self.expression(weight(OR)?)?)),
                "is" => {
                    weight(IS)?;
                    let negation = if self.word("not").is_some() { "is not " } else { "is " };
                    if self.word("distinct").is_some() {
                        self.word("from")?;
                        return Some(binary(
                            Head::Strict(format!("{negation}distinct")),
                            self.expression(IS)?,
                        ));
                    }
                    let Some(Token::Word(what)) = self.tokens.get(self.position).cloned() else {
                        return None;
                    };
                    self.position += 1;
                    let head = format!("{negation}{}", what.to_ascii_lowercase());
                    let is_compared = matches!(what.to_ascii_lowercase().as_str(), "null" | "true" | "false");
                    let head = if is_compared { Head::Operator(head) } else { Head::Strict(head) };
                    Some(Tree { head, parts: vec![left.clone()] })
                }
                "not" => {
                    weight(RANGE)?;
                    self.range(left, "not ")
                }
                "between" | "in" | "like" | "ilike" => {
                    weight(RANGE)?;
                    self.position -= 1;
                    self.range(left, "")
                }
                "collate" | "at" => {
                    weight(SIGN)?;
                    if word.eq_ignore_ascii_case("at") {
                        self.word("time")?;
                        self.word("zone")?;
                    }
                    Some(binary(Head::Strict(word.to_ascii_lowercase()), self.expression(SIGN)?))
                }
                _ => None,
            },
            Token::Quoted(_) | Token::Constant(_) => None,
        }
    }

    /// What follows an operand and perhaps `NOT`.
    fn range(&mut self, left: &Tree, negation: &str) -> Option<Tree> {
        if self.word("between").is_some() {
            let low = self.expression(RANGE)?;
            self.word("and")?;
            let parts = vec![left.clone(), low, self.expression(RANGE)?];
            return Some(Tree { head: Head::Operator(format!("{negation}between")), parts });
        }
        let word = ["in", "like", "ilike"].into_iter().find(|word| self.word(word).is_some())?;
        let mut parts = vec![left.clone()];
        match word {
            "in" => {
                self.sign("(")?;
                parts.extend(self.list(")")?);
            }
            _ => parts.push(self.expression(RANGE)?),
        }
        Some(Tree { head: Head::Strict(format!("{negation}{word}")), parts })
    }

    fn operand(&mut self) -> Option<Tree> {
        let token = self.tokens.get(self.position)?.clone();
        self.position += 1;
        match token {
            Token::Constant(text) => Some(Tree { head: Head::Value(text), parts: Vec::new() }),
            Token::Sign(sign) if sign == "(" => {
                let mut inside = self.list(")")?;
                match inside.len() {
                    0 => None,
                    1 => inside.pop(),
                    _ => Some(Tree { head: Head::Strict("row".to_owned()), parts: inside }),
                }
            }
            Token::Sign(sign) if sign == "-" || sign == "+" => {
                Some(Tree { head: Head::Operator(sign), parts: vec![self.expression(SIGN)?] })
            }
            Token::Sign(_) => None,
            Token::Quoted(name) => self.name(vec![(name, true)]),
            Token::Word(word) => match word.to_ascii_lowercase().as_str() {
                "not" => {
                    Some(Tree { head: Head::Operator("not".to_owned()), parts: vec![self.expression(NOT)?] })
                }
                "null" | "true" | "false" => {
                    Some(Tree { head: Head::Value(word.to_ascii_lowercase()), parts: Vec::new() })
                }
                "array" if self.sign("[").is_some() => {
                    Some(Tree { head: Head::Strict("array".to_owned()), parts: self.list("]")? })
                }
                "case" | "cast" | "exists" | "select" | "interval" => None,
                _ => self.name(vec![(word, false)]),
            },
        }
    }

    /// A name that has begun, or the call of a function of that name.
    fn name(&mut self, mut parts: Vec<(String, bool)>) -> Option<Tree> {
        while self.sign(".").is_some() {
            match self.tokens.get(self.position)? {
                Token::Word(word) => parts.push((word.clone(), false)),
                Token::Quoted(name) => parts.push((name.clone(), true)),
                Token::Constant(_) | Token::Sign(_) => return None,
            }
            self.position += 1;
        }
        if self.sign("(").is_some() {
            return Some(Tree { head: Head::Strict(format!("{parts:?}")), parts: self.list(")")? });
        }
        Some(Tree { head: Head::Name(parts), parts: Vec::new() })
    }

    /// Expressions up to a closing sign.
    fn list(&mut self, end: &str) -> Option<Vec<Tree>> {
        let mut items = Vec::new();
        if self.sign(end).is_some() {
            return Some(items);
        }
        loop {
            items.push(self.expression(0)?);
            if self.sign(end).is_some() {
                return Some(items);
            }
            self.sign(",")?;
        }
    }

    /// `public."Role"[]`, `character varying(10)`, `timestamp without time zone`
    fn type_name(&mut self) -> Option<String> {
        let mut text = String::new();
        while let Some(token) = self.tokens.get(self.position) {
            let is_first = text.is_empty();
            match token {
                Token::Word(word) => {
                    const MORE: [&str; 8] =
                        ["varying", "precision", "without", "with", "time", "zone", "year", "local"];
                    let lower = word.to_ascii_lowercase();
                    if !is_first && !text.ends_with('.') && !MORE.contains(&lower.as_str()) {
                        break;
                    }
                    if !is_first && !text.ends_with('.') {
                        text.push(' ');
                    }
                    text.push_str(&lower);
                }
                Token::Quoted(name) if is_first || text.ends_with('.') => {
                    text.push_str(&format!("\"{name}\""))
                }
                Token::Sign(sign) if sign == "." && !is_first => text.push('.'),
                Token::Sign(sign) if matches!(sign.as_str(), "(" | "[") && !is_first => {
                    let end = if sign == "(" { ")" } else { "]" };
                    text.push_str(sign);
                    self.position += 1;
                    while let Some(Token::Constant(inside)) = self.tokens.get(self.position) {
                        text.push_str(inside);
                        self.position += 1;
                        self.sign(",");
                    }
                    self.sign(end)?;
                    text.push_str(end);
                    continue;
                }
                Token::Quoted(_) | Token::Sign(_) | Token::Constant(_) => break,
            }
            self.position += 1;
        }
        (!text.is_empty()).then_some(text)
    }

    fn sign(&mut self, wanted: &str) -> Option<()> {
        let is_it = matches!(self.tokens.get(self.position), Some(Token::Sign(sign)) if sign == wanted);
        self.position += usize::from(is_it);
        is_it.then_some(())
    }

    fn word(&mut self, wanted: &str) -> Option<()> {
        let is_it = matches!(self.tokens.get(self.position), Some(Token::Word(word)) if word.eq_ignore_ascii_case(wanted));
        self.position += usize::from(is_it);
        is_it.then_some(())
    }
}

/// An operator in one spelling, and its weight.
fn operator(sign: &str) -> Option<(String, u8)> {
    let weight = match sign {
        "!=" | "<>" => return Some(("<>".to_owned(), COMPARISON)),
        "=" | "<" | ">" | "<=" | ">=" => COMPARISON,
        "+" | "-" => SUM,
        "*" | "/" | "%" => PRODUCT,
        "(" | ")" | "[" | "]" | "," | "." | "::" | ";" => return None,
        _ => OTHER,
    };
    Some((sign.to_owned(), weight))
}

/// `None` for what has no end.
fn tokens(text: &str) -> Option<Vec<Token>> {
    let (mut tokens, mut rest) = (Vec::new(), text.trim_start());
    while let Some(first) = rest.chars().next() {
        let length_while = |is: fn(char) -> bool| rest.find(|sign| !is(sign)).unwrap_or(rest.len());
        let length = match first {
            '\'' | '"' => {
                let length = quoted_length(rest, first)?;
                let inside = &rest[1..length - 1];
                tokens.push(match first {
                    '"' => Token::Quoted(inside.replace("\"\"", "\"")),
                    _ => Token::Constant(rest[..length].to_owned()),
                });
                length
            }
            _ if first.is_ascii_digit() => {
                let length = length_while(|sign| sign.is_ascii_digit() || sign == '.');
                tokens.push(Token::Constant(rest[..length].to_owned()));
                length
            }
            _ if first.is_alphabetic() || first == '_' => {
                let length = length_while(|sign| sign.is_alphanumeric() || sign == '_' || sign == '$');
                tokens.push(Token::Word(rest[..length].to_owned()));
                length
            }
            '(' | ')' | '[' | ']' | ',' | '.' | ';' => {
                tokens.push(Token::Sign(first.to_string()));
                1
            }
            _ => {
                let length = length_while(|sign| "+-*/<>=~!@#%^&|`?:".contains(sign));
                if length == 0 {
                    return None;
                }
                tokens.push(Token::Sign(rest[..length].to_owned()));
                length
            }
        };
        rest = rest[length..].trim_start();
    }
    Some(tokens)
}

fn quoted_length(text: &str, quote: char) -> Option<usize> {
    let mut signs = text.char_indices().skip(1).peekable();
    while let Some((at, sign)) = signs.next() {
        if sign == quote && signs.next_if(|(_, next)| *next == quote).is_none() {
            return Some(at + 1);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::are_the_same;

    #[test]
    fn postgres_gives_these_back_and_prisma_knows_them() {
        for (said, given_back) in [
            ("y IS NOT NULL", "(y IS NOT NULL)"),
            ("z = 'q' AND x > 5", "((z = 'q'::text) AND (x > 5))"),
            ("(\"deletedAt\" IS NULL)", "(\"deletedAt\" IS NULL)"),
            ("a = 1 or b = 2 and not c", "((a = 1) OR ((b = 2) AND (NOT c)))"),
            ("status = 'A'::\"Status\"", "(status = 'A'::\"Status\")"),
            ("name = 'x'::text", "((name)::text = 'x'::text)"),
            ("a != 1", "(a <> 1)"),
            ("\"a\" >= 1.5", "(a >= 1.5)"),
            ("active IS TRUE", "(active IS TRUE)"),
            ("a BETWEEN 1 AND 5", "(a BETWEEN 1 AND 5)"),
            ("lower(x) = 'a'", "(lower(x) = 'a'::text)"),
        ] {
            let is_known = !said.starts_with("name");
            assert_eq!(are_the_same(said, given_back), is_known, "{said}");
            assert_eq!(are_the_same(given_back, said), is_known, "{said}");
        }
    }

    #[test]
    fn what_means_another_thing_is_another() {
        for (one, other) in [
            ("a AND (b OR c)", "(a AND b) OR c"),
            ("a = 1", "a = 2"),
            ("a IS NULL", "a IS NOT NULL"),
            ("x IN ('a', 'b')", "(x = ANY (ARRAY['a'::text, 'b'::text]))"),
            ("x LIKE 'a%'", "(x ~~ 'a%'::text)"),
            ("x > -1", "(x > '-1'::integer)"),
            ("a = 1", "a ="),
            ("'", "a"),
        ] {
            assert!(!are_the_same(one, other), "{one} {other}");
        }
    }
}
