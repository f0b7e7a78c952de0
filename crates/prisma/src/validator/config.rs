//! Datasource and generators.
//!
//! What generators do with their own properties is their business.

use super::attributes::{described, text};
use super::error::Errors;
use crate::PrismaVersion;
use crate::schema::{Argument, Config, ConfigKind, Expression, Property, Schema, Span};

/// What the rest needs to know of the configuration.
#[derive(Default)]
pub(super) struct Facts<'a> {
    /// The datasource's name: native types begin with it.
    pub(super) name: Option<&'a str>,
    /// The namespaces that it lists; `None` where it does not.
    pub(super) namespaces: Option<Vec<&'a str>>,
    /// Whether the client keeps relations, not the database: `relationMode = "prisma"`.
    pub(super) has_no_foreign_keys: bool,
    pub(super) has_views: bool,
    pub(super) has_partial_indexes: bool,
    pub(super) has_namespaces: bool,
    pub(super) has_extensions: bool,
    /// Where the list of namespaces stands, be it as it may.
    pub(super) list_of_namespaces: Option<Span>,
    /// Where the list of extensions stands.
    pub(super) extensions: Option<Span>,
}

/// The preview features that were known by a major version or still are, as `(name, first, last)`; Prisma takes
/// those that became general under their names. `partialIndexes` came in the middle of 7.
#[rustfmt::skip]
const FEATURES: &[(&str, u32, u32)] = &[
    ("aggregateApi", 0, u32::MAX), ("atomicNumberOperations", 0, u32::MAX), ("clientExtensions", 0, u32::MAX),
    ("cockroachdb", 0, u32::MAX), ("connectOrCreate", 0, u32::MAX), ("createMany", 0, u32::MAX),
    ("dataProxy", 0, u32::MAX), ("deno", 0, u32::MAX), ("distinct", 0, u32::MAX), ("driverAdapters", 0, u32::MAX),
    ("extendedIndexes", 0, u32::MAX), ("extendedWhereUnique", 0, u32::MAX), ("fieldReference", 0, u32::MAX),
    ("filteredRelationCount", 0, u32::MAX), ("filterJson", 0, u32::MAX), ("fullTextIndex", 0, u32::MAX),
    ("fullTextSearch", 0, u32::MAX), ("fullTextSearchPostgres", 6, u32::MAX), ("groupBy", 0, u32::MAX),
    ("improvedQueryRaw", 0, u32::MAX), ("interactiveTransactions", 0, u32::MAX), ("jsonProtocol", 0, u32::MAX),
    ("metrics", 0, 6), ("microsoftSqlServer", 0, u32::MAX), ("middlewares", 0, u32::MAX),
    ("mongoDb", 0, u32::MAX), ("mongodb", 0, u32::MAX), ("multiSchema", 0, u32::MAX),
    ("namedConstraints", 0, u32::MAX), ("nApi", 0, u32::MAX), ("napi", 0, u32::MAX), ("nativeDistinct", 0, u32::MAX),
    ("nativeTypes", 0, u32::MAX), ("omitApi", 0, u32::MAX), ("orderByAggregateGroup", 0, u32::MAX),
    ("orderByNulls", 0, u32::MAX), ("orderByRelation", 0, u32::MAX), ("partialIndexes", 7, u32::MAX),
    ("postgresqlExtensions", 0, u32::MAX), ("prismaSchemaFolder", 0, u32::MAX), ("queryCompiler", 6, u32::MAX),
    ("reactNative", 0, u32::MAX), ("referentialActions", 0, u32::MAX), ("referentialIntegrity", 0, u32::MAX),
    ("relationJoins", 0, u32::MAX), ("schemaEngineDriverAdapters", 6, u32::MAX),
    ("selectRelationCount", 0, u32::MAX), ("shardKeys", 6, u32::MAX), ("strictUndefinedChecks", 0, u32::MAX),
    ("tracing", 0, u32::MAX), ("transactionApi", 0, u32::MAX), ("typedSql", 0, u32::MAX),
    ("uncheckedScalarInputs", 0, u32::MAX), ("views", 0, u32::MAX),
];

/// The providers that Prisma knows and that are not PostgreSQL.
const OTHER_PROVIDERS: [&str; 5] = ["mysql", "sqlite", "sqlserver", "mongodb", "cockroachdb"];

pub(super) fn check<'a>(schema: &'a Schema, version: PrismaVersion, errors: &mut Errors) -> Facts<'a> {
    let mut facts = Facts { has_namespaces: version >= PrismaVersion::new(6, 13, 0), ..Facts::default() };
    for generator in schema.generators() {
        for feature in features(generator, version, errors) {
            match feature {
                "views" => facts.has_views = true,
                "partialIndexes" => facts.has_partial_indexes = true,
                "multiSchema" => facts.has_namespaces = true,
                "postgresqlExtensions" => facts.has_extensions = true,
                _ => {}
            }
        }
    }
    let datasources: Vec<&Config> = schema.configs(ConfigKind::Datasource).collect();
    let mut read = 0;
    for config in &datasources {
        let source = Datasource { config, version };
        read += usize::from(source.check(&mut facts, errors).is_some());
    }
    if read > 1 {
        for config in datasources {
            let message = "there is more than one datasource";
            errors.tell(config.span, message, "Prisma takes one; another database is another schema");
        }
    }
    facts
}

