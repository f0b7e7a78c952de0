//! Projects in temporary folders, as Prisma 5, 6 and 7 lay them out.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use underpin_engine::project::{Project, ProjectError, ProjectErrorKind, UrlSource, Where};
use underpin_prisma::{FolderOrder, PrismaVersion};
use underpin_testkit::{Oracle, Server, corpus, majors};

struct Folder(TempDir);

const SCHEMA_7: &str = "datasource db {\n  provider = \"postgresql\"\n}\n";
const SCHEMA_6: &str =
    "datasource db {\n  provider = \"postgresql\"\n  url      = env(\"DATABASE_URL\")\n}\n";
const URL: &str = "postgresql://u:secret@h:5432/app";

/// A project with one migration beside the schema.
fn folder(files: &[(&str, &str)]) -> Folder {
    let folder = Folder(tempfile::tempdir().unwrap());
    for (path, text) in files {
        folder.write(path, text);
    }
    folder
}

impl Folder {
    fn path(&self) -> PathBuf {
        self.0.path().canonicalize().unwrap()
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.0.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn with_migration(self, folder: &str) -> Self {
        self.write(&format!("{folder}/20260101000000_init/migration.sql"), "SELECT 1;\n");
        self
    }

    fn place(&self, environment: &[(&str, &str)]) -> Where {
        let environment = environment.iter().map(|&(name, value)| (name.to_owned(), value.to_owned()));
        Where { cwd: self.path(), environment: environment.collect(), ..Where::default() }
    }

    fn discover(&self, environment: &[(&str, &str)]) -> Result<Project, ProjectError> {
        Project::discover(&self.place(environment))
    }

    fn shown(&self, path: &Path) -> String {
        path.strip_prefix(self.path()).unwrap_or(path).display().to_string()
    }
}

fn url(project: &Project) -> String {
    let found = project.database().unwrap_or_else(|error| panic!("{error}"));
    format!("{}/{}", found.url.server(), found.url.database)
}

/// The environment with the machine's Node in it.
fn path_with_node() -> String {
    std::env::var("PATH").unwrap()
}

#[test]
fn prisma_5_and_6_keep_everything_in_the_schema() {
    let project = folder(&[
        ("prisma/schema.prisma", SCHEMA_6),
        ("package.json", r#"{"devDependencies": {"prisma": "^5.22.0"}}"#),
        (".env", "DATABASE_URL=\"postgresql://me@h/${NAME}\"\nNAME=app\n"),
        ("prisma/migrations/migration_lock.toml", "provider = \"postgresql\""),
    ])
    .with_migration("prisma/migrations");
    let found = project.discover(&[]).unwrap();
    assert_eq!(url(&found), "h:5432/app");
    assert_eq!(found.prisma_version, Some(PrismaVersion::new(5, 22, 0)));
    assert_eq!(found.history.order(), FolderOrder::Bytes);
    assert_eq!(project.shown(&found.migrations_folder), "prisma/migrations");
    assert!(found.lock_file.is_some() && found.config_file.is_none());
    let source = &found.database().unwrap().source;
    assert!(
        source.to_string().starts_with("DATABASE_URL (url in ")
            && source.to_string().ends_with("schema.prisma:3:14)"),
        "{source}"
    );
    // What is set wins over the file.
    assert_eq!(url(&project.discover(&[("DATABASE_URL", URL)]).unwrap()), "h:5432/app");
}

#[test]
fn the_direct_url_comes_first_and_the_flag_before_it() {
    let schema =
        "datasource db {\n provider = \"postgres\"\n url = env(\"POOLED\")\n directUrl = env(\"DIRECT\")\n}";
    let project = folder(&[("schema.prisma", schema)]).with_migration("migrations");
    let environment = [("POOLED", "postgresql://pool/d?pgbouncer=true"), ("DIRECT", "postgresql://direct/d")];
    let found = project.discover(&environment).unwrap();
    assert_eq!(url(&found), "direct:5432/d");
    assert!(found.warnings.is_empty());

    let unset = project.discover(&environment[..1]).unwrap().database().unwrap_err();
    assert_eq!(unset.kind, ProjectErrorKind::VariableMissing);
    assert_eq!(unset.message, "environment variable DIRECT is not set");
    assert_eq!(unset.place.map(|place| place.line), Some(4));

    let flagged = Where { url: Some(URL.to_owned()), ..project.place(&[]) };
    let flagged = Project::discover(&flagged).unwrap();
    assert_eq!(flagged.database().unwrap().source, UrlSource::Flag);
    assert_eq!(url(&flagged), "h:5432/app");
}

#[test]
fn a_pooled_url_alone_is_warned_about() {
    let project = folder(&[("prisma/schema.prisma", SCHEMA_6)]).with_migration("prisma/migrations");
    let found = project
        .discover(&[("DATABASE_URL", "postgresql://h/d?pgbouncer=true"), ("DIRECT_URL", URL)])
        .unwrap();
    assert_eq!(found.warnings.len(), 1);
    assert!(found.warnings[0].contains("DIRECT_URL is set"), "{}", found.warnings[0]);
}

#[test]
fn prisma_7_keeps_the_url_in_a_configuration() {
    let config = "import 'dotenv/config'\nimport { defineConfig, env } from 'prisma/config'\n\
        export default defineConfig({\n  schema: 'db/models',\n  migrations: { path: 'db/history' },\n  \
        datasource: { url: env('DATABASE_URL') },\n})\n";
    let project = folder(&[
        ("prisma.config.ts", config),
        ("db/models/a.prisma", "model A {\n  id Int @id\n}\n"),
        ("db/models/deep/db.prisma", SCHEMA_7),
        ("node_modules/prisma/package.json", r#"{"name": "prisma", "version": "7.10.0"}"#),
        (".env", "DATABASE_URL=postgresql://from-file/app\n"),
    ])
    .with_migration("db/history");
    let found = project.discover(&[]).unwrap();
    assert_eq!(url(&found), "from-file:5432/app");
    assert_eq!(found.schema_files.len(), 2);
    assert_eq!(project.shown(&found.schema), "db/models");
    assert_eq!(project.shown(&found.migrations_folder), "db/history");
    assert_eq!(project.shown(found.config_file.as_deref().unwrap()), "prisma.config.ts");
    assert_eq!(found.history.order(), FolderOrder::Collation);
    let UrlSource::Config { variable, .. } = &found.database().unwrap().source else { panic!() };
    assert_eq!(variable.as_deref(), Some("DATABASE_URL"));
    assert_eq!(url(&project.discover(&[("DATABASE_URL", URL)]).unwrap()), "h:5432/app");
}

#[test]
fn a_computed_configuration_is_run_by_node() {
    let config = "const host = ['a', 'b'].join('-')\nconsole.log('chatter {')\n\
        export default { datasource: { url: `postgresql://${host}/${process.env.NAME}` } }\n";
    let project = folder(&[("prisma.config.mjs", config), ("prisma/schema.prisma", SCHEMA_7)])
        .with_migration("prisma/migrations");
    let path = path_with_node();
    let found = project.discover(&[("PATH", &path), ("NAME", "app")]).unwrap();
    assert_eq!(url(&found), "a-b:5432/app");

    let without = project.discover(&[("NAME", "app")]).unwrap_err();
    assert_eq!(without.kind, ProjectErrorKind::NodeNeeded);
    assert_eq!(without.place.map(|place| place.line), Some(3));
}

/// Through the real Prisma's own loader, which is the only one that knows its module and TypeScript
/// with Node 20.
#[tokio::test]
async fn a_computed_typescript_configuration_is_loaded_by_the_projects_prisma() {
    let oracle = Oracle::prisma7().await;
    let modules = oracle.program().ancestors().nth(2).unwrap().join("node_modules");
    let config = "import { defineConfig, env } from 'prisma/config'\nconst name: string = ['a', 'pp'].join('')\n\
        export default defineConfig({ schema: `prisma/${name}.prisma`, datasource: { url: env('DATABASE_URL') } })\n";
    let project = folder(&[("prisma.config.ts", config), ("prisma/app.prisma", SCHEMA_7)])
        .with_migration("prisma/migrations");
    std::os::unix::fs::symlink(modules, project.path().join("node_modules")).unwrap();
    let path = path_with_node();
    let found = project.discover(&[("PATH", &path), ("DATABASE_URL", URL)]).unwrap();
    assert_eq!(
        (url(&found).as_str(), project.shown(&found.schema).as_str()),
        ("h:5432/app", "prisma/app.prisma")
    );
    let UrlSource::Config { variable, .. } = &found.database().unwrap().source else { panic!() };
    assert_eq!(variable.as_deref(), Some("DATABASE_URL"));
    assert_eq!(found.prisma_version.map(|version| version.major), Some(7));

    let unset = project.discover(&[("PATH", &path)]).unwrap_err();
    assert_eq!(unset.kind, ProjectErrorKind::ConfigFailed);
    assert!(unset.message.contains("DATABASE_URL"), "{unset}");
}

#[test]
fn node_tells_which_variable_held_the_url() {
    let config = "const { DIRECT } = process.env\nmodule.exports = { datasource: { url: String(DIRECT) } }\n";
    let project = folder(&[(".config/prisma.cjs", config), ("prisma/schema.prisma", SCHEMA_7)])
        .with_migration("prisma/migrations");
    let path = path_with_node();
    let found = project.discover(&[("PATH", &path), ("DIRECT", URL)]).unwrap();
    let UrlSource::Config { variable, property, .. } = &found.database().unwrap().source else { panic!() };
    assert_eq!((variable.as_deref(), *property), (Some("DIRECT"), "datasource.url"));
}

#[test]
fn a_configuration_that_fails_or_hangs_is_one_error() {
    let path = path_with_node();
    for (config, words) in [
        ("throw new Error('no\\nluck')", "the configuration failed: no luck"),
        ("import './missing.mjs'\nexport default {}", "missing.mjs"),
        ("process.exit(3)", "could not be run"),
        ("export default {", "the configuration failed"),
    ] {
        let project = folder(&[("prisma.config.mjs", config), ("prisma/schema.prisma", SCHEMA_7)])
            .with_migration("prisma/migrations");
        let error = project.discover(&[("PATH", &path)]).unwrap_err();
        assert_eq!(error.kind, ProjectErrorKind::ConfigFailed, "{config}: {error}");
        assert!(error.message.contains(words), "{config}: {error}");
        assert!(!error.message.contains('\n') && !error.hint.is_empty());
    }
    let hanging = folder(&[
        (
            "prisma.config.mjs",
            "await new Promise((done) => setTimeout(done, 60000))\nexport default Object()",
        ),
        ("prisma/schema.prisma", SCHEMA_7),
    ]);
    let start = std::time::Instant::now();
    let error = hanging.discover(&[("PATH", &path)]).unwrap_err();
    assert!(error.message.contains("did not end within 10 s"), "{error}");
    assert!(start.elapsed().as_secs() < 20);
}

#[test]
fn prisma_7_reads_no_env_file_of_its_own() {
    let project = folder(&[
        ("prisma.config.ts", "export default { datasource: { url: process.env.DATABASE_URL } }"),
        ("prisma/schema.prisma", SCHEMA_7),
        (".env", "DATABASE_URL=postgresql://h/d\n"),
    ])
    .with_migration("prisma/migrations");
    let error = project.discover(&[]).unwrap().database().unwrap_err();
    assert_eq!(error.kind, ProjectErrorKind::UrlMissing);
    assert!(error.to_string().contains("prisma.config.ts"), "{error}");
}

#[test]
fn flags_and_package_json_name_other_places() {
    let project = folder(&[
        ("apps/api/data/schema.prisma", SCHEMA_6),
        ("other/schema.prisma", SCHEMA_6),
        ("package.json", r#"{"prisma": {"schema": "apps/api/data/schema.prisma"}}"#),
    ])
    .with_migration("apps/api/data/migrations")
    .with_migration("elsewhere");
    let mut place = project.place(&[("DATABASE_URL", URL)]);
    place.cwd = project.path().join("apps");
    let found = Project::discover(&place).unwrap();
    assert_eq!(project.shown(&found.schema), "apps/api/data/schema.prisma");
    assert_eq!(found.root, project.path());

    place.cwd = project.path();
    place.schema = Some("other".into());
    place.migrations = Some("elsewhere".into());
    let found = Project::discover(&place).unwrap();
    assert_eq!(project.shown(&found.schema), "other");
    assert_eq!(project.shown(&found.migrations_folder), "elsewhere");

    place.config = Some("missing.ts".into());
    assert_eq!(Project::discover(&place).unwrap_err().kind, ProjectErrorKind::ConfigNotFound);
}

#[test]
fn two_env_files_conflict_when_they_agree() {
    let project = folder(&[
        ("prisma/schema.prisma", SCHEMA_6),
        ("package.json", "{}"),
        (".env", "DATABASE_URL=postgresql://h/d\nA=1\n"),
        ("prisma/.env", "DATABASE_URL=postgresql://h/d\nA=2\n"),
    ])
    .with_migration("prisma/migrations");
    let error = project.discover(&[]).unwrap_err();
    assert_eq!(error.kind, ProjectErrorKind::EnvironmentConflict);
    assert!(error.message.ends_with("sets DATABASE_URL too"), "{error}");
    project.write("prisma/.env", "DATABASE_URL=postgresql://ignored/d\nB=1\n");
    assert_eq!(url(&project.discover(&[]).unwrap()), "h:5432/d");
}

#[test]
fn bad_input_gives_one_error_with_its_place_and_a_hint() {
    let mysql = "datasource db {\n  provider = \"mysql\"\n}\n";
    let cockroach = "datasource db {\n  provider = \"cockroachdb\"\n}\n";
    let literal =
        "datasource db {\n  provider = \"postgresql\"\n  url = \"postgresql://u:hunter2/x@h/d\"\n}\n";
    for (files, kind, place) in [
        (vec![("package.json", "{}")], ProjectErrorKind::SchemaNotFound, None),
        (vec![("prisma/schema.prisma", "model A {}")], ProjectErrorKind::SchemaInvalid, None),
        (vec![("prisma/schema.prisma", mysql)], ProjectErrorKind::OtherProvider, Some("2:14")),
        (vec![("prisma/schema.prisma", cockroach)], ProjectErrorKind::OtherProvider, Some("2:14")),
        (vec![("prisma/schema.prisma", "datasource db {")], ProjectErrorKind::SchemaInvalid, Some("1:1")),
        (vec![("prisma/schema.prisma", SCHEMA_6)], ProjectErrorKind::MigrationsNotFound, None),
        (
            vec![("prisma/schema.prisma", SCHEMA_6), ("prisma/migrations/notes.md", "")],
            ProjectErrorKind::NoMigrations,
            None,
        ),
        (
            vec![
                ("prisma/schema.prisma", SCHEMA_6),
                ("prisma/migrations/migration_lock.toml", "# x\nprovider = \"mysql\"\n"),
                ("prisma/migrations/1_init/migration.sql", ""),
            ],
            ProjectErrorKind::ProviderChanged,
            Some("2:1"),
        ),
        (
            vec![("prisma/schema.prisma", literal), ("prisma/migrations/1_init/migration.sql", "")],
            ProjectErrorKind::UrlInvalid,
            Some("3:9"),
        ),
        (
            vec![("prisma/schema.prisma", SCHEMA_7), ("prisma/migrations/1_init/migration.sql", "")],
            ProjectErrorKind::UrlMissing,
            Some("1:1"),
        ),
    ] {
        let project = folder(&files);
        let found = project.discover(&[]);
        let error = found.and_then(|project| project.database().cloned()).unwrap_err();
        assert_eq!(error.kind, kind, "{error}");
        assert_eq!(error.place.map(|place| place.to_string()).as_deref(), place, "{error}");
        assert!(!error.hint.is_empty());
        let all = format!("{error} {error:?}");
        assert!(all.contains(&project.path().display().to_string()) && !all.contains("hunter2"), "{all}");
    }
}

#[test]
fn odd_folders_are_listed_as_prisma_lists_them() {
    let project = folder(&[
        ("prisma/schema.prisma", SCHEMA_6),
        ("prisma/migrations/README.md", "notes"),
        ("prisma/migrations/zzz no timestamp/migration.sql", ""),
        ("prisma/migrations/1_/migration.sql", "\u{feff}SELECT 1;\r\n"),
        ("prisma/migrations/20260101000000_empty/down.sql", ""),
    ]);
    std::os::unix::fs::symlink(
        project.path().join("prisma/migrations/1_"),
        project.path().join("prisma/migrations/2_link"),
    )
    .unwrap();
    let found = project.discover(&[("DATABASE_URL", URL)]).unwrap();
    let listed: Vec<_> =
        found.history.migrations().iter().map(|m| (m.name.as_str(), m.script.is_some())).collect();
    assert_eq!(listed, [("1_", true), ("20260101000000_empty", false), ("zzz no timestamp", true)]);
    assert!(found.history.get("1_").unwrap().script.as_ref().unwrap().has_byte_order_mark());
    assert_eq!(found.warnings.len(), 1);
    assert!(found.warnings[0].contains("2_link"));
}

/// Prisma 6 and 7 apply scripts of odd bytes; its checksums are the ones that we compute.
#[tokio::test]
async fn checksums_are_what_the_real_prisma_writes() {
    let server = Server::shared(majors()[0]).await;
    for (oracle, config) in [(Oracle::prisma7().await, true), (Oracle::prisma6().await, false)] {
        let database = server.database("project_checksums").await;
        let project = folder(&[
            ("prisma/migrations/1_lf/migration.sql", "SELECT 1;\nSELECT 2;\n"),
            ("prisma/migrations/2_crlf/migration.sql", "SELECT 1;\r\nSELECT 2;\r\n"),
            ("prisma/migrations/3_empty/migration.sql", ""),
            ("prisma/migrations/é_umlaut/migration.sql", "-- ünïcödé\nSELECT '\u{1F600}';"),
            ("prisma/schema.prisma", if config { SCHEMA_7 } else { SCHEMA_6 }),
        ]);
        let latin1 = project.path().join("prisma/migrations/4_latin1");
        std::fs::create_dir(&latin1).unwrap();
        std::fs::write(latin1.join("migration.sql"), b"-- caf\xe9\nSELECT 1;\n").unwrap();
        if config {
            let text = "export default { datasource: { url: process.env.DATABASE_URL } }\n";
            project.write("prisma.config.mjs", text);
        }
        let said = oracle.deploy(&project.path(), &database.url()).await;
        let client = database.client().await;
        let rows = client
            .query("SELECT migration_name, checksum FROM _prisma_migrations ORDER BY started_at", &[])
            .await
            .unwrap_or_else(|error| panic!("{error}: {}", said.all()));
        let stored: Vec<(String, String)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
        let found = project.discover(&[("DATABASE_URL", &database.url())]).unwrap();
        let ours: Vec<(String, String)> = found
            .history
            .migrations()
            .iter()
            .map(|m| (m.name.clone(), m.script.as_ref().unwrap().checksum().to_string()))
            .collect();
        assert_eq!(stored, ours, "{}", said.all());
    }
}

#[test]
fn every_corpus_folder_is_read_in_prismas_order() {
    let histories = corpus::histories();
    assert!(!histories.is_empty());
    for history in histories {
        let schema = folder_with_schema();
        let place = Where {
            cwd: schema.path(),
            migrations: Some(history.migrations.clone()),
            environment: BTreeMap::from([("DATABASE_URL".to_owned(), URL.to_owned())]),
            ..Where::default()
        };
        let found = Project::discover(&place).unwrap_or_else(|error| panic!("{}: {error}", history.name));
        let names: Vec<_> = found.history.migrations().iter().map(|m| m.name.as_str()).collect();
        assert_eq!(names, node_order(&names), "{}", history.name);
        assert!(names.len() > 1);
    }
}

fn folder_with_schema() -> Folder {
    folder(&[("schema.prisma", SCHEMA_6)])
}

/// The same names in the order of the real `localeCompare`.
fn node_order(names: &[&str]) -> Vec<String> {
    let mut reversed: Vec<&str> = names.to_vec();
    reversed.sort_unstable();
    reversed.reverse();
    let input = serde_json_array(&reversed);
    let script = format!("console.log({input}.sort((a, b) => a.localeCompare(b)).join('\\n'))");
    let output = std::process::Command::new("node").args(["-e", &script]).output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

/// Folder names of the corpus hold neither quotes nor backslashes.
fn serde_json_array(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
    format!("[{}]", quoted.join(","))
}
