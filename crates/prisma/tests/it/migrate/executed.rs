//! The scripts, executed: what Prisma and we write for a pair is the same text (`generated`, `battery`), so what
//! PostgreSQL makes of it is the same, too. Here is what it makes of it: where it takes the script, the
//! database becomes what the later schema makes of an empty one. And described again it is what that schema
//! says, unless the real engine finds the same to do there as we do.

use std::collections::BTreeMap;

use tokio_postgres::Client;
use underpin_catalog::Name;
use underpin_engine::introspect;
use underpin_prisma::PrismaCatalog;
use underpin_prisma::migrate::{Migration, Scope};
use underpin_prisma::schema::{Schema, Source};
use underpin_testkit::schemas::{Created, Described, Engine, Side, describe, pairs};
use underpin_testkit::{Server, majors};

use super::draft::Dialect;
use super::generated::drawn;
use super::{PRISMA_7, catalog, differing, one, script};

/// Everything that a test before has left.
const CLEAN: &str = "DO $$ DECLARE name text; BEGIN \
    FOR name IN SELECT nspname FROM pg_namespace WHERE nspname !~ '^(pg_|information_schema)' LOOP \
    EXECUTE format('DROP SCHEMA %I CASCADE', name); END LOOP; CREATE SCHEMA public; END $$; CREATE EXTENSION citext";

/// What there is, a line each, without what Prisma does not look at: the order of columns and of an enum's
/// values, the names of sequences, and zeros at the end of a fraction.
const DESCRIBED: &str = "\
    SELECT format('%s.%s %s %s %s', attrelid::regclass, attname, format_type(atttypid, atttypmod), attnotnull, \
      regexp_replace(regexp_replace(coalesce(pg_get_expr(adbin, adrelid), ''), 'nextval.*', 'nextval'), \
      '([.][0-9]*[1-9])0+$', '\\1')) \
    FROM pg_attribute JOIN pg_class c ON c.oid = attrelid LEFT JOIN pg_attrdef d ON adrelid = attrelid AND adnum = attnum \
    WHERE attnum > 0 AND NOT attisdropped AND relkind = 'r' AND relnamespace::regnamespace::text !~ '^(pg_|information_schema)' \
    UNION ALL SELECT pg_get_indexdef(indexrelid) FROM pg_index JOIN pg_class c ON c.oid = indexrelid \
    WHERE relnamespace::regnamespace::text !~ '^(pg_|information_schema)' \
    UNION ALL SELECT format('%s %s %s', conrelid::regclass, conname, pg_get_constraintdef(oid)) FROM pg_constraint \
    WHERE contype IN ('p', 'f', 'u') AND connamespace::regnamespace::text !~ '^(pg_|information_schema)' \
    UNION ALL SELECT format('%s %s', enumtypid::regtype, enumlabel) FROM pg_enum \
    UNION ALL SELECT 'extension ' || extname FROM pg_extension \
    UNION ALL SELECT 'namespace ' || nspname FROM pg_namespace WHERE nspname !~ '^(pg_|information_schema)' \
    ORDER BY 1";

/// A drawn schema without what PostgreSQL would refuse in nearly every one: quotes, which Prisma does not mind, a type
/// of an extension that servers do not have, and expressions that are drawn without regard to the type.
fn possible(side: Side) -> Side {
    let mend = |text: String| {
        let text = text.replace("'s", "s").replace("vector(3)", "path");
        let mut parts = text.split("@default(dbgenerated(");
        let first = parts.next().unwrap_or_default().to_owned();
        parts.fold(first, |text, part| {
            let end = part.find("))").unwrap() + 2;
            text + &part[end..]
        })
    };
    side.map(|files| files.into_iter().map(|(path, text)| (path, mend(text))).collect())
}

