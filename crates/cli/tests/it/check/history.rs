//! The parts that need a throwaway server.

use super::*;

/// The parts that take one, alone.
const ON_SERVER: [&str; 4] = ["--skip", "base", "--skip", "lint"];

#[test]
fn a_change_that_is_whole_passes_with_its_way_back() {
    let clone = project_with_note();
    let without = told(&clone, &[]);
    assert_eq!(without.code, 0, "{:?}", without.findings());
    assert_eq!(
        without.parts(),
        ["base passed", "lint passed", "replay passed", "schema passed", "down nothing_to_check"]
    );
    clone.write(&NOTE.replace("migration.sql", "down.sql"), "ALTER TABLE \"Order\" DROP COLUMN \"note\";\n");
    let with = told(&clone, &[]);
    assert_eq!(
        (with.code, with.part("down")["outcome"].as_str()),
        (0, Some("passed")),
        "{:?}",
        with.findings()
    );
    assert_eq!(with.part("down")["about"], "1 of the last 2 migrations, run, taken back and run again");
    assert!(with.object["missing_sql"].is_null() && with.object["server"].is_string());
}

#[test]
fn a_history_that_does_not_run_is_told_with_its_place() {
    let clone = project_with_note();
    clone.write(NOTE, "SET lock_timeout = '2s';\nALTER TABLE \"Order\"\n  ADD COLUMN \"note\" TEXT,\n  DROP COLUMN \"notes\";\n");
    let refused = told(&clone, &ON_SERVER);
    assert_eq!((refused.code, refused.findings()), (10, vec![format!("history-fails {NOTE}:2")]));
    let finding = refused.counted().next().unwrap();
    assert_eq!(finding["sqlstate"], "42703");
    assert!(
        refused.message("history-fails").contains("column \"notes\" of relation \"Order\" does not exist")
    );
    assert_eq!(refused.parts()[2..], ["replay failed", "schema not_checked", "down nothing_to_check"]);

    clone.write(NOTE, "CREATE INDEX \"i\" ON \"Order\"(\n  \"nothing\");\n");
    let pointed = told(&clone, &ON_SERVER);
    let span = pointed.counted().next().unwrap()["span"].clone();
    assert_eq!((span["line"].as_u64(), span["column"].as_u64()), (Some(1), Some(1)), "{span}");

    clone.write(NOTE, "ALTER TABLE \"Order\" ADD COLUM \"note\" TEXT;\n");
    let no_sql = told(&clone, &ON_SERVER);
    assert_eq!(no_sql.findings(), [format!("history-fails {NOTE}:1")]);
    assert_eq!(no_sql.counted().next().unwrap()["sqlstate"], "42601");
    // Where lint tells it, once is enough.
    let once = told(&clone, &["--skip", "base"]);
    assert_eq!((once.code, once.findings()), (10, vec![format!("syntax-error {NOTE}:1")]));
    assert_eq!(once.parts()[1..4], ["lint failed", "replay not_checked", "schema not_checked"]);
    assert_eq!(once.part("replay")["about"], "20260201000000_note is no SQL, as lint tells");

    clone.remove(NOTE);
    let without = told(&clone, &ON_SERVER);
    assert_eq!(without.findings(), [format!("history-fails {NOTE}")]);
    assert!(without.message("history-fails").contains("P3015"));
}

#[test]
fn without_a_server_the_rest_is_checked() {
    let clone = project_with_note();
    let nowhere = ["--postgres-bin", "/nonexistent"];
    let said = check(&clone, &nowhere);
    assert_eq!(said.code, 2, "{}{}", said.stdout, said.stderr);
    for words in [
        "ok    base    1 new migration since main",
        "ok    lint    ",
        "?     replay  not checked: there is no throwaway PostgreSQL",
        "--skip replay",
        "?     schema  not checked: the history was not replayed",
        "check is incomplete; not checked: replay, schema\n",
    ] {
        assert!(said.stdout.contains(words), "{words}\n{}", said.stdout);
    }
    // A finding is one all the same.
    clone.write(INIT, &format!("{TABLE}\n"));
    assert_eq!(told(&clone, &nowhere).code, 10);
}

#[test]
fn a_server_that_goes_away_is_no_fault_of_the_history() {
    let clone = project_with_note();
    clone.write(NOTE, "SELECT pg_terminate_backend(pg_backend_pid());\n");
    let gone = told(&clone, &ON_SERVER);
    assert_eq!((gone.code, gone.findings()), (2, Vec::new()));
    assert!(gone.part("replay")["about"].as_str().unwrap().contains("in trouble"), "{}", gone.part("replay"));
}

