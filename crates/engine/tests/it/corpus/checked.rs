//! What `check` answers for a real history: it runs without the rights of a superuser and makes what it makes
//! with them, and what it lacks to be what the schema says is what the real Prisma would write.
//!
//! The page `tests/checked/answers.md` has the answers.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use underpin_catalog::object::{ObjectKey, ObjectKind};
use underpin_catalog::{Catalog, Difference, Name, ServerVersion, differences};
use underpin_core::check::replay::{Script, fails};
use underpin_core::check::schema::differs;
use underpin_core::lint::finding::Finding;
use underpin_core::settings::ShadowSettings;
use underpin_engine::check::history::{Asked, Migration, Ran, begin};
use underpin_engine::project::{SchemaFile, schema_at};
use underpin_engine::state::Reading;
use underpin_prisma::{PrismaCatalog, PrismaVersion, migrate};
use underpin_testkit::corpus::History;
use underpin_testkit::schemas::{Created, Described, Engine, describe};
use underpin_testkit::{CaseFile, Database, majors};

/// Two projects that write their answers at once would each write the page without the other's.
static PAGE: Mutex<()> = Mutex::new(());

fn migrations(history: &History, is_replayed: impl Fn(&str) -> bool) -> Vec<Migration> {
    let names = history.names.iter().filter(|name| is_replayed(name));
    let script = |name: &String| Script {
        name: name.clone(),
        path: format!("migrations/{name}/migration.sql"),
        text: history.sql(name),
    };
    names.map(|name| Migration { script: script(name), down: None }).collect()
}

/// Cold, so that every file is replayed by whom it is said to be replayed by.
fn cold() -> ShadowSettings {
    ShadowSettings { keep_mb: 0, ..ShadowSettings::default() }
}

async fn replayed(migrations: &[Migration], major: u32) -> Ran {
    let asked = Asked {
        migrations: migrations.into(),
        version: ServerVersion::of_major(major),
        namespace: Name::new("public"),
        settings: cold(),
        project: PathBuf::from("."),
    };
    tokio::task::spawn_blocking(|| begin(asked).unwrap().end()).await.unwrap()
}

fn line(finding: &Finding) -> String {
    let place = finding.span.as_ref().map(|span| format!(":{}", span.line)).unwrap_or_default();
    format!("{}{place} {}: {}\n", finding.path, finding.rule, finding.message)
}

/// Replays a history as `check` does and holds its end against `there`, the catalog of `theirs`, in which a superuser
/// has replayed it; on the first major it is compared with the schema, as `check` and as the real Prisma do.
pub(crate) async fn checks(
    history: &History,
    (theirs, there): (&Database<'_>, &Catalog),
    is_replayed: impl Fn(&str) -> bool,
    of: &str,
) {
    let mut told = String::new();
    let first = theirs.major() == majors()[0];
    let whole = migrations(history, |_| true);
    let runs = migrations(history, is_replayed);
    if first && runs.len() < whole.len() {
        match replayed(&whole, theirs.major()).await {
            Ran::Refused(at, refusal) => told.push_str(&line(&fails(&whole[at].script, &refusal, None))),
            other => panic!("{of}: {other:?}"),
        }
    }
    let end = match replayed(&runs, theirs.major()).await {
        Ran::Through { end, .. } => end,
        other => panic!("{of}: {other:?}"),
    };
    let mut found = differences(there, &end);
    found.retain(|difference| !is_of_owners(difference));
    assert!(found.is_empty(), "{of}: {} differences, such as {:#?}", found.len(), &found[..1]);
    if first {
        if told.is_empty() {
            told = against_the_schema(history, theirs, &end, of).await;
        }
        hold(&history.name, &told);
    }
}

/// Everything belongs to whoever made it. Before PostgreSQL 15 `public` belongs to the server's first role, and the
/// throwaway server gives it to the owner of its database, whose rights on it are written down by that.
fn is_of_owners(difference: &Difference) -> bool {
    let attribute = difference.attribute.as_deref();
    attribute == Some("owner")
        || attribute == Some("privileges")
            && difference.key == ObjectKey::new(ObjectKind::Namespace, "public")
}

/// What `check` finds between the end of a history and its schema.
async fn against_the_schema(history: &History, theirs: &Database<'_>, end: &Catalog, of: &str) -> String {
    let (files, head) = schema_at(&history.prisma.join("schema.prisma"), "the test").unwrap();
    let reading = Reading {
        cwd: history.prisma.clone(),
        version: PrismaVersion::assumed_for(&head),
        namespace: Name::new("public"),
        shadow: cold(),
        major: Some(theirs.major()),
    };
    let schema = reading.parsed(&files);
    let wanted = PrismaCatalog::of_schema(&schema, &reading.namespace, reading.version).unwrap();
    let seen = reading.seen(end, &reading.scope([&schema].into_iter())).unwrap();
    let migration = migrate::Migration::between(&seen, &wanted, reading.version);
    let engine = if reading.version.major == 6 { Engine::Prisma6 } else { Engine::Prisma7 };
    let text = |file: &SchemaFile| (file.path.display().to_string(), file.text.clone());
    let asked = Described(theirs.url(), files.iter().map(text).collect());
    let answer = describe(engine, &[asked]).await.remove(0);
    let Created::Sql(script) = answer.kept else { panic!("{of}: {answer:?}") };
    assert_eq!(migration.script().trim_end(), script.trim_end(), "{of}");
    differs(&migration, &schema, &reading.namespace).iter().map(line).collect()
}

/// Holds a project's answer against the page.
fn hold(project: &str, told: &str) {
    let _alone = PAGE.lock().unwrap();
    let page = CaseFile::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/checked/answers.md"));
    let section = page.cases("told").find(|section| section.title == project);
    let expected =
        section.unwrap_or_else(|| panic!("the page has no section {project}")).own("told").unwrap();
    if std::env::var_os("UNDERPIN_BLESS").is_some() {
        return page.rewrite(&[(expected, told.to_owned())]);
    }
    assert_eq!(told, expected.text, "{project}");
}