async fn described(client: &Client) -> Vec<String> {
    let rows = client.query(DESCRIBED, &[]).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

/// A script as Prisma up to 7.3 sends it, and as later ones do where their parser fails: whole.
async fn send(client: &Client, script: &str) -> Result<(), String> {
    let Err(error) = client.batch_execute(script).await else { return Ok(()) };
    // Scripts that change an enum begin a transaction of their own.
    client.batch_execute("ROLLBACK").await.unwrap();
    let error = error.as_db_error().unwrap_or_else(|| panic!("no answer: {error}"));
    Err(format!("{} {}", error.code().code(), error.message()))
}

/// What became of the pairs.
#[derive(Debug, Default)]
struct Outcome {
    /// The script was taken, and the database is what the later schema says.
    arrived: usize,
    /// Pairs of which a side cannot be made of an empty database: Prisma does not mind a quote in a name or in a
    /// value, PostgreSQL does.
    impossible: BTreeMap<String, usize>,
    /// Scripts that PostgreSQL refuses, by the SQLSTATE.
    refused: BTreeMap<String, usize>,
    /// Other databases than the later schema says, with what is too much and what is missing.
    elsewhere: Vec<String>,
    /// In how many of those that arrived something is still to do, by what is described of the database.
    never_done: usize,
    /// Where the engine finds something else to do.
    misread: Vec<String>,
}

impl Outcome {
    fn said(&self) -> String {
        let list = |codes: &BTreeMap<String, usize>| {
            codes.iter().map(|(code, count)| format!("{count} {code}")).collect::<Vec<_>>().join(", ")
        };
        let (refused, impossible) = (list(&self.refused), list(&self.impossible));
        let (arrived, never_done) = (self.arrived, self.never_done);
        format!("{arrived} arrive, {never_done} never done; refused: {refused}; impossible: {impossible}")
    }
}

/// What is still to do in a database that has arrived, by what is described of it.
async fn still_to_do(client: &Client, side: &Side) -> Option<String> {
    let files = side.as_ref()?;
    let schema = Schema::parse(files.iter().map(|(path, text)| Source::new(path, text)).collect());
    let scope = Scope::of_schema(&schema, Name::new("public"), PRISMA_7);
    let found = PrismaCatalog::of_database(&introspect(client).await.unwrap(), &scope);
    let found = found.unwrap_or_else(|refused| panic!("{refused}: {files:#?}"));
    let wanted = catalog(side, PRISMA_7);
    let migration = Migration::between(&found, &wanted, PRISMA_7);
    (!migration.steps.is_empty()).then(|| migration.script())
}

/// Asks the engine what is to do in databases that went the same way, and answers where it says something else
/// than we do. All at once, because the engine takes a second to start.
async fn misread(server: &Server, unfinished: &[(String, Side, Side, String)]) -> Vec<String> {
    let (mut databases, mut asked) = (Vec::new(), Vec::new());
    for (name, before, after, _) in unfinished {
        let database = server.database("unfinished").await;
        let client = database.client().await;
        client.batch_execute(CLEAN).await.unwrap();
        for (from, to) in [(&None, before), (before, after)] {
            send(&client, &script(from, to, PRISMA_7))
                .await
                .unwrap_or_else(|error| panic!("{name}: {error}"));
        }
        asked.push(Described(database.url(), after.clone().unwrap_or_default()));
        databases.push(database);
    }
    let answers = describe(Engine::Prisma7, &asked).await;
    let said = unfinished.iter().zip(answers).filter_map(|((name, _, _, ours), answer)| match answer.kept {
        Created::Sql(theirs) if theirs.trim_end() == ours.trim_end() => None,
        theirs => Some(format!("{name}\n--- Prisma\n{theirs:?}\n--- we\n{ours}")),
    });
    said.collect()
}

async fn executed(pairs: impl Iterator<Item = (String, Side, Side)>) -> Outcome {
    let major = *majors().last().unwrap();
    let server = Server::shared(major).await;
    let database = server.database("executed").await;
    let client = database.client().await;
    let (mut outcome, mut unfinished) = (Outcome::default(), Vec::new());
    for (name, before, after) in pairs {
        let mut made = Ok(());
        let mut wanted = Vec::new();
        for side in [&after, &before] {
            client.batch_execute(CLEAN).await.unwrap();
            made = made.and(send(&client, &script(&None, side, PRISMA_7)).await);
            if wanted.is_empty() {
                wanted = described(&client).await;
            }
        }
        if let Err(error) = made {
            *outcome.impossible.entry(error[..5].to_owned()).or_default() += 1;
            continue;
        }
        match send(&client, &script(&before, &after, PRISMA_7)).await {
            Err(error) => *outcome.refused.entry(error[..5].to_owned()).or_default() += 1,
            Ok(()) => {
                let found = described(&client).await;
                let only = |one: &[String], other: &[String]| -> Vec<String> {
                    one.iter().filter(|line| !other.contains(line)).cloned().collect()
                };
                let mut too_much = only(&found, &wanted);
                // Prisma drops neither namespaces nor extensions.
                too_much.retain(|line| !line.starts_with("namespace ") && !line.starts_with("extension "));
                match (too_much, only(&wanted, &found)) {
                    (too_much, missing) if too_much.is_empty() && missing.is_empty() => {
                        outcome.arrived += 1;
                        if let Some(ours) = still_to_do(&client, &after).await {
                            unfinished.push((name, before, after, ours));
                        }
                    }
                    (too_much, missing) => {
                        outcome.elsewhere.push(format!("{name}: {too_much:#?} instead of {missing:#?}"));
                    }
                }
            }
        }
    }
    outcome.never_done = unfinished.len();
    outcome.misread = misread(server, &unfinished).await;
    outcome
}

#[tokio::test]
async fn the_battery_arrives() {
    let side = |text: Option<String>| text.as_deref().and_then(one);
    let pairs = pairs().await.into_iter().map(|pair| (pair.0, side(pair.1), side(pair.2)));
    let outcome = executed(pairs).await;
    assert_eq!((outcome.elsewhere.as_slice(), outcome.misread.as_slice()), (&[][..], &[][..]));
    // Refused is an enum without a value that is left, impossible a name with a quote.
    assert_eq!(outcome.said(), "53 arrive, 1 never done; refused: 1 42601; impossible: 1 42601");
}

#[tokio::test]
async fn drawn_pairs_arrive() {
    let pairs: Vec<_> = (0..200)
        .map(|number| {
            let (before, after) = drawn(number, Dialect::Prisma7);
            (format!("pair {number}"), possible(before), possible(after))
        })
        .collect();
    let texts = differing(Engine::Prisma7, &pairs, PRISMA_7).await;
    assert!(texts.is_empty(), "{} texts differ\n{}", texts.len(), texts.join("\n\n"));
    let outcome = executed(pairs.into_iter()).await;
    // What is refused, Prisma writes to the letter; what is impossible is a default or a condition drawn without regard to
    // the columns.
    assert_eq!(
        outcome.said(),
        "148 arrive, 56 never done; refused: 4 2BP01, 1 3F000, 1 42601, 1 42703, 3 42704, 6 42804, 1 42P01, 1 55P04; \
         impossible: 16 42703, 1 42704, 16 42804"
    );
    assert!(outcome.misread.is_empty(), "{}", outcome.misread.join("\n\n"));
    // Prisma does not see that a list of one Unsupported type became a list of another.
    let unseen = "pair 116: [\n    \"\\\"Zone3\\\".state11 path[] f \",\n] instead of";
    assert!(matches!(&outcome.elsewhere[..], [only] if only.starts_with(unseen)), "{:#?}", outcome.elsewhere);
}
