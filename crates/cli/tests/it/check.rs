//! `underpin check` as a pipeline calls it: in repositories of Git, on throwaway servers.

mod history;
mod output;
mod pages;

use std::process::{Command, Stdio};

use serde_json::Value;
use underpin_testkit::Said;
use underpin_testkit::git::GitFolder;

const INIT: &str = "prisma/migrations/20260101000000_init/migration.sql";
const NOTE: &str = "prisma/migrations/20260201000000_note/migration.sql";
const LOCK: &str = "prisma/migrations/migration_lock.toml";

const TABLE: &str = "CREATE TABLE \"Order\" (\n    \"id\" INTEGER NOT NULL,\n\n    CONSTRAINT \"Order_pkey\" PRIMARY KEY (\"id\")\n);\n";
const COLUMN: &str = "ALTER TABLE \"Order\" ADD COLUMN \"note\" TEXT;\n";

/// The parts that take no server.
const WITHOUT_SERVER: [&str; 6] = ["--skip", "replay", "--skip", "schema", "--skip", "down"];

fn schema(models: &str) -> String {
    format!("datasource db {{\n  provider = \"postgresql\"\n  url = env(\"DATABASE_URL\")\n}}\n\n{models}")
}

/// A repository with a project of one migration on `main`, and a branch `change` that is checked out.
fn project() -> GitFolder {
    let clone = GitFolder::new();
    clone.write("package.json", "{}");
    clone.write("prisma/schema.prisma", &schema("model Order {\n  id Int @id\n}\n"));
    clone.write(INIT, TABLE);
    clone.write(LOCK, "provider = \"postgresql\"\n");
    clone.commit("first");
    clone.git(&["switch", "--quiet", "--create", "change"]);
    clone
}

/// The same with a column more, in the schema and in a migration.
fn project_with_note() -> GitFolder {
    let clone = project();
    clone.write("prisma/schema.prisma", &schema("model Order {\n  id   Int     @id\n  note String?\n}\n"));
    clone.write(NOTE, COLUMN);
    clone
}

fn command(clone: &GitFolder, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_underpin"));
    command.arg("check").args(arguments).current_dir(clone.path()).stdin(Stdio::null());
    for name in ["DATABASE_URL", "GITHUB_BASE_REF", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME"] {
        command.env_remove(name);
    }
    command
}

