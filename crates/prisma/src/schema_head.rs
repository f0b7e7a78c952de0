//! What a deploy needs of `schema.prisma`: its datasource and its generators.
//!
//! Models, enums and everything else do not count, whatever is in them, so a schema that Prisma
//! would refuse for other reasons can still be deployed from. Never panics.

use thiserror::Error;

use crate::schema::{
    Block, Config, ConfigKind, Expression, Schema, Source, Span, SyntaxError, SyntaxErrorKind,
};
use crate::{Place, Provider, Setting};

/// The head of one or several schema files that belong together.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SchemaHead {
    /// The datasource, if there is one.
    pub datasource: Option<Datasource>,
    /// The generators, in order.
    pub generators: Vec<Generator>,
}

/// The `datasource` block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Datasource {
    /// The block's name, usually `db`.
    pub name: String,
    /// The index of the file that it stands in.
    pub file: usize,
    /// Where the block begins.
    pub place: Place,
    /// `provider`, and where it stands.
    pub provider: Option<(Provider, Place)>,
    /// `url`: the application's way to the database. Absent in Prisma 7.
    pub url: Option<(Setting, Place)>,
    /// `directUrl`: what migrations use where `url` leads to a pooler. Absent in Prisma 7.
    pub direct_url: Option<(Setting, Place)>,
    /// `shadowDatabaseUrl`. Absent in Prisma 7.
    pub shadow_database_url: Option<(Setting, Place)>,
    /// `schemas`: the namespaces of a multi-schema project.
    pub schemas: Vec<String>,
    /// `relationMode`; `prisma` means that there are no foreign keys.
    pub relation_mode: Option<String>,
}

/// A `generator` block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generator {
    /// The block's name, usually `client`.
    pub name: String,
    /// `provider`, such as `prisma-client-js`.
    pub provider: Option<String>,
    /// `previewFeatures`.
    pub preview_features: Vec<String>,
}

/// A schema whose head cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SchemaHeadError {
    /// Prisma allows one datasource.
    #[error("the Prisma schema has a second datasource")]
    SecondDatasource {
        /// The index of the file.
        file: usize,
        /// Where it begins.
        place: Place,
    },
    /// A line of the head that is not Prisma's language, or a block of it that has no end.
    #[error("{error}")]
    Syntax {
        /// The index of the file.
        file: usize,
        /// Where it stands.
        place: Place,
        /// What is wrong, and what to do.
        error: SyntaxError,
    },
    /// A value that is neither a string nor `env("…")`.
    #[error("`{key}` must be a string or env(\"NAME\")")]
    Value {
        /// The property.
        key: String,
        /// The index of the file.
        file: usize,
        /// Where it stands.
        place: Place,
    },
}

impl SchemaHead {
    /// Reads the head from the texts of all files of a schema.
    ///
    /// # Errors
    /// [`SchemaHeadError`], with the file's index in `texts` and the place.
    pub fn parse<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, SchemaHeadError> {
        Self::of(&Schema::parse(texts.into_iter().map(|text| Source::new("", text)).collect()))
    }

    /// Takes the head out of a schema.
    ///
    /// # Errors
    /// As [`SchemaHead::parse`].
    pub fn of(schema: &Schema) -> Result<Self, SchemaHeadError> {
        if let Some(error) = schema.errors.iter().find(|error| is_of_head(schema, error)) {
            let (file, place) = (error.span.file, schema.place(error.span));
            return Err(SchemaHeadError::Syntax { file, place, error: error.clone() });
        }
        let mut head = Self::default();
        for config in configs(schema) {
            let properties = Properties { schema, config };
            match config.kind {
                ConfigKind::Generator => head.generators.push(properties.generator()),
                ConfigKind::Datasource if head.datasource.is_some() => {
                    let (file, place) = (config.span.file, schema.place(config.span));
                    return Err(SchemaHeadError::SecondDatasource { file, place });
                }
                ConfigKind::Datasource => head.datasource = Some(properties.datasource()?),
            }
        }
        Ok(head)
    }
}

fn configs(schema: &Schema) -> impl Iterator<Item = &Config> {
    schema.blocks.iter().filter_map(|block| match block {
        Block::Config(config) => Some(config),
        Block::Model(_) | Block::Enum(_) => None,
    })
}

/// Whether an error is about a datasource or a generator.
fn is_of_head(schema: &Schema, error: &SyntaxError) -> bool {
    let is_within = |span: Span| {
        span.file == error.span.file && span.start <= error.span.start && error.span.end <= span.end
    };
    let is_head = |title: &str| title.starts_with("datasource") || title.starts_with("generator");
    let is_lost = match &error.kind {
        SyntaxErrorKind::BraceMissing(title) | SyntaxErrorKind::OneLine(title) => is_head(title),
        SyntaxErrorKind::NameMissing(keyword) => is_head(keyword),
        _ => false,
    };
    is_lost || configs(schema).any(|config| is_within(config.span))
}

struct Properties<'a> {
    schema: &'a Schema,
    config: &'a Config,
}

