//! The static subset of `prisma.config.*`, for machines without Node.
//!
//! A configuration is a program. Most are one literal object, and what a deploy needs of it can be
//! read without running it: paths and URLs that are strings, `env("X")`, `process.env.X` with
//! fallbacks, or constants of these. Whatever else stands in the place of a needed value is
//! refused with that place; a value is never guessed.

mod lexer;

use thiserror::Error;

use crate::{Place, Setting};
use lexer::{Kind, Token, tokens};

/// What a configuration says, as far as a deploy needs it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ConfigLiteral {
    /// `schema`: a file or folder, relative to the configuration's folder.
    pub schema: Option<String>,
    /// `migrations.path`, relative to the configuration's folder.
    pub migrations: Option<String>,
    /// `datasource.url`.
    pub url: Option<Setting>,
    /// `datasource.directUrl`, of Prisma 6.
    pub direct_url: Option<Setting>,
    /// `datasource.shadowDatabaseUrl`.
    pub shadow_database_url: Option<Setting>,
    /// Whether it imports `dotenv/config`, so that `.env` of the working folder is read first.
    pub loads_dotenv: bool,
    /// Whether nothing in it can change what the literal says: it imports no other module than
    /// Prisma's, dotenv's and `path`, and assigns nothing to the environment. If not, Node may see
    /// another environment than the literal does.
    pub is_self_contained: bool,
}

/// Modules that change nothing, but for `dotenv`, which is followed.
const HARMLESS_MODULES: [&str; 8] = [
    "prisma/config",
    "@prisma/config",
    "prisma",
    "dotenv",
    "dotenv/config",
    "path",
    "node:path",
    "node:process",
];

/// A configuration that only Node can evaluate.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{what} is not written literally, so Node is needed to read it")]
pub struct NotStatic {
    /// What cannot be read, such as `datasource.url`.
    pub what: String,
    /// Where it stands.
    pub place: Place,
}

