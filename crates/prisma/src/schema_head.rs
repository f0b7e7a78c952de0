//! What a deploy needs of `schema.prisma`: its datasource and its generators.
//!
//! Models, enums and everything else are skipped, whatever is in them, so a schema that Prisma
//! would refuse for other reasons can still be deployed from. Never panics.

use thiserror::Error;

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
    /// A block of the head without its closing brace.
    #[error("the block is not closed")]
    Unclosed {
        /// The index of the file.
        file: usize,
        /// Where it begins.
        place: Place,
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
        let mut head = Self::default();
        for (file, text) in texts.into_iter().enumerate() {
            head.read(file, text)?;
        }
        Ok(head)
    }

    fn read(&mut self, file: usize, text: &str) -> Result<(), SchemaHeadError> {
        let tokens = tokens(text);
        let mut at = 0;
        while at < tokens.len() {
            let [
                Token { kind: Kind::Word(keyword), offset },
                Token { kind: Kind::Word(name), .. },
                brace,
                ..,
            ] = &tokens[at..]
            else {
                at += 1;
                continue;
            };
            if brace.kind != Kind::Symbol('{') {
                at += 1;
                continue;
            }
            let body = at + 3;
            let end = closing(&tokens, body);
            let is_head = matches!(*keyword, "datasource" | "generator");
            let place = Place::of(text, *offset);
            let Some(end) = end else {
                return if is_head { Err(SchemaHeadError::Unclosed { file, place }) } else { Ok(()) };
            };
            if is_head {
                let block = Block { file, text, tokens: &tokens[body..end] };
                match *keyword {
                    "datasource" if self.datasource.is_some() => {
                        return Err(SchemaHeadError::SecondDatasource { file, place });
                    }
                    "datasource" => self.datasource = Some(block.datasource(name, place)?),
                    _ => self.generators.push(block.generator(name)),
                }
            }
            at = end + 1;
        }
        Ok(())
    }
}

/// The index of the brace that closes what is open at `from`.
fn closing(tokens: &[Token<'_>], from: usize) -> Option<usize> {
    let mut depth = 1;
    for (index, token) in tokens.iter().enumerate().skip(from) {
        match token.kind {
            Kind::Symbol('{') => depth += 1,
            Kind::Symbol('}') => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(index);
        }
    }
    None
}

struct Block<'a> {
    file: usize,
    text: &'a str,
    tokens: &'a [Token<'a>],
}