impl Properties<'_> {
    fn datasource(&self) -> Result<Datasource, SchemaHeadError> {
        let provider = self.config.value("provider");
        Ok(Datasource {
            name: self.config.name.name.clone(),
            file: self.config.span.file,
            place: self.schema.place(self.config.span),
            provider: provider.and_then(|value| Some((Provider::new(value.as_str()?), self.place(value)))),
            url: self.setting("url")?,
            direct_url: self.setting("directUrl")?,
            shadow_database_url: self.setting("shadowDatabaseUrl")?,
            schemas: self.strings("schemas"),
            relation_mode: self.string("relationMode"),
        })
    }

    fn generator(&self) -> Generator {
        Generator {
            name: self.config.name.name.clone(),
            provider: self.string("provider"),
            preview_features: self.strings("previewFeatures"),
        }
    }

    fn place(&self, value: &Expression) -> Place {
        self.schema.place(value.span())
    }

    fn string(&self, key: &str) -> Option<String> {
        Some(self.config.value(key)?.as_str()?.to_owned())
    }

    fn strings(&self, key: &str) -> Vec<String> {
        let items = self.config.value(key).map(Expression::items).unwrap_or_default();
        items.iter().filter_map(Expression::as_str).map(str::to_owned).collect()
    }

    fn setting(&self, key: &str) -> Result<Option<(Setting, Place)>, SchemaHeadError> {
        let Some(value) = self.config.value(key) else { return Ok(None) };
        let place = self.place(value);
        match setting(value) {
            Some(setting) => Ok(Some((setting, place))),
            None => Err(SchemaHeadError::Value { key: key.to_owned(), file: self.config.span.file, place }),
        }
    }
}

/// A string, or `env("NAME")`.
fn setting(value: &Expression) -> Option<Setting> {
    match value {
        Expression::String(literal) => Some(Setting::Literal(literal.value.clone())),
        Expression::Function { name, arguments, .. } if name.name == "env" => {
            let variable = arguments.first()?.value.as_str()?;
            Some(Setting::Variable { name: variable.to_owned(), is_required: true })
        }
        Expression::Number { .. }
        | Expression::Constant(_)
        | Expression::Function { .. }
        | Expression::Array { .. }
        | Expression::Object { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> SchemaHead {
        SchemaHead::parse([text]).unwrap_or_else(|error| panic!("{error}"))
    }

    fn variable(name: &str) -> Setting {
        Setting::Variable { name: name.to_owned(), is_required: true }
    }

    #[test]
    fn reads_what_a_deploy_needs() {
        let head = parse(
            r#"// datasource old { provider = "mysql" }
            /* datasource older {
                 provider = "mysql" } */
            generator client {
              provider        = "prisma-client-js" // "x"
              previewFeatures = ["multiSchema", "views"]
            }
            datasource db {
              provider  = "postgres"
              url       = env("DATABASE_URL") // pooled
              directUrl = env("DIRECT_URL")
              shadowDatabaseUrl = "postgresql://h/shadow?a=\"b\""
              schemas   = ["public", "audit"]
              relationMode = "prisma"
            }
            model A {
              id Int @id // }
              note String @default("} datasource x {")
            }
            generator erd {
              provider = "node ./erd.js"
            }"#,
        );
        let datasource = head.datasource.expect("it has one");
        assert_eq!(datasource.name, "db");
        assert_eq!(datasource.provider.expect("it has one").0, Provider::PostgreSql);
        assert_eq!(datasource.url, Some((variable("DATABASE_URL"), Place { line: 10, column: 27 })));
        assert_eq!(datasource.direct_url.expect("it has one").0, variable("DIRECT_URL"));
        assert_eq!(
            datasource.shadow_database_url.expect("it has one").0,
            Setting::Literal("postgresql://h/shadow?a=\"b\"".into())
        );
        assert_eq!(datasource.schemas, ["public", "audit"]);
        assert_eq!(datasource.relation_mode.as_deref(), Some("prisma"));
        let generators: Vec<_> = head.generators.iter().map(|generator| generator.name.as_str()).collect();
        assert_eq!(generators, ["client", "erd"]);
        assert_eq!(head.generators[0].preview_features, ["multiSchema", "views"]);
    }

    #[test]
    fn joins_the_files_of_a_folder() {
        let texts = ["model A {\n id Int @id\n}", "datasource db {\n provider = \"postgresql\"\n}"];
        let head = SchemaHead::parse(texts).unwrap();
        assert_eq!(head.datasource.map(|datasource| datasource.file), Some(1));
        let twice = SchemaHead::parse([texts[1], texts[1]]);
        let place = Place { line: 1, column: 1 };
        assert_eq!(twice, Err(SchemaHeadError::SecondDatasource { file: 1, place }));
    }

    #[test]
    fn names_the_place_of_what_it_cannot_read() {
        let said = |text: &str| match SchemaHead::parse([text]) {
            Err(SchemaHeadError::Syntax { place, error, .. }) => format!("{place} {error}"),
            other => panic!("{other:?}"),
        };
        assert_eq!(said("\n datasource db {\n url = \"x\""), "2:2 datasource `db` is not closed");
        assert_eq!(said("datasource db { url = \"x\" }"), "1:1 datasource `db` is written on one line");
        assert_eq!(said("datasource db {\n url =\n}"), "2:2 property `url` has no value");
        assert!(SchemaHead::parse(["model A {\n broken"]).is_ok(), "what is no head does not count");
        let value = SchemaHead::parse(["datasource db {\n  url = process.env.X\n}"]);
        assert_eq!(
            value,
            Err(SchemaHeadError::Value { key: "url".into(), file: 0, place: Place { line: 2, column: 9 } })
        );
    }

    #[test]
    fn never_panics_on_pieces_of_a_schema() {
        let text =
            "datasource dé {\n url = env(\"X\") // é\n s = [\"a\\\"\", \"b\"]\n}\n/* */ generator g { }";
        for start in (0..text.len()).filter(|&index| text.is_char_boundary(index)) {
            for end in (start..=text.len()).filter(|&index| text.is_char_boundary(index)) {
                let _ = SchemaHead::parse([&text[start..end]]);
            }
        }
    }
}
