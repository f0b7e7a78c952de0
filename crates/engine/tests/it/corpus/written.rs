//! The corpus's own migrations, as far as Prisma wrote them: between the database before and the one behind
//! each, we write the same.
//!
//! Nobody kept the `schema.prisma` of each moment, so the database behind a migration stands for it. What a
//! schema knows and a database does not is the order of its models: the paragraphs of a script are compared
//! as a set. Which version of Prisma wrote a file is not known either; it has to be one.

use underpin_catalog::{Catalog, Name};
use underpin_engine::introspect;
use underpin_prisma::migrate::{ColumnType, Migration, Scope, SortOrder};
use underpin_prisma::{PrismaCatalog, PrismaVersion};
use underpin_testkit::corpus::History;
use underpin_testkit::{Server, corpus, majors};

use super::{as_prisma_does, form, is_whole};

/// Files that Prisma wrote, by their form, and that we write otherwise.
const OTHERWISE: [&str; 4] = [
    // A column of the primary key gets another type, for which Prisma drops the key and makes it again; these two clauses
    // are taken out.
    "20240813053919_use_timestamp_with_timezone",
    // The schema's own spelling of a JSON document: the database keeps the document, and not how it was written.
    "20231031195932_update_user_profile_schema",
    "20231213152614_model_gallery_settings",
    // The schema says an operator class that the index would have anyway; the database does not tell that it was said.
    "20240105170551_index_tags_in_traces",
];

/// For each project how many of its files are by hand, and how many we write as they are: among the first
/// [`FIRST`], and among all.
const COUNTS: [(&str, [usize; 2], [usize; 2]); 6] = [
    ("affine", [3, 44], [3, 44]),
    ("civitai", [18, 42], [395, 290]),
    ("hoppscotch", [8, 13], [8, 13]),
    ("langfuse", [11, 49], [267, 166]),
    ("trigger.dev", [8, 52], [227, 593]),
    ("umami", [11, 8], [11, 8]),
];

/// So many files of a history are looked at when not everything is (`./run matrix`): a description of a large
/// database takes a while.
const FIRST: usize = 60;

/// One version for each way of writing names.
const VERSIONS: [PrismaVersion; 4] = [
    PrismaVersion::new(7, 10, 0),
    PrismaVersion::new(6, 18, 0),
    PrismaVersion::new(6, 16, 0),
    PrismaVersion::new(6, 12, 0),
];

/// The paragraphs of a script, sorted; `None` when a line stands before the first.
fn paragraphs(text: &str) -> Option<Vec<String>> {
    let text = text.replace("\r\n", "\n");
    let mut body = text.trim();
    if let Some(rest) = body.strip_prefix("/*\n  Warnings:") {
        body = rest.split_once("*/")?.1.trim();
    }
    let mut found: Vec<Vec<&str>> = Vec::new();
    for line in body.lines() {
        let is_title = line.strip_prefix("-- ").is_some_and(|title| !title.contains(' '));
        match found.last_mut() {
            Some(paragraph) if !is_title => paragraph.push(line),
            _ if is_title => found.push(vec![line]),
            _ => return None,
        }
    }
    let mut found: Vec<String> = found
        .into_iter()
        .map(|mut lines| {
            // The tables of an enum come in the order of the models.
            if lines.get(1) == Some(&"BEGIN;") {
                lines.sort_unstable();
            }
            lines.join("\n").trim_end().to_owned()
        })
        .collect();
    found.sort();
    Some(found)
}

/// A described database as the schema says it that stands for it.
fn as_a_schema_says(catalog: &Catalog, scope: &Scope) -> PrismaCatalog {
    let mut said = PrismaCatalog::of_database(catalog, scope).unwrap();
    if !scope.version.says_every_namespace() {
        said.default_namespace = Some(scope.namespace.clone());
    }
    for table in &mut said.tables {
        for column in &mut table.columns {
            if let ColumnType::OfExtension { name, arguments } = &column.column_type {
                let arguments = match arguments.is_empty() {
                    true => String::new(),
                    false => format!("({})", arguments.join(",")),
                };
                column.column_type = ColumnType::Unsupported(format!("{name}{arguments}"));
            }
        }
        for column in table.indexes.iter_mut().flat_map(|index| &mut index.columns) {
            column.order = column.order.filter(|order| *order != SortOrder::Ascending);
            column.operator_class = column.operator_class.take().filter(|class| !class.is_default);
        }
    }
    said
}

/// Whether one of the versions writes these paragraphs; else what the newest writes.
fn written(before: &Catalog, after: &Catalog, theirs: &[String]) -> Result<(), String> {
    let mut newest = None;
    for version in VERSIONS {
        let scope = Scope::of_connection(Name::new("public"), version);
        let was = PrismaCatalog::of_database(before, &scope).unwrap();
        let said = as_a_schema_says(after, &scope);
        let script = Migration::between(&was, &said, version).script();
        if paragraphs(&script).is_some_and(|ours| ours == theirs) {
            return Ok(());
        }
        newest.get_or_insert(script);
    }
    Err(newest.unwrap_or_default())
}

async fn held(history: History, whole: bool) {
    let server = Server::shared(*majors().last().unwrap()).await;
    let database = server.database("written").await;
    let client = database.client().await;
    let (mut by_hand, mut same, mut otherwise) = (0, 0, Vec::new());
    let mut before = None;
    let looked_at = if whole { history.names.len() } else { FIRST };
    for name in history.names.iter().take(looked_at).filter(|name| is_whole(name)) {
        let text = history.sql(name);
        let theirs = paragraphs(&text).filter(|all| all.iter().all(|one| form::is_prismas(one)));
        if theirs.is_some() && before.is_none() {
            before = Some(introspect(&client).await.unwrap());
        }
        as_prisma_does(&client, &text).await.unwrap();
        let Some(theirs) = theirs else {
            (by_hand, before) = (by_hand + 1, None);
            continue;
        };
        let after = introspect(&client).await.unwrap();
        match written(before.as_ref().unwrap(), &after, &theirs) {
            Ok(()) => same += 1,
            Err(ours) if OTHERWISE.contains(&name.as_str()) => drop(ours),
            Err(ours) => {
                otherwise.push(format!("=== {name}\n--- theirs\n{}\n--- ours\n{ours}", theirs.join("\n")))
            }
        }
        before = Some(after);
    }
    let of = &history.name;
    assert!(otherwise.is_empty(), "{of}: {} are otherwise\n{}", otherwise.len(), otherwise.join("\n\n"));
    let (_, first, all) = COUNTS.iter().find(|(project, ..)| project == of).unwrap();
    assert_eq!([by_hand, same], if whole { *all } else { *first }, "{of}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_prisma_wrote_is_what_we_write() {
    let whole = std::env::var_os("UNDERPIN_TEST_MATRIX").is_some();
    let running: Vec<_> =
        corpus::histories().into_iter().map(|history| tokio::spawn(held(history, whole))).collect();
    let mut wrong = Vec::new();
    for running in running {
        if let Err(panicked) = running.await {
            let said = panicked.into_panic();
            wrong.push(said.downcast_ref::<String>().cloned().unwrap_or_default());
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