impl<'a> Block<'a> {
    /// The properties: key, where the value stands, and the tokens from the value on.
    fn properties(&self) -> impl Iterator<Item = (&'a str, Place, &'a [Token<'a>])> + '_ {
        self.tokens.windows(3).enumerate().filter_map(|(index, window)| match window {
            [Token { kind: Kind::Word(key), .. }, Token { kind: Kind::Symbol('='), .. }, value] => {
                Some((*key, Place::of(self.text, value.offset), &self.tokens[index + 2..]))
            }
            _ => None,
        })
    }

    fn datasource(&self, name: &str, place: Place) -> Result<Datasource, SchemaHeadError> {
        let mut datasource = Datasource {
            name: name.to_owned(),
            file: self.file,
            place,
            provider: None,
            url: None,
            direct_url: None,
            shadow_database_url: None,
            schemas: Vec::new(),
            relation_mode: None,
        };
        for (key, place, value) in self.properties() {
            let setting = || {
                setting(value)
                    .ok_or_else(|| SchemaHeadError::Value { key: key.to_owned(), file: self.file, place })
                    .map(|setting| Some((setting, place)))
            };
            match key {
                "provider" => datasource.provider = string(value).map(|word| (Provider::new(&word), place)),
                "url" => datasource.url = setting()?,
                "directUrl" => datasource.direct_url = setting()?,
                "shadowDatabaseUrl" => datasource.shadow_database_url = setting()?,
                "schemas" => datasource.schemas = strings(value),
                "relationMode" => datasource.relation_mode = string(value),
                _ => {}
            }
        }
        Ok(datasource)
    }

    fn generator(&self, name: &str) -> Generator {
        let mut generator = Generator { name: name.to_owned(), provider: None, preview_features: Vec::new() };
        for (key, _, value) in self.properties() {
            match key {
                "provider" => generator.provider = string(value),
                "previewFeatures" => generator.preview_features = strings(value),
                _ => {}
            }
        }
        generator
    }
}

fn string(value: &[Token<'_>]) -> Option<String> {
    match value.first()?.kind {
        Kind::String(ref text) => Some(text.clone()),
        _ => None,
    }
}

fn strings(value: &[Token<'_>]) -> Vec<String> {
    if value.first().map(|token| &token.kind) != Some(&Kind::Symbol('[')) {
        return string(value).into_iter().collect();
    }
    let items = value[1..].iter().take_while(|token| token.kind != Kind::Symbol(']'));
    items.filter_map(|token| string(std::slice::from_ref(token))).collect()
}

fn setting(value: &[Token<'_>]) -> Option<Setting> {
    match value {
        [Token { kind: Kind::String(text), .. }, ..] => Some(Setting::Literal(text.clone())),
        [
            Token { kind: Kind::Word("env"), .. },
            Token { kind: Kind::Symbol('('), .. },
            Token { kind: Kind::String(name), .. },
            Token { kind: Kind::Symbol(')'), .. },
            ..,
        ] => Some(Setting::Variable { name: name.clone(), is_required: true }),
        _ => None,
    }
}

struct Token<'a> {
    kind: Kind<'a>,
    offset: usize,
}

#[derive(PartialEq, Eq)]
enum Kind<'a> {
    Word(&'a str),
    String(String),
    Symbol(char),
}

/// Words, strings and symbols; comments and white space are left out. A string that is not closed
/// ends with its line, as Prisma's grammar has it.
fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut offset = 0;
    while let Some(first) = text[offset..].chars().next() {
        let rest = &text[offset..];
        let end = |pattern: &str| rest.find(pattern).map_or(rest.len(), |found| found + pattern.len());
        let length = if rest.starts_with("//") {
            end("\n")
        } else if rest.starts_with("/*") {
            end("*/")
        } else if first == '"' {
            let (value, length) = string_literal(rest);
            tokens.push(Token { kind: Kind::String(value), offset });
            length
        } else if is_word(first) {
            let length = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
            tokens.push(Token { kind: Kind::Word(&rest[..length]), offset });
            length
        } else {
            if !first.is_whitespace() {
                tokens.push(Token { kind: Kind::Symbol(first), offset });
            }
            first.len_utf8()
        };
        offset += length;
    }
    tokens
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '-'
}

/// The value of the string at the start of `text`, and its length in the text.
fn string_literal(text: &str) -> (String, usize) {
    let mut value = String::new();
    let mut characters = text.char_indices().skip(1);
    while let Some((index, character)) = characters.next() {
        match character {
            '"' => return (value, index + 1),
            '\n' => return (value, index),
            '\\' => match characters.next() {
                Some((_, 'n')) => value.push('\n'),
                Some((_, 't')) => value.push('\t'),
                Some((_, 'r')) => value.push('\r'),
                Some((_, other)) => value.push(other),
                None => {}
            },
            other => value.push(other),
        }
    }
    (value, text.len())
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
            model A { id Int @id // }
              note String @default("} datasource x {")
            }
            generator erd { provider = "node ./erd.js" }"#,
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
        let texts = ["model A { id Int @id }", "datasource db { provider = \"postgresql\" }"];
        let head = SchemaHead::parse(texts).unwrap();
        assert_eq!(head.datasource.map(|datasource| datasource.file), Some(1));
        let twice = SchemaHead::parse([texts[1], texts[1]]);
        let place = Place { line: 1, column: 1 };
        assert_eq!(twice, Err(SchemaHeadError::SecondDatasource { file: 1, place }));
    }

    #[test]
    fn names_the_place_of_what_it_cannot_read() {
        let unclosed = SchemaHead::parse(["\n datasource db {\n url = \"x\""]);
        assert_eq!(unclosed, Err(SchemaHeadError::Unclosed { file: 0, place: Place { line: 2, column: 2 } }));
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
