//! `underpin lsp` as an editor uses it: the built binary, over its standard input and output.

mod editor;
mod edits;

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use self::editor::{Editor, rules, uri};

/// A project with a history of two migrations.
struct Project(tempfile::TempDir);

const FIRST: &str = "CREATE TABLE \"Order\" (\"id\" INT PRIMARY KEY, \"channel\" TEXT, \"total\" INT);\n";

impl Project {
    fn new() -> Self {
        let project = Self(tempfile::Builder::new().prefix("the shop é").tempdir().unwrap());
        project.write("package.json", r#"{ "devDependencies": { "prisma": "7.4.0" } }"#);
        project.write("prisma/migrations/20260101000000_first/migration.sql", FIRST);
        project.write("prisma/migrations/20260102000000_second/migration.sql", "SELECT 1;\n");
        project
    }

    fn path(&self, path: &str) -> PathBuf {
        self.0.path().canonicalize().unwrap().join(path)
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// The URI of a migration, which need not be there.
    fn migration(&self, name: &str) -> String {
        uri(&self.path(&format!("prisma/migrations/{name}/migration.sql")))
    }
}

fn at(line: u32, character: u32) -> Value {
    json!({ "line": line, "character": character })
}

#[test]
fn a_migration_is_judged_while_it_is_written() {
    let project = Project::new();
    let mut editor = Editor::greeted(&[]);
    // A folder that was never saved, behind those that were.
    let new = project.migration("20260103000000_third");
    editor.open(&new, "-- 🚀 é\u{301}\r\n/* 🚀 */ ALTER TABLE \"Order\" DROP COLUMN \"channel\";\r\n");
    let found = editor.diagnostics(&new, 1);
    let dropped = found.iter().find(|one| one["code"] == "drop-column").unwrap();
    assert_eq!(dropped["source"], "underpin");
    assert_eq!(dropped["severity"], 1);
    // The emoji is two units wide.
    assert_eq!(dropped["range"]["start"], at(1, 9));
    let message = dropped["message"].as_str().unwrap();
    assert!(message.contains("channel") && message.contains("\nfix: "), "{message}");
    let locks: Vec<&str> = found
        .iter()
        .filter_map(|one| one["relatedInformation"].as_array())
        .flatten()
        .map(|related| related["message"].as_str().unwrap())
        .collect();
    assert!(locks.contains(&"ACCESS EXCLUSIVE on Order, blocks reads and writes"), "{locks:?}");

    // The name of the table is typed anew: it is one that the history does not have.
    let range = json!({ "start": at(1, 21), "end": at(1, 28) });
    editor.change(&new, 2, json!([{ "range": range, "text": "\"🚀\"" }]));
    let hover = editor.hover(&new, 1, 12);
    assert!(hover["contents"]["value"].as_str().unwrap().contains("ALTER TABLE \"🚀\" DROP"), "{hover}");
    assert_eq!(hover["range"], json!({ "start": at(1, 9), "end": at(1, 47) }));
    editor.change(&new, 3, json!([{ "text": "SELECT 1;\n" }]));
    assert_eq!(editor.diagnostics(&new, 3), [] as [Value; 0]);
    assert_eq!(editor.leave(), 0);
}

#[test]
fn a_statement_tells_its_locks_and_its_transaction() {
    let project = Project::new();
    let mut editor = Editor::greeted(&[]);
    let second = project.migration("20260102000000_second");
    editor.open(&second, "CREATE INDEX \"i\" ON \"Order\"(\"total\");\nSELECT 1;\n");
    let hover = editor.hover(&second, 0, 3);
    assert_eq!(hover["contents"]["kind"], "markdown");
    assert_eq!(hover["range"], json!({ "start": at(0, 0), "end": at(0, 36) }));
    let text = hover["contents"]["value"].as_str().unwrap();
    for part in [
        "`CREATE INDEX \"i\" ON \"Order\"(\"total\")`",
        "- `SHARE` on `Order`: keeps writes waiting",
        "while it builds an index",
        "Assumed: ",
        "Transaction 1 of 2, alone, as Prisma 7.4.0 sends the file.",
        "**danger** `index-build`: ",
        "`underpin explain index-build`",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!(editor.hover(&second, 9, 0), Value::Null);
    assert_eq!(editor.leave(), 0);

    // The same file under a Prisma that sends it whole, on a table that is known to be small.
    project.write("underpin.toml", "[lint.tables.\"Order\"]\nrows = 10\n");
    let mut editor = Editor::greeted(&["--stdio", "--prisma", "7.3.0"]);
    editor.open(&second, "CREATE INDEX \"i\" ON \"Order\"(\"total\");\nSELECT 1;\n");
    let text = editor.hover(&second, 0, 3)["contents"]["value"].as_str().unwrap().to_owned();
    let transaction = "Transaction 1 of 1, with 1 other statement, whose locks are held to its end, as Prisma 7.3.0 sends the file.";
    assert!(text.contains(transaction), "{text}");
    assert!(text.contains("Time: up to 10 ms") && text.contains("10 rows"), "{text}");
    assert_eq!(editor.leave(), 0);
}

#[test]
fn a_comment_that_ignores_waits_for_its_reason() {
    let project = Project::new();
    let mut editor = Editor::greeted(&[]);
    let second = project.migration("20260102000000_second");
    let text = "SELECT 1;\r\n  ALTER TABLE \"Order\" DROP COLUMN \"channel\";\r\n";
    editor.open(&second, text);
    let all = editor.actions(&second, 1, 10);
    let titled =
        |title: &str| all.iter().find(|one| one["title"] == title).unwrap_or_else(|| panic!("{all:?}"));
    let ignore = titled("ignore `drop-column` because …");
    assert_eq!((&ignore["kind"], &ignore["isPreferred"]), (&json!("quickfix"), &json!(false)));
    assert_eq!(ignore["diagnostics"][0]["code"], "drop-column");
    let edits = &ignore["edit"]["changes"][&second];
    let edited = edits::applied(text, edits);
    let comment = "  -- underpin: ignore drop-column because …\r\n";
    assert_eq!(edited, format!("SELECT 1;\r\n{comment}  ALTER TABLE \"Order\" DROP COLUMN \"channel\";\r\n"));

    editor.change(&second, 2, json!([{ "range": edits[0]["range"], "text": edits[0]["newText"] }]));
    let found = rules(&editor.diagnostics(&second, 2));
    assert!(found.contains(&"drop-column 3".to_owned()), "nothing is ignored without a reason: {found:?}");
    assert!(found.contains(&"malformed-ignore 2".to_owned()), "{found:?}");
    let ellipsis = json!({ "start": at(1, 42), "end": at(1, 43) });
    editor.change(&second, 3, json!([{ "range": ellipsis, "text": "release 41 does not read it" }]));
    let found = rules(&editor.diagnostics(&second, 3));
    assert!(
        !found.iter().any(|one| one.starts_with("drop-column") || one.starts_with("malformed")),
        "{found:?}"
    );
    let hover = editor.hover(&second, 2, 10)["contents"]["value"].as_str().unwrap().to_owned();
    assert!(hover.contains("It does not count: release 41 does not read it."), "{hover}");
    assert_eq!(editor.leave(), 0);
}

const FOREIGN_KEY: &str =
    "SELECT 1;\nALTER TABLE \"Order\" ADD CONSTRAINT \"Order_total_check\" CHECK (\"total\" > 0);\n";

/// `NOT VALID` and `VALIDATE` stand in two migrations: the editor is told to make the second one.
#[test]
fn a_form_in_several_migrations_is_an_edit_that_makes_files() {
    let project = Project::new();
    let operations =
        json!({ "workspaceEdit": { "documentChanges": true, "resourceOperations": ["create"] } });
    let mut editor = Editor::greeted_as(&[], operations);
    let second = project.migration("20260102000000_second");
    editor.open(&second, FOREIGN_KEY);
    let all = editor.actions(&second, 1, 10);
    let title = "replace by the online form, in 2 migrations";
    let fix = all.iter().find(|one| one["title"] == title).unwrap_or_else(|| panic!("{all:#?}"));
    assert_eq!(fix["diagnostics"][0]["code"], "table-scan");
    let changes = fix["edit"]["documentChanges"].as_array().unwrap();
    let new = project.migration("20260102000001_second_2");
    assert_eq!((&changes[0]["kind"], &changes[0]["uri"]), (&json!("create"), &json!(new)));
    assert_eq!(changes[0]["options"]["overwrite"], false);
    assert_eq!(changes[1]["textDocument"]["uri"], new);
    let validate = edits::applied("", &changes[1]["edits"]);
    assert!(validate.contains("VALIDATE CONSTRAINT \"Order_total_check\""), "{validate}");
    assert_eq!(changes[2]["textDocument"], json!({ "uri": second, "version": 1 }));
    let own = edits::applied(FOREIGN_KEY, &changes[2]["edits"]);
    assert!(own.starts_with("SELECT 1;\n") && own.contains("NOT VALID"), "{own}");

    // Taken, there is nothing left of what it was for.
    editor.change(&second, 2, json!([{ "text": own }]));
    editor.open(&new, &validate);
    for (uri, version) in [(&second, 2), (&new, 1)] {
        let found = rules(&editor.diagnostics(uri, version));
        assert!(!found.iter().any(|one| one.starts_with("table-scan")), "{uri}: {found:?}");
    }
    // An index that has the file for itself needs no other one.
    editor.change(&second, 3, json!([{ "text": "CREATE INDEX \"i\" ON \"Order\"(\"total\");\n" }]));
    let all = editor.actions(&second, 0, 3);
    let fix = all.iter().find(|one| one["title"] == "replace by the online form").unwrap();
    let own = &fix["edit"]["documentChanges"][0]["edits"];
    assert!(own[0]["newText"].as_str().unwrap().starts_with("CREATE INDEX CONCURRENTLY i"), "{own}");
    assert_eq!(editor.leave(), 0);
}

#[test]
fn an_editor_that_makes_no_files_is_told_how_else() {
    let project = Project::new();
    let mut editor = Editor::greeted(&[]);
    let second = project.migration("20260102000000_second");
    editor.open(&second, FOREIGN_KEY);
    let all = editor.actions(&second, 1, 10);
    let fix = all.iter().find(|one| one.get("command").is_some()).unwrap_or_else(|| panic!("{all:#?}"));
    assert_eq!(fix["title"], "replace by the online form, in migrations of its own");
    assert!(fix.get("edit").is_none());
    let told = editor.ask("workspace/executeCommand", fix["command"].clone());
    assert_eq!(told["result"], Value::Null, "{told}");
    let shown = editor.wait(|message| message["method"] == "window/showMessage");
    let words = shown["params"]["message"].as_str().unwrap();
    assert!(
        words.contains("`underpin lint --fix --dry-run /") && words.contains("_second/migration.sql`"),
        "{words}"
    );
    let told = editor.ask("workspace/executeCommand", json!({ "command": "rm" }));
    assert_eq!(told["error"]["code"], -32_602);
    assert_eq!(editor.leave(), 0);
}

#[test]
fn misspelt_names_in_the_settings_are_told_while_they_are_written() {
    let project = Project::new();
    project.write("underpin.toml", "[lint.severity]\nindex-buld = \"info\"\n");
    let mut editor = Editor::greeted(&[]);
    // Who writes SQL is told once that the settings are not what somebody meant.
    editor.open(&project.migration("20260102000000_second"), "SELECT 1;\n");
    let shown = editor.wait(|message| message["method"] == "window/showMessage");
    let words = shown["params"]["message"].as_str().unwrap();
    assert!(
        words.contains("a rule `index-buld`") && words.contains("did you mean `index-build`?"),
        "{words}"
    );

    let settings = uri(&project.path("underpin.toml"));
    editor.open(&settings, "[lint.severity]\nindex-buld = \"info\"\n");
    let found = editor.diagnostics(&settings, 1);
    assert_eq!((found.len(), &found[0]["range"]), (1, &json!({ "start": at(1, 0), "end": at(1, 10) })));
    let all = editor.actions(&settings, 1, 3);
    assert_eq!(all[0]["title"], "write `index-build`");
    let edited =
        edits::applied("[lint.severity]\nindex-buld = \"info\"\n", &all[0]["edit"]["changes"][&settings]);
    editor.change(&settings, 2, json!([{ "text": edited }]));
    assert_eq!(editor.diagnostics(&settings, 2), [] as [Value; 0]);
    editor.change(&settings, 3, json!([{ "text": "[lint]\nfail_onn = 1\n" }]));
    let found = editor.diagnostics(&settings, 3);
    assert_eq!(found[0]["range"]["start"], at(1, 0), "{found:?}");
    assert_eq!(editor.hover(&settings, 0, 0), Value::Null);
    assert_eq!(editor.leave(), 0);
}

/// A thousand keystrokes without a pause, and what is told at the end is about the last.
#[test]
fn a_flood_of_changes_is_judged_at_its_end() {
    let project = Project::new();
    let mut editor = Editor::greeted(&[]);
    let second = project.migration("20260102000000_second");
    editor.open(&second, "");
    for version in 2..=1_000 {
        editor.change(
            &second,
            version,
            json!([{ "range": { "start": at(0, 0), "end": at(0, 0) }, "text": "x" }]),
        );
    }
    editor.change(&second, 1_001, json!([{ "text": "DROP TABLE \"Order\";\n" }]));
    let found = rules(&editor.diagnostics(&second, 1_001));
    assert!(found.contains(&"drop-table 1".to_owned()), "{found:?}");
    assert_eq!(editor.leave(), 0);
}

#[test]
fn a_predecessor_that_is_edited_changes_what_is_behind_it() {
    let project = Project::new();
    let mut editor = Editor::greeted(&[]);
    let (first, second) =
        (project.migration("20260101000000_first"), project.migration("20260102000000_second"));
    let drops = "ALTER TABLE \"Order\" DROP COLUMN \"channel\";\n";
    editor.open(&first, FIRST);
    editor.open(&second, drops);
    let behind_first = editor.diagnostics(&second, 1);
    assert!(rules(&behind_first).contains(&"drop-column 1".to_owned()), "{behind_first:?}");
    // Nothing is left to be dropped, and the later file is told without having been touched.
    editor.change(&first, 2, json!([{ "text": "SELECT 1;\n" }]));
    assert_ne!(editor.diagnostics(&second, 1), behind_first);
    editor.change(&first, 3, json!([{ "text": FIRST }]));
    assert_eq!(editor.diagnostics(&second, 1), behind_first);
    // What was typed and not saved is gone with its window.
    editor.change(&first, 4, json!([{ "text": "DROP TABEL x;\n" }]));
    assert_eq!(rules(&editor.diagnostics(&first, 4)), ["syntax-error 1"]);
    editor.diagnostics(&second, 1);
    editor.tell("textDocument/didClose", json!({ "textDocument": { "uri": first } }));
    let closed = editor
        .wait(|message| message["params"]["uri"] == *first && message["params"].get("version").is_none());
    assert_eq!(closed["params"]["diagnostics"], json!([]));
    assert_eq!(editor.diagnostics(&second, 1), behind_first);
    assert_eq!(editor.leave(), 0);
}

#[test]
fn files_outside_of_a_project_stand_for_themselves() {
    let folder = tempfile::tempdir().unwrap();
    let mut editor = Editor::greeted(&[]);
    let loose = uri(&folder.path().join("fix.sql"));
    for uri in [loose.as_str(), "untitled:Untitled-1"] {
        editor.open(uri, "DROP TABLE \"A\";\nDROP TABEL");
        let found = editor.diagnostics(uri, 1);
        assert_eq!(rules(&found), ["syntax-error 2"]);
        assert_eq!(found[0]["severity"], 1);
        assert_eq!(found[0]["range"]["start"], at(1, 5));
        editor.change(uri, 2, json!([{ "range": { "start": at(1, 0), "end": at(9, 0) }, "text": "" }]));
        assert!(rules(&editor.diagnostics(uri, 2)).contains(&"drop-table 1".to_owned()));
    }
    // What is no SQL is none of ours.
    let document =
        json!({ "uri": "file:///a/schema.prisma", "languageId": "prisma", "version": 1, "text": "x" });
    editor.tell("textDocument/didOpen", json!({ "textDocument": document }));
    assert_eq!(editor.hover("file:///a/schema.prisma", 0, 0), Value::Null);
    assert_eq!(editor.actions("file:///a/schema.prisma", 0, 0), [] as [Value; 0]);
    assert_eq!(editor.leave(), 0);
}

#[test]
fn each_folder_has_its_own_settings() {
    let (one, other) = (Project::new(), Project::new());
    other.write("underpin.toml", "[lint]\nseverity = { drop-column = \"info\" }\n");
    let mut editor = Editor::greeted(&[]);
    let severity = |editor: &mut Editor, project: &Project, version: i64| {
        let uri = project.migration("20260102000000_second");
        let found = editor.diagnostics(&uri, version);
        found.iter().find(|one| one["code"] == "drop-column").unwrap()["severity"].as_u64().unwrap()
    };
    for project in [&one, &other] {
        let uri = project.migration("20260102000000_second");
        editor.open(&uri, "ALTER TABLE \"Order\" DROP COLUMN \"channel\";\n");
    }
    assert_eq!((severity(&mut editor, &one, 1), severity(&mut editor, &other, 1)), (1, 3));

    // They are read again when a file is saved, and what is wrong with them is said once.
    other.write("underpin.toml", "[lint]\nseverity = { drop-column = \"caution\" }\n");
    let uri = other.migration("20260102000000_second");
    editor.tell("textDocument/didSave", json!({ "textDocument": { "uri": uri } }));
    editor.wait(|message| {
        message["params"]["uri"] == *uri && message["params"]["diagnostics"][0]["severity"] != 3
    });
    other.write("underpin.toml", "[lint]\nfail_on = 7\n");
    editor.tell("workspace/didChangeWatchedFiles", json!({ "changes": [] }));
    let shown = editor.wait(|message| message["method"] == "window/showMessage");
    let message = shown["params"]["message"].as_str().unwrap();
    assert!(
        message.contains("the settings are not valid") && message.contains("underpin.toml:2"),
        "{message}"
    );
    assert_eq!(editor.leave(), 0);
}

#[test]
fn a_huge_document_is_not_judged_while_somebody_types() {
    let folder = tempfile::tempdir().unwrap();
    let mut editor = Editor::greeted(&[]);
    let huge = uri(&folder.path().join("huge.sql"));
    editor.open(&huge, &"SELECT 'é🚀';\n".repeat(300_000));
    let found = editor.diagnostics(&huge, 1);
    assert_eq!((found.len(), &found[0]["severity"]), (1, &json!(3)));
    assert!(found[0]["message"].as_str().unwrap().contains("`underpin lint` does it"));
    assert_eq!(editor.hover(&huge, 0, 0), Value::Null);
    editor.change(&huge, 2, json!([{ "text": "SELECT 1" }]));
    assert_eq!(editor.diagnostics(&huge, 2), [] as [Value; 0]);
    assert_eq!(editor.leave(), 0);
}

#[test]
fn every_request_is_answered() {
    let code = |answer: &Value| answer["error"]["code"].as_i64().unwrap();
    let mut editor = Editor::start(&[]);
    assert_eq!(code(&editor.ask("textDocument/hover", json!({}))), -32_002);
    editor.open("untitled:early", "DROP TABEL");
    editor.ask("initialize", json!({ "capabilities": { "workspace": { "didChangeWatchedFiles": { "dynamicRegistration": true } } } }));
    editor.tell("initialized", json!({}));
    let watch = editor.wait(|message| message["method"] == "client/registerCapability");
    editor.send(&json!({ "jsonrpc": "2.0", "id": watch["id"], "result": null }));
    assert_eq!(code(&editor.ask("initialize", json!({}))), -32_600);
    assert_eq!(code(&editor.ask("textDocument/definition", json!({}))), -32_601);
    assert_eq!(code(&editor.ask("$/unknown", json!(7))), -32_601);
    assert_eq!(code(&editor.ask("textDocument/hover", json!({ "textDocument": 1 }))), -32_602);
    editor.send(&json!({ "jsonrpc": "2.0", "id": "a string", "method": "textDocument/codeAction" }));
    assert_eq!(code(&editor.answer(&json!("a string"))), -32_602);
    // Said to nobody: notifications that are unknown, wrong, or about what is not open.
    editor.tell("$/cancelRequest", json!({ "id": 1 }));
    editor.tell("textDocument/didOpen", json!([]));
    editor.change("untitled:early", 2, json!([]));
    editor.tell("textDocument/didClose", json!({ "textDocument": { "uri": "untitled:none" } }));
    for (broken, told) in [("{", -32_700), ("[1]", -32_600), ("{\"id\":{},\"method\":\"x\"}", -32_600)] {
        editor.write(format!("Content-Length: {}\r\n\r\n{broken}", broken.len()).as_bytes());
        assert_eq!(code(&editor.answer(&Value::Null)), told, "{broken}");
    }
    let shutdown = editor.ask("shutdown", Value::Null);
    assert_eq!(shutdown["result"], Value::Null);
    assert_eq!(code(&editor.ask("textDocument/hover", json!({}))), -32_600);
    editor.tell("exit", Value::Null);
    assert_eq!(editor.ended(), (0, String::new()));
}

#[test]
fn an_end_without_a_goodbye_is_told_by_the_exit_code() {
    let mut editor = Editor::greeted(&[]);
    editor.tell("exit", Value::Null);
    assert_eq!(editor.ended(), (1, String::new()));
    assert_eq!(Editor::start(&[]).ended(), (1, String::new()));
    // Something that does not speak the protocol at all.
    let mut person = Editor::start(&[]);
    person.write(b"help\n");
    let (code, words) = person.ended();
    assert!(code == 2 && words.contains("docs/editors.md"), "{code}: {words}");
    let (code, words) = Editor::start(&["--prisma", "latest"]).ended();
    assert!(code == 2 && words.contains("`latest` is no version of Prisma"), "{code}: {words}");
    assert!(!Path::new("/underpin.toml").exists(), "the server writes nothing");
}

#[test]
fn the_setups_of_editors_can_be_read() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let page = std::fs::read_to_string(root.join("docs/editors.md")).unwrap();
    let blocks = |language: &str| -> Vec<String> {
        let fence = format!("```{language}\n");
        page.split(&fence).skip(1).map(|block| block.split("```").next().unwrap().to_owned()).collect()
    };
    let code: Value = serde_json::from_str(&blocks("json")[0]).unwrap();
    assert_eq!(code["glspc.server.commandArguments"], json!(["lsp"]));
    let all: Vec<toml::Table> = blocks("toml").iter().map(|block| block.parse().unwrap()).collect();
    assert_eq!(all[0]["language-server"]["underpin"]["args"].as_array().unwrap()[0].as_str(), Some("lsp"));
    assert_eq!(all.len(), 3);
    // Options that the page names, in the words of the command.
    let help = std::process::Command::new(env!("CARGO_BIN_EXE_underpin")).args(["lsp", "--help"]).output();
    let help = String::from_utf8(help.unwrap().stdout).unwrap();
    let options = page.split("## Options").nth(1).unwrap().split("\n## ").next().unwrap();
    let named: Vec<&str> = options.split(['`', ' ', ';']).filter(|word| word.starts_with("--")).collect();
    assert_eq!(named.len(), 4, "{named:?}");
    assert!(named.iter().all(|option| help.contains(option)), "{help}");
}
