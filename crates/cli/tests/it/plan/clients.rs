//! Real clients of both releases on the states of a plan: each reads what the other writes.

use std::time::Duration;

use underpin_testkit::{Client, Prepared};

use super::{assert_clean, begun, execute, folders, plan};
use crate::support::server;

const BEFORE: &str = r#"
model User {
  id       Int     @id @default(autoincrement())
  fullName String  @unique @map("full_name")
  nick     String?
}
"#;

const AFTER: &str = r#"
model User {
  id          Int     @id @default(autoincrement())
  displayName String  @unique
  alias       String?
}
"#;

/// Creates, reads, updates, upserts and deletes, in the words of one release.
fn script(name: &str, nick: &str, who: &str) -> String {
    format!(
        "const a = await db.user.create({{ data: {{ {name}: `{who}-${{turn}}`, {nick}: 'n' }} }});
         await db.user.update({{ where: {{ id: a.id }}, data: {{ {nick}: null }} }});
         await db.user.update({{ where: {{ {name}: `{who}-${{turn}}` }}, data: {{ {name}: `{who}=${{turn}}` }} }});
         const b = await db.user.upsert({{ where: {{ {name}: `{who}=${{turn}}` }}, create: {{ {name}: 'never' }}, update: {{ {nick}: 'up' }} }});
         if (b.id !== a.id || b.{name} !== `{who}=${{turn}}`) throw new Error('wrong value: ' + JSON.stringify(b));
         await db.user.upsert({{ where: {{ {name}: `{who}+${{turn}}` }}, create: {{ {name}: `{who}+${{turn}}` }}, update: {{}} }});
         const c = await db.user.findMany({{ where: {{ {name}: {{ in: [`{who}=${{turn}}`, `{who}+${{turn}}`] }} }} }});
         if (c.length !== 2) throw new Error('wrong rows: ' + JSON.stringify(c));
         await db.user.delete({{ where: {{ {name}: `{who}+${{turn}}` }} }});"
    )
}

/// The old release goes on through the first two phases and the new one beside it behind them; then the new one
/// alone through the last. Nobody notices anything, and both shapes agree.
#[tokio::test(flavor = "multi_thread")]
async fn both_releases_run_while_a_column_is_renamed() {
    let project = begun(BEFORE);
    let init = folders(&project).pop().unwrap();
    let project = project.models(AFTER);
    plan(&project, &["--rename", "User.fullName:displayName", "--rename", "User.nick:alias"]).await;
    let database = server().await.database("both_releases").await;
    execute(&project, &database, &init, "migration.sql").await;
    database
        .run("INSERT INTO \"User\" (\"full_name\") SELECT 'row ' || n FROM generate_series(1, 500) AS n")
        .await;

    let (old, new) = (Client::generate(BEFORE).await, Client::generate6(AFTER).await);
    let mut old = old.open(&database, Prepared::Kept).await;
    let mut new = new.open(&database, Prepared::Kept).await;
    let a_moment = || tokio::time::sleep(Duration::from_millis(300));
    old.begin(&script("fullName", "nick", "old"), 3).await;
    a_moment().await;
    execute(&project, &database, "_1_expand", "migration.sql").await;
    a_moment().await;
    execute(&project, &database, "_2_backfill", "migration.sql").await;
    new.begin(&script("displayName", "alias", "new"), 3).await;
    a_moment().await;
    let read =
        new.run("return db.user.count({ where: { displayName: { startsWith: 'old=' } } })").await.unwrap();
    assert!(read.value.as_u64().unwrap() > 0, "the new release reads what the old one writes");
    let noticed = old.end().await;
    assert!(noticed.failures.is_empty() && noticed.runs > 5, "{noticed:?}");
    let differ = "SELECT count(*) FROM \"User\" WHERE \"full_name\" IS DISTINCT FROM \"displayName\" OR \"nick\" IS DISTINCT FROM \"alias\"";
    assert_eq!(database.rows(differ).await, ["0"]);
    execute(&project, &database, "_3_contract", "migration.sql").await;
    a_moment().await;
    let noticed = new.end().await;
    assert!(noticed.failures.is_empty() && noticed.runs > 5, "{noticed:?}");
    assert_clean(&database).await;
    assert_eq!(
        database.rows("SELECT count(*) FROM \"User\" WHERE \"displayName\" LIKE 'row %'").await,
        ["500"]
    );
}
