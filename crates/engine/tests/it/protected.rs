//! What Prisma would drop or break because it cannot say it: the real engine's script beside ours.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use underpin_catalog::{Catalog, Name};
use underpin_engine::introspect;
use underpin_prisma::migrate::{Fate, Migration, Protected, Scope};
use underpin_prisma::schema::{Schema, Source};
use underpin_prisma::{PrismaCatalog, PrismaVersion};
use underpin_testkit::schemas::{Created, Described, Engine, describe};
use underpin_testkit::{CaseFile, Database, Server, hold, majors};

const PRISMA_7: PrismaVersion = PrismaVersion::new(7, 10, 0);

/// What becomes of a script in a copy of a database: the SQLSTATE of a refusal, or the protected objects that
/// are not there any more.
async fn outcome(
    server: &Server,
    database: &Database<'_>,
    script: &str,
    protected: &[Protected],
) -> Result<Vec<String>, String> {
    let copy = server.copy_of(database, "protected_copy").await;
    let client = copy.client().await;
    if let Err(error) = client.batch_execute(script).await {
        return Err(error.code().map_or("?", |code| code.code()).to_owned());
    }
    let facts = introspect(&client).await.unwrap().facts();
    let is_there = |protected: &&Protected| facts.objects().any(|(key, _)| *key == protected.object);
    Ok(protected
        .iter()
        .filter(|protected| !is_there(protected))
        .map(|gone| gone.object.to_string())
        .collect())
}

fn listed(title: &str, text: &str) -> String {
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with("--"));
    let lines: String = lines.map(|line| format!("  {line}\n")).collect();
    if lines.is_empty() { format!("{title}: nothing\n") } else { format!("{title}:\n{lines}") }
}

fn shown(protected: &Protected) -> String {
    let Protected { object, cause, fate } = protected;
    let fate = match fate {
        Fate::Untouched => "untouched".to_owned(),
        Fate::Dropped => "spared".to_owned(),
        Fate::GoesWith(other) => format!("goes with {other}"),
        Fate::InTheWay(other) => format!("in the way of {other}"),
    };
    format!("  {object} ({}): {fate}\n", cause.words())
}

fn ends(outcome: &Result<Vec<String>, String>) -> String {
    match outcome {
        Ok(gone) if gone.is_empty() => "  and all is kept\n".to_owned(),
        Ok(gone) => format!("  and gone is {}\n", gone.join(", ")),
        Err(code) => format!("  and PostgreSQL refuses it ({code})\n"),
    }
}

#[tokio::test]
async fn protected_objects_are_spared_and_told() {
    let page = CaseFile::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/described/protected.md"));
    let server = Server::shared(majors()[0]).await;
    let public = Name::new("public");
    let mut found = BTreeMap::new();
    for section in page.cases("sql") {
        let database = server.database("protected").await;
        database.run(&section.own("sql").unwrap().text).await;
        let text = &section.own("prisma").unwrap().text;
        let asked = Described(database.url(), vec![("schema.prisma".to_owned(), text.clone())]);
        let answers = describe(Engine::Prisma7, &[asked]).await;
        let Created::Sql(theirs) = &answers[0].kept else { panic!("{answers:?}") };
        let catalog: Catalog = introspect(&database.client().await).await.unwrap();
        let schema = Schema::parse(vec![Source::new("schema.prisma", text)]);
        let scope = Scope::of_schema(&schema, public.clone(), PRISMA_7);
        let before = PrismaCatalog::of_database(&catalog, &scope).unwrap();
        let after = PrismaCatalog::of_schema(&schema, &public, PRISMA_7).unwrap();
        let mut migration = Migration::between(&before, &after, PRISMA_7);
        assert_eq!(migration.script().trim_end(), theirs.trim_end(), "{}", section.title);
        let protected = migration.spare(&catalog, &scope);
        let ours = migration.script();
        let (bad, good) = (
            outcome(server, &database, theirs, &protected).await,
            outcome(server, &database, &ours, &protected).await,
        );
        let mut told = listed("Prisma writes", theirs) + &ends(&bad);
        write!(told, "{}{}", listed("we write", &ours), ends(&good)).unwrap();
        told.push_str("protected:\n");
        told.extend(protected.iter().map(shown));
        // Nothing is lost but what goes with something, and only what stands in the way is refused.
        let goes = protected.iter().filter(|protected| matches!(protected.fate, Fate::GoesWith(_)));
        let goes: Vec<String> = goes.map(|protected| protected.object.to_string()).collect();
        let is_blocked = protected.iter().any(|protected| matches!(protected.fate, Fate::InTheWay(_)));
        match good {
            Ok(gone) => assert_eq!(gone, goes, "{}", section.title),
            Err(code) => assert!(is_blocked, "{}: {code}", section.title),
        }
        found.insert(section.line, told);
    }
    let held = hold(std::slice::from_ref(&page), "told", |_, section| found[&section.line].clone());
    assert_eq!(held, 5);
}

/// Prisma 7.5 took a partial index for one without a condition, and dropped what the schema did not have.
#[tokio::test]
async fn a_partial_index_is_spared() {
    let server = Server::shared(majors()[0]).await;
    let database = server.database("protected_partial").await;
    database.run("CREATE TABLE a (id int PRIMARY KEY); CREATE INDEX a_partial ON a (id) WHERE id > 5").await;
    let catalog = introspect(&database.client().await).await.unwrap();
    let text = "datasource db {\n  provider = \"postgresql\"\n}\nmodel a {\n  id Int @id\n}\n";
    let schema = Schema::parse(vec![Source::new("schema.prisma", text)]);
    for (minor, drops) in [(3, false), (4, true), (5, true), (6, false)] {
        let version = PrismaVersion::new(7, minor, 0);
        let scope = Scope::of_schema(&schema, Name::new("public"), version);
        let before = PrismaCatalog::of_database(&catalog, &scope).unwrap();
        let after = PrismaCatalog::of_schema(&schema, &scope.namespace, version).unwrap();
        let mut migration = Migration::between(&before, &after, version);
        assert_eq!(!migration.steps.is_empty(), drops, "{version}");
        let protected = migration.spare(&catalog, &scope);
        let fates: Vec<&Fate> = protected.iter().map(|protected| &protected.fate).collect();
        assert_eq!(fates, [if drops { &Fate::Dropped } else { &Fate::Untouched }], "{version}");
        assert!(migration.steps.is_empty(), "{version}");
    }
}