/// The preview features of a generator that is one.
fn features<'a>(generator: &'a Config, version: PrismaVersion, errors: &mut Errors) -> Vec<&'a str> {
    if let Some(engine) = generator.value("engineType") {
        text(engine, errors);
    }
    let Some(provider) = generator.value("provider") else {
        let message = format!("generator `{}` has no `provider`", generator.name.name);
        errors.tell(generator.span, message, "write provider = \"prisma-client\"");
        return Vec::new();
    };
    if !variable_or_text(provider, errors) {
        return Vec::new();
    }
    if let Some(output) = generator.value("output") {
        variable_or_text(output, errors);
    }
    for target in generator.value("binaryTargets").map_or(&[][..], Expression::items) {
        variable_or_text(target, errors);
    }
    let Some(listed) = generator.value("previewFeatures") else { return Vec::new() };
    let features: Vec<&str> = listed.items().iter().filter_map(|item| text(item, errors)).collect();
    for feature in &features {
        let known = FEATURES.iter().find(|(name, ..)| name == feature);
        let is_known = known.is_some_and(|(_, first, last)| (*first..=*last).contains(&version.major));
        if !is_known {
            let message = format!("Prisma {version} knows no preview feature `{feature}`");
            errors.tell(listed.span(), message, "remove it from the list, or use a version that has it");
        }
    }
    features
}

/// A string, or `env("NAME")`.
fn variable_or_text(expression: &Expression, errors: &mut Errors) -> bool {
    match expression {
        Expression::Function { name, arguments, .. } if name.name == "env" => match &arguments[..] {
            [only] => text(&only.value, errors).is_some(),
            _ => {
                errors.tell(expression.span(), "env takes the name of one variable", "write env(\"NAME\")");
                false
            }
        },
        other => text(other, errors).is_some(),
    }
}

struct Datasource<'a> {
    config: &'a Config,
    version: PrismaVersion,
}

impl<'a> Datasource<'a> {
    /// Nothing if so much is wrong with it that it is none.
    fn check(&self, facts: &mut Facts<'a>, errors: &mut Errors) -> Option<()> {
        facts.name = Some(&self.config.name.name);
        self.provider(errors)?;
        self.relation_mode(facts, errors);
        self.extensions(facts, errors);
        self.urls(errors)?;
        if let Some(property) = self.property("previewFeatures") {
            let message = "preview features are no business of the datasource";
            errors.tell(property.span, message, "move them to the generator");
        }
        self.namespaces(facts, errors);
        for property in &self.config.properties {
            let known = [
                "provider",
                "url",
                "directUrl",
                "shadowDatabaseUrl",
                "relationMode",
                "referentialIntegrity",
                "schemas",
                "extensions",
                "previewFeatures",
            ];
            if !known.contains(&property.key.name.as_str()) {
                let message = format!("a datasource has no property `{}`", property.key.name);
                errors.tell(property.span, message, "remove it");
            }
        }
        Some(())
    }