impl ConfigLiteral {
    /// Reads the text of a configuration.
    ///
    /// # Errors
    /// [`NotStatic`], when a needed value is computed.
    pub fn parse(text: &str) -> Result<Self, NotStatic> {
        let reader = Reader { text, tokens: tokens(text) };
        let mut config = Self {
            loads_dotenv: reader.loads_dotenv(),
            is_self_contained: reader.is_self_contained(),
            ..Self::default()
        };
        let start = reader.exported()?;
        for entry in reader.entries(start, "the configuration")? {
            match entry.key.as_str() {
                "schema" => config.schema = reader.path(&entry, "schema")?,
                "migrations" => {
                    for inner in reader.entries(entry.value, "migrations")? {
                        if inner.key == "path" {
                            config.migrations = reader.path(&inner, "migrations.path")?;
                        }
                    }
                }
                "datasource" => {
                    for inner in reader.entries(entry.value, "datasource")? {
                        let setting = || reader.value(&inner, &format!("datasource.{}", inner.key));
                        match inner.key.as_str() {
                            "url" => config.url = setting()?,
                            "directUrl" => config.direct_url = setting()?,
                            "shadowDatabaseUrl" => config.shadow_database_url = setting()?,
                            _ => {}
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(config)
    }
}

/// A property: its key, the index of its value's first token, and of the token behind the value.
struct Entry {
    key: String,
    value: usize,
    end: usize,
}

struct Reader<'a> {
    text: &'a str,
    tokens: Vec<Token<'a>>,
}

/// Constants that name each other would go on for ever.
const DEPTH_MAX: usize = 8;

impl<'a> Reader<'a> {
    fn kind(&self, index: usize) -> Option<&Kind<'a>> {
        self.tokens.get(index).map(|token| &token.kind)
    }

    fn is(&self, index: usize, symbol: &str) -> bool {
        self.kind(index) == Some(&Kind::Symbol(symbol))
    }

    fn word(&self, index: usize) -> Option<&'a str> {
        match self.kind(index) {
            Some(Kind::Word(word)) => Some(word),
            _ => None,
        }
    }

    fn string(&self, index: usize) -> Option<&str> {
        match self.kind(index) {
            Some(Kind::String(text)) => Some(text),
            _ => None,
        }
    }

    fn not_static(&self, what: &str, index: usize) -> NotStatic {
        let offset = self.tokens.get(index).map_or(self.text.len(), |token| token.offset);
        NotStatic { what: what.to_owned(), place: Place::of(self.text, offset) }
    }

    fn imports(&self, module: &str) -> bool {
        (0..self.tokens.len()).any(|index| self.string(index) == Some(module))
    }

    fn loads_dotenv(&self) -> bool {
        self.imports("dotenv/config")
            || (0..self.tokens.len()).any(|index| {
                self.word(index) == Some("config") && self.is(index + 1, "(") && self.is(index + 2, ")")
            }) && self.imports("dotenv")
    }

    fn is_self_contained(&self) -> bool {
        (0..self.tokens.len()).all(|at| match self.word(at) {
            Some("import") if self.is(at + 1, "(") => false,
            Some("from" | "import") => self.string(at + 1).is_none_or(|m| HARMLESS_MODULES.contains(&m)),
            Some("require") => self.string(at + 2).is_some_and(|m| HARMLESS_MODULES.contains(&m)),
            // `dotenv.config({ path })` reads another file.
            Some("config") if self.is(at + 1, "(") => self.is(at + 2, ")"),
            Some("process") => match self.process_env(at) {
                Some((_, end)) => !self.is(end, "=") && !self.is(end, "??=") && !self.is(end, "||="),
                None => self.is(at + 1, ";") || self.word(at + 1) == Some("from"),
            },
            _ => true,
        })
    }

    /// The first token of the exported object.
    fn exported(&self) -> Result<usize, NotStatic> {
        let found = (0..self.tokens.len()).find_map(|index| {
            if self.word(index) == Some("export") && self.word(index + 1) == Some("default") {
                return Some(index + 2);
            }
            let is_commonjs = self.word(index) == Some("module")
                && self.is(index + 1, ".")
                && self.word(index + 2) == Some("exports")
                && self.is(index + 3, "=");
            is_commonjs.then_some(index + 4)
        });
        let Some(mut at) = found else {
            return Err(self.not_static("the configuration's default export", self.tokens.len()));
        };
        for _ in 0..DEPTH_MAX {
            match self.word(at) {
                Some("defineConfig") if self.is(at + 1, "(") => at += 2,
                Some(name) if !self.is(at + 1, "(") && !self.is(at + 1, ".") => match self.constant(name) {
                    Some(value) => at = value,
                    None => break,
                },
                _ if self.is(at, "(") => at += 1,
                _ => break,
            }
        }
        match self.is(at, "{") {
            true => Ok(at),
            false => Err(self.not_static("the configuration's default export", at)),
        }
    }

    /// The first token of a constant's value. `let` and `var` may be assigned again: not constants.
    fn constant(&self, name: &str) -> Option<usize> {
        let declared = (0..self.tokens.len())
            .find(|&index| self.word(index) == Some("const") && self.word(index + 1) == Some(name))?;
        let equals = (declared + 2..self.tokens.len())
            .take_while(|&index| !self.is(index, ";") && !self.is(index, "{"))
            .find(|&index| self.is(index, "="))?;
        Some(equals + 1)
    }

    /// The properties of the object that begins at `start`.
    fn entries(&self, start: usize, what: &str) -> Result<Vec<Entry>, NotStatic> {
        if !self.is(start, "{") {
            return Err(self.not_static(what, start));
        }
        let mut entries = Vec::new();
        let mut at = start + 1;
        while !self.is(at, "}") {
            let key = self.word(at).or_else(|| self.string(at)).map(str::to_owned);
            let end = self.value_end(at).ok_or_else(|| self.not_static(what, start))?;
            match key {
                Some(key) if self.is(at + 1, ":") => entries.push(Entry { key, value: at + 2, end }),
                // `{ schema }` and methods: a value if somebody needs it, else nothing.
                Some(key) => entries.push(Entry { key, value: at, end }),
                // A spread or a computed key could set anything.
                None => return Err(self.not_static(what, at)),
            }
            at = if self.is(end, ",") { end + 1 } else { end };
        }
        Ok(entries)
    }

    /// The comma or closing brace behind what begins at `from`.
    fn value_end(&self, from: usize) -> Option<usize> {
        let mut depth = 0;
        for index in from..self.tokens.len() {
            match self.kind(index) {
                Some(Kind::Symbol("(" | "[" | "{")) => depth += 1,
                Some(Kind::Symbol("}")) if depth == 0 => return Some(index),
                Some(Kind::Symbol(")" | "]" | "}")) => depth -= 1,
                Some(Kind::Symbol(",")) if depth == 0 => return Some(index),
                _ => {}
            }
        }
        None
    }

    fn value(&self, entry: &Entry, what: &str) -> Result<Option<Setting>, NotStatic> {
        if self.word(entry.value) == Some("undefined") && entry.value + 1 == entry.end {
            return Ok(None);
        }
        match self.expression(entry.value, 0) {
            Some((setting, next)) if next == entry.end => Ok(Some(setting)),
            _ => Err(self.not_static(what, entry.value)),
        }
    }

    /// A path must be known before anything else is, so it cannot come from the environment.
    fn path(&self, entry: &Entry, what: &str) -> Result<Option<String>, NotStatic> {
        match self.value(entry, what)? {
            None => Ok(None),
            Some(Setting::Literal(path)) => Ok(Some(path)),
            Some(_) => Err(self.not_static(what, entry.value)),
        }
    }

    /// A value and the token behind it.
    fn expression(&self, from: usize, depth: usize) -> Option<(Setting, usize)> {
        let (mut setting, mut at) = self.operand(from, depth)?;
        loop {
            let skips_empty = match self.kind(at) {
                Some(Kind::Symbol("||")) => true,
                Some(Kind::Symbol("??")) => false,
                _ => return Some((setting, at)),
            };
            let (second, next) = self.operand(at + 1, depth)?;
            setting = Setting::Either { first: Box::new(setting), second: Box::new(second), skips_empty };
            at = next;
        }
    }

    fn operand(&self, from: usize, depth: usize) -> Option<(Setting, usize)> {
        let (setting, mut at) = self.primary(from, depth)?;
        loop {
            if self.is(at, "!") {
                at += 1;
            } else if matches!(self.word(at), Some("as" | "satisfies")) && self.word(at + 1).is_some() {
                at += 2;
            } else {
                return Some((setting, at));
            }
        }
    }

    fn primary(&self, from: usize, depth: usize) -> Option<(Setting, usize)> {
        if let Some(text) = self.string(from) {
            return Some((Setting::Literal(text.to_owned()), from + 1));
        }
        if self.is(from, "(") {
            let (setting, at) = self.expression(from + 1, depth)?;
            return self.is(at, ")").then_some((setting, at + 1));
        }
        let name = self.word(from)?;
        if name == "process" {
            return self.process_env(from);
        }
        if name == "env" && self.is(from + 1, "(") {
            let is_prismas = self.imports("prisma/config") || self.imports("@prisma/config");
            let name = self.string(from + 2).filter(|_| is_prismas && self.is(from + 3, ")"))?;
            return Some((Setting::Variable { name: name.to_owned(), is_required: true }, from + 4));
        }
        if let Some((path, at)) = self.joined_path(from) {
            return Some((Setting::Literal(path), at));
        }
        if depth >= DEPTH_MAX || self.is(from + 1, "(") || self.is(from + 1, ".") || self.is(from + 1, "[") {
            return None;
        }
        let start = self.constant(name)?;
        let (setting, end) = self.expression(start, depth + 1)?;
        self.ends_statement(end).then_some((setting, from + 1))
    }

    fn process_env(&self, from: usize) -> Option<(Setting, usize)> {
        if !self.is(from + 1, ".") || self.word(from + 2) != Some("env") {
            return None;
        }
        let (name, end) = if self.is(from + 3, ".") {
            (self.word(from + 4)?, from + 5)
        } else if self.is(from + 3, "[") && self.is(from + 5, "]") {
            (self.string(from + 4)?, from + 6)
        } else {
            return None;
        };
        Some((Setting::Variable { name: name.to_owned(), is_required: false }, end))
    }

    /// `path.join("a", "b")` of literals, as Prisma's own examples write paths.
    fn joined_path(&self, from: usize) -> Option<(String, usize)> {
        let open = match (self.word(from)?, self.is(from + 1, "."), self.word(from + 2)) {
            ("path", true, Some("join")) => from + 3,
            ("join", false, _) => from + 1,
            _ => return None,
        };
        if !self.is(open, "(") {
            return None;
        }
        let mut parts = Vec::new();
        let mut at = open + 1;
        while let Some(part) = self.string(at) {
            parts.push(part);
            at += 1;
            if self.is(at, ",") {
                at += 1;
            }
        }
        (self.is(at, ")") && !parts.is_empty()).then(|| (parts.join("/"), at + 1))
    }

    /// Whether a constant's value is over: a semicolon, the end, or a new line that begins
    /// something else than an operator.
    fn ends_statement(&self, at: usize) -> bool {
        let Some(token) = self.tokens.get(at) else { return true };
        let before = self.tokens[at - 1].offset;
        self.is(at, ";")
            || self.is(at, ",")
            || (self.text[before..token.offset].contains('\n') && !matches!(token.kind, Kind::Symbol(_)))
    }
}

#[cfg(test)]
mod tests;
