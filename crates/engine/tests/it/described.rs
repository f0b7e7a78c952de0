//! A live database as Prisma describes it: our scripts from and to it are those of the real engine.

use std::path::Path;

use underpin_catalog::{Catalog, Name};
use underpin_engine::introspect_within;
use underpin_engine::{Patience, introspect};
use underpin_prisma::migrate::{Migration, Scope};
use underpin_prisma::schema::{Schema, Source};
use underpin_prisma::{PrismaCatalog, PrismaVersion};
use underpin_testkit::schemas::{Created, Described, Engine, battery, describe, for_prisma_7};
use underpin_testkit::{CaseFile, Fence, Section, Server, corpus, majors};

const PRISMA_7: PrismaVersion = PrismaVersion::new(7, 10, 0);
const PRISMA_6: PrismaVersion = PrismaVersion::new(6, 19, 0);

/// What a database is compared with when its section has no schema.
const NOTHING: &str = "datasource db {\n  provider = \"postgresql\"\n}\n";

fn schema(text: &str) -> Schema {
    Schema::parse(vec![Source::new("schema.prisma", text)])
}

/// Before 7 a datasource has a URL.
fn for_prisma_6(text: &str) -> String {
    text.replacen("\"postgresql\"", "\"postgresql\"\n  url = \"postgres://x\"", 1)
}

/// A schema that a database is compared with.
struct Question {
    /// The section, and the fence.
    of: String,
    catalog: Catalog,
    url: String,
    namespace: Name,
    schema: String,
}

fn since(fence: &Fence) -> Option<u32> {
    match fence.info.strip_prefix("sql") {
        Some("") => Some(0),
        Some(from) => from.strip_prefix(" from ").map(|major| major.parse().unwrap()),
        None => None,
    }
}

/// The schemas of a section, each with the namespace of the connection.
fn schemas(section: &Section, version: PrismaVersion) -> Vec<(String, String, String)> {
    let own = section.fences.iter().filter_map(|fence| {
        let (namespace, is_asked) = match fence.info.strip_prefix("prisma")? {
            "" => ("public", true),
            " of 7" => ("public", version.major == 7),
            other => (other.strip_prefix(" in ").unwrap(), true),
        };
        let of = format!("{}, {} of line {}", section.title, fence.info, fence.line);
        is_asked.then(|| (of, namespace.to_owned(), fence.text.clone()))
    });
    let nothing = (section.title.clone(), "public".to_owned(), NOTHING.to_owned());
    std::iter::once(nothing).chain(own).collect()
}

/// The scripts that differ from the real engine's, and how many are the same.
async fn differing(engine: Engine, version: PrismaVersion, questions: &[Question]) -> (usize, Vec<String>) {
    let text = |question: &Question| match version.major {
        7 => question.schema.clone(),
        _ => for_prisma_6(&question.schema),
    };
    let asked = |question: &Question| {
        Described(question.url.clone(), vec![("schema.prisma".to_owned(), text(question))])
    };
    let asked: Vec<Described> = questions.iter().map(asked).collect();
    let (mut same, mut differing) = (0, Vec::new());
    for (question, answer) in questions.iter().zip(describe(engine, &asked).await) {
        let schema = schema(&text(question));
        let scope = Scope::of_schema(&schema, question.namespace.clone(), version);
        let described = PrismaCatalog::of_database(&question.catalog, &scope);
        let wanted = PrismaCatalog::of_schema(&schema, &question.namespace, version);
        let wanted = wanted.unwrap_or_else(|refused| panic!("{}: {refused:#?}", question.of));
        let nothing = PrismaCatalog::default();
        let sides = [
            ("made", answer.made, Some(&nothing), None),
            ("kept", answer.kept, None, Some(&wanted)),
            ("taken", answer.taken, Some(&wanted), None),
        ];
        for (way, theirs, before, after) in sides {
            let ours = match &described {
                Ok(described) => {
                    let (before, after) = (before.unwrap_or(described), after.unwrap_or(described));
                    Ok(Migration::between(before, after, version).script())
                }
                Err(refused) => Err(refused.to_string()),
            };
            match (ours, theirs) {
                (Ok(ours), Created::Sql(theirs)) if ours.trim_end() == theirs.trim_end() => same += 1,
                (Err(_), Created::Error(error)) if error.contains("Cross schema references") => same += 1,
                (ours, theirs) => {
                    differing.push(compared(&format!("{} ({way})", question.of), &ours, &theirs))
                }
            }
        }
    }
    (same, differing)
}

/// The lines of each script that the other lacks.
fn compared(of: &str, ours: &Result<String, String>, theirs: &Created) -> String {
    match (ours, theirs) {
        (Ok(ours), Created::Sql(theirs)) => {
            let lacking = |text: &str, other: &str| -> String {
                let other: Vec<&str> = other.lines().collect();
                text.lines().filter(|line| !other.contains(line)).map(|line| format!("{line}\n")).collect()
            };
            let (prisma, we) = (lacking(theirs, ours), lacking(ours, theirs));
            match prisma.is_empty() && we.is_empty() {
                true => format!("{of}, in another order\n--- Prisma\n{theirs}\n--- we\n{ours}"),
                false => format!("{of}\n--- Prisma alone\n{prisma}--- we alone\n{we}"),
            }
        }
        _ => format!("{of}\n--- Prisma\n{theirs:#?}\n--- we\n{ours:#?}"),
    }
}

