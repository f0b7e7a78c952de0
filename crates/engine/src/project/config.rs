//! `prisma.config.*`: which file, and what it says.
//!
//! A configuration that is a literal of harmless parts is read as one: the same answer as running
//! it, without Node's start. Any other is run by Node in the project. Without Node, a literal that
//! other code might change is taken as it stands, and a computed one is an error.

use std::path::{Path, PathBuf};

use underpin_prisma::{ConfigLiteral, NotStatic, Setting};

use super::env_files::{self, Environment};
use super::error::{ProjectError, ProjectErrorKind};
use super::{Where, node};

/// What a configuration says, paths absolute.
#[derive(Debug, Clone)]
pub(super) struct Config {
    pub(super) file: PathBuf,
    pub(super) schema: Option<PathBuf>,
    pub(super) migrations: Option<PathBuf>,
    pub(super) url: Option<ConfiguredUrl>,
    pub(super) direct_url: Option<ConfiguredUrl>,
    /// The environment that the configuration's variables are looked up in.
    pub(super) environment: Environment,
}

/// A URL of a configuration. The value may hold a password, so it must not be printed.
#[derive(Clone)]
pub(super) enum ConfiguredUrl {
    /// Read from the literal.
    Setting(Setting),
    /// What Node evaluated it to, and the variable of the environment that held just that.
    Evaluated { value: String, variable: Option<String> },
}

impl std::fmt::Debug for ConfiguredUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ConfiguredUrl")
    }
}

const EXTENSIONS: [&str; 6] = ["js", "ts", "mjs", "cjs", "mts", "cts"];

/// In Prisma's order; `index` files of folders with these names are left out.
const NAMES: [&str; 5] =
    ["prisma7.config", ".config/prisma7", "prisma.config", ".config/prisma", ".config/prisma.config"];

pub(super) fn load(place: &Where) -> Result<Option<Config>, ProjectError> {
    let file = match &place.config {
        Some(named) => {
            let file = place.cwd.join(named);
            if !file.is_file() {
                return Err(ProjectError::new(
                    ProjectErrorKind::ConfigNotFound,
                    "there is no such configuration (--config)",
                    "name an existing prisma.config.ts; without --config it is looked for in the working folder",
                )
                .in_file(file));
            }
            file
        }
        None => match find(&place.cwd) {
            Some(file) => file,
            None => return Ok(None),
        },
    };
    let bytes = std::fs::read(&file).map_err(|error| ProjectError::unreadable(&file, &error))?;
    let literal = ConfigLiteral::parse(&String::from_utf8_lossy(&bytes));
    // dotenv looks at this variable for another file name, among other options.
    let is_plain = !place.environment.keys().any(|name| name.starts_with("DOTENV_CONFIG_"));
    match literal {
        Ok(literal) if literal.is_self_contained && is_plain => from_literal(place, file, literal),
        literal => match node::find(&place.environment) {
            Some(program) => node::evaluate(&program, place, &file).map(Some),
            None => match literal {
                Ok(literal) => from_literal(place, file, literal),
                Err(error) => Err(node_needed(file, &error)),
            },
        },
    }
}

fn find(cwd: &Path) -> Option<PathBuf> {
    let candidates = NAMES.iter().flat_map(|name| EXTENSIONS.map(|extension| format!("{name}.{extension}")));
    candidates.map(|name| cwd.join(name)).find(|path| path.is_file())
}

fn from_literal(
    place: &Where,
    file: PathBuf,
    literal: ConfigLiteral,
) -> Result<Option<Config>, ProjectError> {
    let folder = file.parent().unwrap_or(&place.cwd).to_owned();
    let mut environment = place.environment.clone();
    let dotenv_file = place.cwd.join(".env");
    if literal.loads_dotenv && dotenv_file.is_file() {
        env_files::add_unexpanded(&dotenv_file, &mut environment)?;
    }
    Ok(Some(Config {
        schema: literal.schema.map(|path| folder.join(path)),
        migrations: literal.migrations.map(|path| folder.join(path)),
        url: literal.url.map(ConfiguredUrl::Setting),
        direct_url: literal.direct_url.map(ConfiguredUrl::Setting),
        environment,
        file,
    }))
}

fn node_needed(file: PathBuf, error: &NotStatic) -> ProjectError {
    ProjectError::new(
        ProjectErrorKind::NodeNeeded,
        error.to_string(),
        "install Node, or write the value as a string, env(\"NAME\") or process.env.NAME, or pass --url, --schema \
         and --migrations with a --config that has literals",
    )
    .in_file(file)
    .at(error.place)
}
