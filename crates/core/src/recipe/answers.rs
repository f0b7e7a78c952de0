//! What a person says about a change: on the command line, or in a comment of the schema.

use std::fmt;
use std::str::FromStr;

use underpin_catalog::Sql;
use underpin_prisma::Schema;
use underpin_prisma::schema::Span;
use underpin_sql::{Effect, read};

use super::ReshapeAnswer;

/// What a comment that says a rename begins with, behind its slashes.
const RENAMED: &str = "underpin: renamed from ";

/// What a person has said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answers {
    /// What is the same under another name.
    pub renames: Vec<RenameAnswer>,
    /// What is in another table from now on.
    pub moves: Vec<MoveAnswer>,
    /// What is split into several columns, or merged into one.
    pub reshapes: Vec<ReshapeAnswer>,
    /// What goes, and comes back under no other name: `User.fullName`, `User`.
    pub drops: Vec<String>,
    /// What of it is kept for a while when it goes.
    pub parks: Vec<String>,
    /// What stands where there is no value.
    pub fills: Vec<FillAnswer>,
    /// The columns that get another type under their name: `Event.count`.
    pub swaps: Vec<String>,
    /// What rows get whose value of an enum goes.
    pub replaces: Vec<ReplaceAnswer>,
}

/// `Status.OLD:NEW`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplaceAnswer {
    /// The value with its enum, by the names of the schema or of the database.
    pub value: String,
    /// The value that takes its place.
    pub by: String,
}

/// `User.fullName:displayName`, `User:Account`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenameAnswer {
    /// What it was: a column with its table, or a table, by the names of the schema or of the database.
    pub from: String,
    /// What it is.
    pub to: String,
    /// It stands in a comment of the schema, and may be there longer than the change.
    pub is_comment: bool,
}

/// `User.street,User.city:Address`, `User.bio:Profile.about`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MoveAnswer {
    /// The columns, each with its table.
    pub from: Vec<String>,
    /// The table; for one column perhaps with its name there.
    pub to: String,
}

/// `User.slug=lower("name")`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FillAnswer {
    /// The column.
    pub column: String,
    /// An expression over the row.
    pub value: Sql,
}

/// An answer that does not fit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct WrongAnswer {
    /// As it was given: `--rename User.a:b`.
    pub answer: String,
    /// Why it does not fit, and what would.
    pub why: String,
}

impl Answers {
    /// With the renames that stand in comments of a schema, behind or above what they are about:
    /// `displayName String // underpin: renamed from fullName`.
    pub fn with_comments_of(mut self, schema: &Schema) -> Self {
        for comment in &schema.comments {
            let text = schema.text(comment.span).trim_start_matches('/').trim();
            let Some(name) = text.strip_prefix(RENAMED).map(str::trim) else { continue };
            let line = schema.place(comment.span).line;
            let is_meant = |span: Span| {
                let own = schema.place(span).line;
                span.file == comment.span.file && (own == line || own == line + 1)
            };
            for model in schema.models() {
                let fields = model.fields.iter().filter(|field| is_meant(field.span));
                // Behind a field it is about that field, and not about the next one too.
                let field = fields.min_by_key(|field| schema.place(field.span).line);
                let (from, to) = match field {
                    Some(field) => (format!("{}.{name}", model.name.name), field.name.name.clone()),
                    None if is_meant(model.span) => (name.to_owned(), model.name.name.clone()),
                    None => continue,
                };
                self.renames.push(RenameAnswer { from, to, is_comment: true });
            }
        }
        self
    }
}

impl FromStr for RenameAnswer {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some((from, to)) if !from.is_empty() && !to.is_empty() => {
                Ok(Self { from: from.to_owned(), to: to.to_owned(), is_comment: false })
            }
            _ => Err("write what it was and what it is, as in User.fullName:displayName or User:Account"
                .to_owned()),
        }
    }
}