fn said(command: &mut Command) -> Said {
    let output = command.output().unwrap();
    Said {
        code: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

fn check(clone: &GitFolder, arguments: &[&str]) -> Said {
    said(&mut command(clone, arguments))
}

/// What a check says as JSON.
struct Told {
    code: i32,
    object: Value,
}

fn told(clone: &GitFolder, arguments: &[&str]) -> Told {
    told_by(command(clone, arguments).arg("--json"))
}

fn told_by(command: &mut Command) -> Told {
    let said = said(command);
    let object: Value = serde_json::from_str(&said.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}{}", said.stdout, said.stderr));
    if object["error"].is_null() {
        assert_eq!(object["exit_code"], said.code);
        output::assert_fits_the_schema(&object);
    }
    Told { code: said.code, object }
}

impl Told {
    /// `base passed` for each part.
    fn parts(&self) -> Vec<String> {
        let parts = self.object["parts"].as_array().unwrap().iter();
        parts
            .map(|part| format!("{} {}", part["part"].as_str().unwrap(), part["outcome"].as_str().unwrap()))
            .collect()
    }

    fn part(&self, name: &str) -> &Value {
        self.object["parts"].as_array().unwrap().iter().find(|part| part["part"] == name).unwrap()
    }

    /// `rule path:line` of each finding that counts, but for what lint says of every `ALTER TABLE`.
    fn findings(&self) -> Vec<String> {
        self.counted()
            .map(|finding| {
                let text = |key: &str| finding[key].as_str().unwrap();
                let line =
                    finding["span"]["line"].as_u64().map(|line| format!(":{line}")).unwrap_or_default();
                format!("{} {}{line}", text("rule"), text("path"))
            })
            .collect()
    }

    fn counted(&self) -> impl Iterator<Item = &Value> {
        let files = self.object["files"].as_array().unwrap().iter();
        let all = files.flat_map(|file| file["findings"].as_array().unwrap());
        all.filter(|finding| finding["suppressed"].is_null() && finding["rule"] != "unbounded-lock-wait")
    }

    fn message(&self, rule: &str) -> &str {
        let finding = self.counted().find(|finding| finding["rule"] == rule);
        finding.unwrap_or_else(|| panic!("no {rule}: {:#?}", self.findings()))["message"].as_str().unwrap()
    }
}

#[test]
fn what_the_base_has_stays_as_it_is() {
    let clone = project();
    clone.write(INIT, &TABLE.replace("INTEGER", "BIGINT"));
    let edited = told(&clone, &WITHOUT_SERVER);
    assert!(edited.findings().contains(&format!("migration-edited {INIT}:2")), "{:?}", edited.findings());
    assert_eq!((edited.code, edited.part("base")["outcome"].as_str()), (10, Some("failed")));
    assert_eq!(edited.object["base"]["revision"], "main");

    clone.git(&["checkout", "--", "."]);
    clone.remove(INIT);
    clone.write(NOTE, COLUMN);
    let removed = told(&clone, &WITHOUT_SERVER);
    assert!(removed.findings().contains(&format!("migration-removed {INIT}")), "{:?}", removed.findings());
    clone.remove(NOTE);
    clone.write("prisma/migrations/20260102000000_init/migration.sql", TABLE);
    let renamed = told(&clone, &WITHOUT_SERVER);
    assert!(renamed.message("migration-removed").contains("is called 20260102000000_init here"));

    clone.git(&["checkout", "--", "."]);
    clone.git(&["clean", "--quiet", "--force", "-d"]);
    clone.remove(LOCK);
    assert_eq!(told(&clone, &WITHOUT_SERVER).findings(), [format!("provider-changed {LOCK}")]);
}

/// The ledger has the names of folders, and not where they lie.
#[test]
fn a_folder_that_moved_is_the_same() {
    let clone = project();
    clone.write(NOTE, COLUMN);
    clone.commit("note");
    clone.git(&["branch", "release"]);
    let moved = |path: &str| path.replace("prisma/", "packages/db/prisma/");
    clone.git(&["switch", "--quiet", "--create", "moved"]);
    std::fs::create_dir_all(clone.path().join("packages/db")).unwrap();
    // As a person moves it, and not `git mv`: nobody has told Git.
    std::fs::rename(clone.path().join("prisma"), clone.path().join("packages/db/prisma")).unwrap();
    clone.write("underpin.toml", "[check]\nbase = \"release\"\n");
    let at =
        ["--schema", "packages/db/prisma/schema.prisma", "--migrations", "packages/db/prisma/migrations"];
    let look = || told(&clone, &[&WITHOUT_SERVER[..], &at].concat());
    let same = look();
    assert_eq!((same.code, same.findings()), (0, Vec::new()));
    let about = same.part("base")["about"].as_str().unwrap();
    assert!(about.starts_with("no new migration since release"), "{about}");
    assert!(about.ends_with("2 as they were; moved here from prisma/migrations"), "{about}");
    assert_eq!(same.part("lint")["outcome"], "nothing_to_check");

    clone.commit("moved");
    let new = moved(NOTE).replace("20260201000000_note", "20260301000000_more");
    clone.write(&new, "DROP TABLE \"Order\";\n");
    assert_eq!(look().findings(), [format!("drop-table {new}:1")]);
    clone.write(&new, "SELECT 1;\n");
    clone.write(&moved(INIT), &TABLE.replace("INTEGER", "BIGINT"));
    let edited = look();
    assert_eq!(edited.findings(), [format!("migration-edited {}:2", moved(INIT))]);
    let advice = edited.counted().next().unwrap()["fix"]["advice"].as_str().unwrap().to_owned();
    assert!(advice.contains(&format!(":{INIT} > {}", moved(INIT))), "{advice}");

    // What is still there was not moved from there.
    clone.git(&["checkout", "--quiet", "release", "--", "prisma"]);
    assert!(look().part("base")["about"].as_str().unwrap().starts_with("3 new migrations since release"));
}

#[test]
fn what_the_other_branch_got_since_counts_for_the_order() {
    let clone = project();
    clone.write(NOTE, COLUMN);
    clone.commit("ours");
    assert_eq!(told(&clone, &WITHOUT_SERVER).parts()[0], "base passed");
    clone.git(&["switch", "--quiet", "main"]);
    clone.write("prisma/migrations/20260301000000_theirs/migration.sql", "SELECT 1;\n");
    clone.commit("theirs");
    clone.git(&["switch", "--quiet", "change"]);
    let overtaken = told(&clone, &WITHOUT_SERVER);
    assert_eq!(overtaken.findings(), [format!("out-of-order {NOTE}")]);
    assert!(overtaken.message("out-of-order").contains("20260301000000_theirs"));
    // The team's settings say how bad that is.
    clone.write("underpin.toml", "[lint]\nseverity = { out-of-order = \"caution\" }\n");
    let lowered = told(&clone, &WITHOUT_SERVER);
    assert_eq!((lowered.code, lowered.findings().len()), (0, 1));
}

#[test]
fn the_base_is_what_was_named_or_where_the_request_goes() {
    let clone = project();
    clone.write(NOTE, COLUMN);
    clone.commit("note");
    clone.git(&["branch", "release"]);
    clone.write(NOTE, &format!("{COLUMN}-- edited\n"));
    assert_eq!(told(&clone, &WITHOUT_SERVER).findings(), Vec::<String>::new());
    let edited = vec![format!("migration-edited {NOTE}:2")];
    let mut named = WITHOUT_SERVER.to_vec();
    named.extend(["--base", "release"]);
    assert_eq!(told(&clone, &named).findings(), edited);
    for name in ["GITHUB_BASE_REF", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME"] {
        assert_eq!(
            told_by(command(&clone, &WITHOUT_SERVER).arg("--json").env(name, "release")).findings(),
            edited
        );
    }
    clone.write("underpin.toml", "[check]\nbase = \"release\"\n");
    assert_eq!(told(&clone, &WITHOUT_SERVER).findings(), edited);
    let mut unknown = WITHOUT_SERVER.to_vec();
    unknown.extend(["--base", "relaese"]);
    let said = check(&clone, &unknown);
    assert_eq!(said.code, 2);
    assert!(said.stderr.contains("git knows no revision `relaese`"), "{}", said.stderr);
}

#[test]
fn without_a_base_the_check_is_incomplete_and_says_what_to_do() {
    let clone = project();
    let shallow = GitFolder::without_git();
    // As actions/checkout leaves it: one commit, and nobody says which branch is the default one.
    let from = format!("file://{}", clone.path().display());
    shallow.git(&["clone", "--quiet", "--depth", "1", "--branch", "change", &from, "clone"]);
    shallow.git(&["-C", "clone", "remote", "set-head", "origin", "--delete"]);
    let cut = |name: Option<&str>| {
        let mut command = command(&shallow, &WITHOUT_SERVER);
        command.current_dir(shallow.path().join("clone"));
        if let Some(name) = name {
            command.env("GITHUB_BASE_REF", name);
        }
        said(&mut command)
    };
    let said = cut(Some("main"));
    assert_eq!(said.code, 2, "{}", said.stdout);
    for words in [
        "?     base    not checked: the request goes to main, and this clone has no such branch",
        "`fetch-depth: 0` for actions/checkout",
        "check is incomplete; not checked: base, lint",
    ] {
        assert!(said.stdout.contains(words), "{words}\n{}", said.stdout);
    }
    let said = cut(None);
    assert!(said.stdout.contains("git finds no default branch") && said.stdout.contains("--base REVISION"));

    // Whoever knows that can leave it out.
    let mut none = WITHOUT_SERVER.to_vec();
    none.extend(["--skip", "base", "--skip", "lint"]);
    let left_out = told(&clone, &none);
    assert_eq!(left_out.code, 0);
    assert!(left_out.parts().iter().all(|part| part.ends_with(" left_out")), "{:?}", left_out.parts());

    let plain = GitFolder::without_git();
    plain.write("prisma/schema.prisma", &schema(""));
    plain.write(INIT, TABLE);
    let outside = told(&plain, &WITHOUT_SERVER);
    assert_eq!(outside.parts()[..2], ["base not_checked", "lint not_checked"]);
    assert!(outside.part("base")["about"].as_str().unwrap().contains("no repository"));
    plain.git(&["init", "--quiet"]);
    let new = told(&plain, &WITHOUT_SERVER);
    assert_eq!(
        (new.code, &new.parts()[..2]),
        (0, &["base nothing_to_check".to_owned(), "lint passed".to_owned()][..])
    );
}

#[test]
fn what_is_new_is_linted_as_lint_does_it() {
    let clone = project();
    clone.write(NOTE, &format!("{COLUMN}DROP TABLE \"Order\";\n"));
    let found = told(&clone, &WITHOUT_SERVER);
    assert_eq!(found.findings(), [format!("drop-table {NOTE}:2")]);
    assert_eq!((found.code, found.part("lint")["failing"].as_u64()), (10, Some(1)));
    let because = "-- underpin: ignore drop-table because nobody reads it\n";
    clone.write(NOTE, &format!("{COLUMN}{because}DROP TABLE \"Order\";\n"));
    assert_eq!(told(&clone, &WITHOUT_SERVER).code, 0);
    clone.write(NOTE, &format!("{COLUMN}DROP TABLE \"Order\";\n"));
    let written = Command::new(env!("CARGO_BIN_EXE_underpin"))
        .args(["lint", "--since", "main", "--write-baseline"])
        .current_dir(clone.path())
        .output()
        .unwrap();
    assert!(written.status.success());
    assert_eq!(told(&clone, &WITHOUT_SERVER).code, 0);
}

/// Links that lead to themselves, which root cannot follow either.
#[test]
fn what_nobody_can_read_is_named_with_the_reason() {
    use std::os::unix::fs::symlink;
    let refused = |clone: &GitFolder, arguments: &[&str], what: &str| {
        let said = check(clone, arguments);
        assert_eq!(said.code, 2, "{what}: {}", said.all());
        for word in [what, "Too many levels of symbolic links"] {
            assert!(said.all().contains(word), "no {word:?} in {}", said.all());
        }
    };
    let clone = project();
    let at = |path: &str| clone.path().join(path);
    std::fs::remove_file(at(INIT)).unwrap();
    symlink("migration.sql", at(INIT)).unwrap();
    refused(&clone, &WITHOUT_SERVER, INIT);
    std::fs::remove_dir_all(at("prisma/migrations")).unwrap();
    symlink("migrations", at("prisma/migrations")).unwrap();
    refused(&clone, &WITHOUT_SERVER, "prisma/migrations");
    let clone = project();
    let at = |path: &str| clone.path().join(path);
    std::fs::remove_file(at("prisma/schema.prisma")).unwrap();
    symlink("schema.prisma", at("prisma/schema.prisma")).unwrap();
    refused(&clone, &WITHOUT_SERVER, "prisma/schema.prisma");
    std::fs::remove_file(at("prisma/schema.prisma")).unwrap();
    symlink("schema", at("prisma/schema")).unwrap();
    refused(&clone, &[&WITHOUT_SERVER[..], &["--schema", "prisma/schema"]].concat(), "prisma/schema");
}

#[test]
fn what_is_no_project_is_said() {
    let clone = project();
    let problem = |clone: &GitFolder| {
        let said = check(clone, &WITHOUT_SERVER);
        assert_eq!(said.code, 2, "{}{}", said.stdout, said.stderr);
        said.stderr
    };
    clone.write("prisma/schema.prisma", "datasource db {\n  provider = \"mysql\"\n}\n");
    assert!(problem(&clone).contains("mysql"));
    clone.write("prisma/schema.prisma", &schema(""));
    clone.write("underpin.toml", "[check]\ndown = 3\n");
    assert!(problem(&clone).contains("underpin.toml:2"));
    clone.write("underpin.toml", "");
    let unknown = check(&clone, &["--skip", "everything"]);
    assert_eq!(unknown.code, 2);
    assert!(unknown.stderr.contains("there are base, lint, replay, schema and down"), "{}", unknown.stderr);

    let empty = GitFolder::new();
    assert!(problem(&empty).contains("schema"));
    empty.write("prisma/schema.prisma", &schema(""));
    assert!(problem(&empty).contains("there is no migrations folder"));
    std::fs::create_dir(empty.path().join("prisma/migrations")).unwrap();
    assert!(problem(&empty).contains("the migrations folder has no migration"));
    // A folder of schemas that leads into itself.
    std::fs::remove_file(empty.path().join("prisma/schema.prisma")).unwrap();
    empty.write("prisma/schema/base.prisma", &schema(""));
    empty.write("prisma/migrations/20260101000000_init/migration.sql", TABLE);
    std::os::unix::fs::symlink(empty.path().join("prisma/schema"), empty.path().join("prisma/schema/again"))
        .unwrap();
    let said = check(&empty, &[&WITHOUT_SERVER[..], &["--schema", "prisma/schema"]].concat());
    assert!(said.code == 0 || said.stderr.contains("again"), "{}{}", said.stdout, said.stderr);
}