#[test]
fn the_end_of_the_history_is_what_the_schema_says() {
    let clone = project_with_note();
    let models = "model Order {\n  id    Int     @id\n  note  String?\n  lines Line[]\n}\n\nmodel Line {\n  id    Int   @id\n  order Order @relation(fields: [orderId], references: [id])\n  orderId Int\n}\n";
    clone.write("prisma/schema.prisma", &schema(models));
    let differs = told(&clone, &ON_SERVER);
    assert_eq!(
        (differs.code, differs.findings()),
        (10, vec!["schema-differs prisma/schema.prisma:12".to_owned()])
    );
    assert!(
        differs.message("schema-differs").contains("table Line is missing"),
        "{}",
        differs.message("schema-differs")
    );
    let sql = differs.object["missing_sql"].as_str().unwrap();
    assert!(
        sql.contains("CREATE TABLE \"Line\"") && sql.contains("ADD CONSTRAINT \"Line_orderId_fkey\""),
        "{sql}"
    );

    clone.write("prisma/schema.prisma", &schema("model Order {\n  id Int @id\n  note Text\n}\n"));
    let unreadable = told(&clone, &ON_SERVER);
    assert_eq!(unreadable.findings(), ["schema-unreadable prisma/schema.prisma:8"]);
    let ignored = "[[lint.ignore]]\nrules = [\"schema-unreadable\"]\nbecause = \"a test\"\n";
    clone.write("underpin.toml", ignored);
    assert_eq!(told(&clone, &ON_SERVER).findings(), Vec::<String>::new());
}

/// What no schema can say is counted, and told whole in the object; what Prisma misreads of it fails nothing.
#[test]
fn what_no_schema_can_say_is_told_and_is_no_difference() {
    let clone = project_with_note();
    let by_hand = "CREATE INDEX \"by_note\" ON \"Order\"(\"id\") INCLUDE (\"note\");\n\
        CREATE VIEW \"Noted\" AS SELECT \"id\" FROM \"Order\" WHERE \"note\" IS NOT NULL;\n";
    clone.write(NOTE, &format!("{COLUMN}{by_hand}"));
    let passes = told(&clone, &ON_SERVER);
    assert_eq!((passes.code, passes.findings()), (0, vec!["schema-differs prisma/schema.prisma".to_owned()]));
    assert!(passes.message("schema-differs").contains("Prisma cannot say the columns that it includes"));
    let about = passes.part("schema")["about"].as_str().unwrap();
    assert!(about.ends_with("; left out, because no schema can say it: 1 view, 1 index"), "{about}");
    assert!(passes.object["missing_sql"].is_null());
    let fates = |told: &Told| -> Vec<String> {
        let protected = told.object["protected"].as_array().unwrap().iter();
        protected
            .map(|one| format!("{} {}", one["object"]["identity"], one["fate"]).replace(['"', '\\'], ""))
            .collect()
    };
    assert_eq!(fates(&passes), ["public.Noted untouched", "public.by_note spared"]);

    // The schema gives the column up: then they go, or are in its way.
    clone.write("prisma/schema.prisma", &schema("model Order {\n  id Int @id\n}\n"));
    let lacks = told(&clone, &ON_SERVER);
    assert_eq!(
        (lacks.code, fates(&lacks)),
        (10, vec!["public.Noted in_the_way".to_owned(), "public.by_note goes_with".to_owned(),])
    );
}

#[test]
fn ways_back_that_do_not_lead_back_are_told() {
    let clone = project_with_note();
    let down = NOTE.replace("migration.sql", "down.sql");
    clone.write(NOTE, "ALTER TABLE \"Order\" ADD COLUMN \"note\" TEXT;\nCREATE INDEX \"Order_note_idx\" ON \"Order\"(\"note\");\n");
    clone.write(
        "prisma/schema.prisma",
        &schema("model Order {\n  id   Int     @id\n  note String?\n\n  @@index([note])\n}\n"),
    );
    clone.write(&down, "DROP INDEX \"Order_note_idx\";\n");
    let left = told(&clone, &ON_SERVER);
    assert_eq!(left.findings(), [format!("down-differs {down}"), format!("down-fails {NOTE}:1")]);
    assert!(
        left.message("down-differs").contains("column public.\"Order\".note is left"),
        "{}",
        left.message("down-differs")
    );
    assert_eq!(left.part("schema")["outcome"], "passed");

    clone.write(&down, "ALTER TABLE \"Order\" DROP COLUM \"note\";\n");
    assert_eq!(told(&clone, &ON_SERVER).findings(), [format!("down-fails {down}:1")]);

    clone.remove(&down);
    clone.write(&INIT.replace("migration.sql", "down.sql"), "DROP TABLE \"Order\";\n");
    let missing = told(&clone, &ON_SERVER);
    assert_eq!((missing.code, missing.findings()), (0, vec![format!("down-missing {NOTE}")]));
    clone.write("underpin.toml", "[check]\ndown_required = true\n");
    assert_eq!(told(&clone, &ON_SERVER).code, 10);
    clone.write("underpin.toml", "[check]\ndown_last = 0\n");
    assert_eq!(told(&clone, &ON_SERVER).part("down")["outcome"], "nothing_to_check");
}