impl FromStr for ReplaceAnswer {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some((value, by)) if value.contains('.') && !by.is_empty() => {
                Ok(Self { value: value.to_owned(), by: by.to_owned() })
            }
            _ => {
                Err("write the value that goes and the one that takes its place, as in Status.OLD:NEW"
                    .to_owned())
            }
        }
    }
}

impl FromStr for MoveAnswer {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            "write the columns and their new table, as in User.street,User.city:Address or User.bio:Profile";
        let (from, to) = text.split_once(':').filter(|(_, to)| !to.is_empty()).ok_or(wrong)?;
        let from: Vec<String> = from.split(',').map(|column| column.trim().to_owned()).collect();
        match from.iter().all(|column| column.contains('.')) {
            true => Ok(Self { from, to: to.to_owned() }),
            false => Err(wrong.to_owned()),
        }
    }
}

impl fmt::Display for MoveAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.from.join(","), self.to)
    }
}

impl FromStr for FillAnswer {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some((column, value)) = text.split_once('=').filter(|(column, _)| column.contains('.')) else {
            return Err("write the column and an SQL expression, as in User.slug=lower(\"name\")".to_owned());
        };
        let value = value.trim();
        let wrong =
            |error: underpin_sql::SyntaxError| format!("`{value}` is no SQL expression: {}", error.message);
        // Alone it has all its parentheses; within some it is nothing but an expression.
        read(&format!("SELECT {value}")).map_err(wrong)?;
        let selected = read(&format!("SELECT ({value}\n)")).map_err(wrong)?;
        let only_reads = |effect: &Effect| matches!(effect, Effect::Select { .. });
        match selected.as_slice() {
            [only] if only.effects.iter().all(only_reads) => {
                Ok(Self { column: column.trim().to_owned(), value: Sql::verbatim(value) })
            }
            _ => Err(format!("`{value}` is more than one SQL expression")),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use underpin_prisma::Source;

    use super::*;

    #[test]
    fn answers_are_read_and_wrong_ones_told() {
        let rename: RenameAnswer = "User.fullName:displayName".parse().unwrap();
        assert_eq!((rename.from.as_str(), rename.to.as_str()), ("User.fullName", "displayName"));
        for wrong in ["User.fullName", ":x", "x:"] {
            assert!(wrong.parse::<RenameAnswer>().is_err(), "{wrong}");
        }
        let replace: ReplaceAnswer = "Status.OLD:NEW".parse().unwrap();
        assert_eq!((replace.value.as_str(), replace.by.as_str()), ("Status.OLD", "NEW"));
        for wrong in ["Status.OLD", "OLD:NEW", "Status.OLD:"] {
            assert!(wrong.parse::<ReplaceAnswer>().is_err(), "{wrong}");
        }
        let moved: MoveAnswer = "User.street,User.city:Address".parse().unwrap();
        assert_eq!((moved.from.len(), moved.to.as_str()), (2, "Address"));
        for wrong in ["User.street", "street:Address", "User.street:", "User.street,city:Address"] {
            assert!(wrong.parse::<MoveAnswer>().is_err(), "{wrong}");
        }
        let fill: FillAnswer = "User.slug=lower(\"a=b\")".parse().unwrap();
        assert_eq!((fill.column.as_str(), fill.value.as_str()), ("User.slug", "lower(\"a=b\")"));
        for wrong in ["slug", "User.slug=", "User.slug=1; DROP TABLE x", "User.slug=1) , (2", "x=1"] {
            assert!(wrong.parse::<FillAnswer>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_comment_says_a_rename_of_its_own_line_or_the_next() {
        let text = "// underpin: renamed from User\nmodel Account {\n  id Int @id\n  displayName String // underpin: renamed from fullName\n  other String\n  /// underpin: renamed from b\n  a Int\n}\n";
        let schema = Schema::parse(vec![Source::new("schema.prisma", text)]);
        let answers = Answers::default().with_comments_of(&schema);
        let said: Vec<_> = answers.renames.iter().map(|one| (one.from.as_str(), one.to.as_str())).collect();
        assert_eq!(said, [("User", "Account"), ("Account.fullName", "displayName"), ("Account.b", "a")]);
    }
}