#[tokio::test]
async fn hand_made_databases_are_described_as_prisma_does() {
    let page = CaseFile::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/described/databases.md"));
    for major in majors() {
        let server = Server::shared(major).await;
        let (mut databases, mut questions) = (Vec::new(), [Vec::new(), Vec::new()]);
        for section in page.sections() {
            let Some(sql) =
                section.fences.iter().find(|fence| since(fence).is_some_and(|from| major >= from))
            else {
                continue;
            };
            let database = server.database("described").await;
            database.run(&sql.text).await;
            let catalog = introspect(&database.client().await).await.unwrap();
            for (questions, version) in questions.iter_mut().zip([PRISMA_7, PRISMA_6]) {
                let asked = schemas(section, version).into_iter().map(|(of, namespace, schema)| Question {
                    of: format!("{of}, Prisma {} on PostgreSQL {major}", version.major),
                    catalog: catalog.clone(),
                    url: format!("{}?schema={namespace}", database.url()),
                    namespace: Name::new(namespace),
                    schema,
                });
                questions.extend(asked);
            }
            databases.push(database);
        }
        let engines = [(Engine::Prisma7, PRISMA_7, 24), (Engine::Prisma6, PRISMA_6, 20)];
        for ((engine, version, count), questions) in engines.into_iter().zip(&questions) {
            let (same, differing) = differing(engine, version, questions).await;
            assert!(differing.is_empty(), "{} differ\n{}", differing.len(), differing.join("\n\n"));
            // One section needs PostgreSQL 15.
            assert_eq!(same, 3 * (count - usize::from(major < 15)), "three scripts each");
        }
    }
}

/// What real projects expect to be there: a script does not make an extension that no schema lists.
const PREPARED: &str = "CREATE EXTENSION citext; CREATE EXTENSION pg_trgm; CREATE EXTENSION \"uuid-ossp\";\n";

/// Schemas whose script PostgreSQL refuses, ours like Prisma's: quotes in names are not doubled.
const REFUSED: [&str; 1] = ["quoting, after"];

/// Schemas that Prisma itself never takes for the same as the database that it made of them: what
/// `dbgenerated()` leaves to the database comes back when it is asked the other way round, a class of a B-tree
/// is not read, and extensions are there that nobody lists.
const NEVER_THE_SAME: [&str; 10] = [
    "affine",
    "civitai",
    "langfuse",
    "trigger.dev",
    "defaults, after",
    "index_types, after",
    "extensions, before",
    "extensions, after",
    "views, before",
    "views, after",
];

#[tokio::test]
async fn what_our_script_makes_is_described_as_the_schema() {
    let mut schemas: Vec<_> =
        corpus::histories().into_iter().map(|history| (history.name.clone(), history.schema())).collect();
    schemas.extend(battery().await);
    let server = Server::shared(majors()[0]).await;
    let database = server.database("described_schemas").await;
    let client = database.client().await;
    client.batch_execute(PREPARED).await.unwrap();
    let public = Name::new("public");
    let mut odd = Vec::new();
    for (name, text) in &schemas {
        let text = for_prisma_7(text);
        let schema = schema(&text);
        let wanted = PrismaCatalog::of_schema(&schema, &public, PRISMA_7).unwrap();
        let script = Migration::between(&PrismaCatalog::default(), &wanted, PRISMA_7).script();
        client.batch_execute("BEGIN").await.unwrap();
        if let Err(error) = client.batch_execute(&script).await {
            assert!(REFUSED.contains(&name.as_str()), "{name}: {error:?}");
            client.batch_execute("ROLLBACK").await.unwrap();
            continue;
        }
        let catalog = introspect_within(&client, Patience::default()).await.unwrap();
        client.batch_execute("ROLLBACK").await.unwrap();
        let scope = Scope::of_schema(&schema, public.clone(), PRISMA_7);
        let described = PrismaCatalog::of_database(&catalog, &scope).unwrap();
        let is_same = |before, after| Migration::between(before, after, PRISMA_7).steps.is_empty();
        if !is_same(&described, &wanted) || !is_same(&wanted, &described) {
            let database = server.database("described_schema").await;
            database.run(&format!("{PREPARED}{script}")).await;
            let catalog = introspect(&database.client().await).await.unwrap();
            odd.push((name.clone(), text, catalog, database));
        }
    }
    let questions: Vec<Question> = odd
        .iter()
        .map(|(name, schema, catalog, database)| Question {
            of: name.clone(),
            catalog: catalog.clone(),
            url: database.url(),
            namespace: public.clone(),
            schema: schema.clone(),
        })
        .collect();
    let (_, differing) = differing(Engine::Prisma7, PRISMA_7, &questions).await;
    assert!(differing.is_empty(), "{} differ\n{}", differing.len(), differing.join("\n\n"));
    let odd: Vec<&str> = odd.iter().map(|(name, ..)| name.as_str()).collect();
    assert_eq!(odd, NEVER_THE_SAME);
    assert_eq!(schemas.len(), 99);
}