    fn property(&self, key: &str) -> Option<&'a Property> {
        // Twice is told already; the last one counts.
        self.config.properties.iter().rev().find(|property| property.key.name == key)
    }

    fn provider(&self, errors: &mut Errors) -> Option<()> {
        let Some(property) = self.property("provider") else {
            let message = format!("datasource `{}` has no `provider`", self.config.name.name);
            errors.tell(self.config.span, message, "write provider = \"postgresql\"");
            return None;
        };
        let span = property.value.span();
        match &property.value {
            Expression::Function { name, .. } if name.name == "env" => {
                let message = "the provider cannot come from a variable";
                errors.tell(self.config.span, message, "write provider = \"postgresql\"");
                return None;
            }
            Expression::String(literal) => match literal.value.as_str() {
                "postgresql" | "postgres" => return Some(()),
                "" => errors.tell(span, "the provider is empty", "write provider = \"postgresql\""),
                other if OTHER_PROVIDERS.contains(&other) => {
                    let message = format!("this schema is for `{other}`, and underpin is for PostgreSQL");
                    errors.tell(span, message, "give the schema of a PostgreSQL database");
                    return Some(());
                }
                other => {
                    let message = format!("Prisma knows no provider `{other}`");
                    errors.tell(span, message, "write provider = \"postgresql\"");
                }
            },
            other => {
                let message = format!("the provider must be a string, not {}", described(other));
                errors.tell(span, message, "write provider = \"postgresql\"");
            }
        }
        None
    }

    fn relation_mode(&self, facts: &mut Facts<'a>, errors: &mut Errors) {
        let mode = match (self.property("relationMode"), self.property("referentialIntegrity")) {
            (Some(_), Some(old)) => {
                let message = "`referentialIntegrity` is the old name of `relationMode`, which is there too";
                errors.tell(old.span, message, "remove it");
                return;
            }
            (Some(mode), None) | (None, Some(mode)) => mode,
            (None, None) => return,
        };
        match text(&mode.value, errors) {
            Some("prisma") => facts.has_no_foreign_keys = true,
            Some("foreignKeys") | None => {}
            Some(other) => {
                let message = format!("there is no relation mode `{other}`");
                errors.tell(self.config.span, message, "write \"foreignKeys\" or \"prisma\"");
            }
        }
    }

    fn extensions(&self, facts: &mut Facts<'a>, errors: &mut Errors) {
        let Some(property) = self.property("extensions") else { return };
        facts.extensions = Some(property.span);
        for item in property.value.items() {
            let arguments = match item {
                Expression::Constant(_) => continue,
                Expression::Function { arguments, .. } => arguments,
                other => {
                    let message = format!("expected an extension, found {}", described(other));
                    errors.tell(other.span(), message, "write its name without quotes");
                    continue;
                }
            };
            extension_arguments(arguments, errors);
        }
    }

    /// Where the connection's URLs stand: in the schema up to Prisma 6.
    fn urls(&self, errors: &mut Errors) -> Option<()> {
        let urls = ["url", "directUrl", "shadowDatabaseUrl"];
        if self.version.keeps_url_in_config() {
            for property in urls.iter().filter_map(|key| self.property(key)) {
                let message = format!("since Prisma 7 `{}` does not stand in the schema", property.key.name);
                errors.tell(
                    property.span,
                    message,
                    "move it to prisma.config.ts: https://pris.ly/d/config-datasource",
                );
            }
            return Some(());
        }
        let Some(url) = self.property("url") else {
            let message = format!("datasource `{}` has no `url`", self.config.name.name);
            errors.tell(self.config.span, message, "write url = env(\"DATABASE_URL\")");
            return None;
        };
        if !variable_or_text(&url.value, errors) {
            return None;
        }
        for property in ["directUrl", "shadowDatabaseUrl"].iter().filter_map(|key| self.property(key)) {
            variable_or_text(&property.value, errors);
        }
        let value_of = |key: &str| self.property(key).and_then(|property| address(&property.value));
        let shadow = value_of("shadowDatabaseUrl").filter(|url| !url.1.is_empty());
        for key in ["directUrl", "url"] {
            if shadow.is_some() && value_of(key) == shadow {
                let span = self.property(key).map_or(self.config.span, |property| property.value.span());
                let message = format!("`shadowDatabaseUrl` is the same database as `{key}`");
                errors.tell(span, message, "Prisma empties the shadow database: give it one of its own");
            }
        }
        Some(())
    }

    fn namespaces(&self, facts: &mut Facts<'a>, errors: &mut Errors) {
        let Some(property) = self.property("schemas") else { return };
        facts.list_of_namespaces = Some(property.value.span());
        let items = property.value.items();
        let read: Vec<(&str, Span)> =
            items.iter().filter_map(|item| Some((text(item, errors)?, item.span()))).collect();
        if items.is_empty() {
            errors.tell(property.value.span(), "the list of schemas is empty", "remove it, or list some");
            return;
        }
        if read.len() < items.len() {
            return;
        }
        for (position, (name, span)) in read.iter().enumerate() {
            if read[position + 1..].iter().any(|(other, _)| other == name) {
                errors.tell(*span, format!("schema `{name}` is listed twice"), "keep one of them");
            }
        }
        facts.namespaces = Some(read.into_iter().map(|(name, _)| name).collect());
    }
}

/// A URL that can be compared: whether it is a variable, and its text or the variable's name.
fn address(expression: &Expression) -> Option<(bool, &str)> {
    match expression {
        Expression::Function { arguments, .. } => Some((true, arguments.first()?.value.as_str()?)),
        other => Some((false, other.as_str()?)),
    }
}

/// `map`, `schema` and `version`, each once and a string.
fn extension_arguments(arguments: &[Argument], errors: &mut Errors) {
    let mut seen: Vec<&str> = Vec::new();
    for argument in arguments {
        let Some(name) = argument.name.as_ref().map(|name| name.name.as_str()) else {
            let message = "arguments of an extension have names";
            errors.tell(argument.span, message, "write map:, schema: or version: in front of it");
            continue;
        };
        if seen.contains(&name) {
            errors.tell(argument.span, format!("`{name}` is given twice"), "keep one of them");
            continue;
        }
        seen.push(name);
        text(&argument.value, errors);
        if !["map", "schema", "version"].contains(&name) {
            let message = format!("an extension has no argument `{name}`");
            errors.tell(argument.span, message, "the arguments are map, schema and version");
        }
    }
}
