//! `underpin lint` and `underpin explain` as people and pipelines call them, without any server.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use underpin_testkit::Said;
use underpin_testkit::git::GitFolder;

const FIRST: &str = "app/prisma/migrations/20260101000000_first/migration.sql";
const SECOND: &str = "app/prisma/migrations/20260102000000_second/migration.sql";

/// A folder with a repository, a package and one Prisma history, of which the second file is no SQL.
fn repository() -> GitFolder {
    let clone = GitFolder::new();
    clone.write("app/package.json", "{}");
    clone.write(
        "app/prisma/schema.prisma",
        "datasource db {\n  provider = \"postgresql\"\n  url = env(\"DATABASE_URL\")\n}\n",
    );
    clone.write(FIRST, "CREATE TABLE \"A\" (\"id\" INT);\n");
    clone.write(SECOND, "ALTER TABLE \"A\" ADD COLUMN \"b\" TEXT;\n\nDROP TABEL \"A\";\n");
    clone.commit("first");
    clone
}

fn lint(clone: &GitFolder, folder: &str, arguments: &[&str]) -> Said {
    lint_in(&clone.path().join(folder), arguments)
}

fn said(output: &Output) -> Said {
    Said {
        code: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout.clone()).unwrap(),
        stderr: String::from_utf8(output.stderr.clone()).unwrap(),
    }
}

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_underpin"));
    command.args(arguments).current_dir(folder).stdin(Stdio::null()).env_remove("DATABASE_URL");
    command
}

fn lint_in(folder: &Path, arguments: &[&str]) -> Said {
    let arguments: Vec<&str> = std::iter::once("lint").chain(arguments.iter().copied()).collect();
    said(&command(folder, &arguments).output().unwrap())
}

/// `path rule line` of each finding that counts.
fn counted(said: &Said) -> Vec<String> {
    let object: Value =
        serde_json::from_str(&said.stdout).unwrap_or_else(|error| panic!("{error}: {}", said.stderr));
    assert_eq!(object["exit_code"], said.code);
    let findings =
        object["files"].as_array().unwrap().iter().flat_map(|file| file["findings"].as_array().unwrap());
    findings
        .filter(|finding| finding["suppressed"].is_null())
        .map(|finding| {
            let text = |key: &str| finding[key].as_str().unwrap().to_owned();
            format!("{} {} {}", text("path"), text("rule"), finding["span"]["line"])
        })
        .collect()
}

#[test]
fn without_paths_the_projects_history_is_linted() {
    let clone = repository();
    let found = lint(&clone, "app", &["--json"]);
    assert_eq!(counted(&found), ["prisma/migrations/20260102000000_second/migration.sql syntax-error 3"]);
    assert_eq!((found.code, found.stderr.as_str()), (10, ""));
    let human = lint(&clone, "app", &[]);
    assert_eq!(human.code, 10);
    assert!(human.stdout.contains(":3:6\n") && human.stdout.contains("^"), "{}", human.stdout);
    assert_eq!(
        human.stdout.lines().last(),
        Some("1 blocker in 1 of 2 files; 1 finding fails (fail on danger)")
    );
    assert!(!human.stdout.contains('\u{1b}'), "colours in a pipe");
}

#[test]
fn paths_need_no_project() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.sql"), "SELECT 1;\n").unwrap();
    let clean = lint_in(folder.path(), &["a.sql"]);
    assert_eq!((clean.code, clean.stdout.as_str()), (0, "no findings in 1 file (1 statement)\n"));
    assert_eq!(lint_in(folder.path(), &["."]).code, 0);
    let none = lint_in(folder.path(), &[]);
    assert_eq!(none.code, 2);
    assert!(none.stderr.contains("name what to lint"), "{}", none.stderr);
    let gone = lint_in(folder.path(), &["b.sql", "--json"]);
    let object: Value = serde_json::from_str(&gone.stdout).unwrap();
    assert_eq!((gone.code, object["error"]["exit"].as_u64()), (2, Some(2)));
}

#[test]
fn standard_input_is_a_file() {
    use std::io::Write;
    let folder = tempfile::tempdir().unwrap();
    let mut child = command(folder.path(), &["lint", "-", "--format", "github"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"SELEC 1").unwrap();
    let said = said(&child.wait_with_output().unwrap());
    assert_eq!(said.code, 10);
    assert!(
        said.stdout.starts_with(
            "::error file=stdin,line=1,endLine=1,col=1,endColumn=5,title=blocker%3A syntax-error::"
        ),
        "{}",
        said.stdout
    );
}

#[test]
fn since_a_revision_only_what_changed_is_told() {
    let clone = repository();
    let since = |clone: &GitFolder| counted(&lint(clone, "app", &["--json", "--since", "main"]));
    assert_eq!(since(&clone), [""; 0]);
    clone.git(&["checkout", "--quiet", "-b", "work"]);
    // A new file that Git does not know, one that is committed, and one that main changes meanwhile.
    clone.write("app/prisma/migrations/20260103000000_new/migration.sql", "CRATE;\n");
    clone.write("app/prisma/migrations/20260104000000_committed/migration.sql", "CRATE;\n");
    clone.git(&["add", "app/prisma/migrations/20260104000000_committed"]);
    clone.git(&["commit", "--quiet", "--message", "work"]);
    clone.git(&["checkout", "--quiet", "main"]);
    clone.write(FIRST, "CRATE;\n");
    clone.git(&["commit", "--quiet", "--all", "--message", "main"]);
    clone.git(&["checkout", "--quiet", "work"]);
    assert_eq!(
        since(&clone),
        [
            "prisma/migrations/20260103000000_new/migration.sql syntax-error 1",
            "prisma/migrations/20260104000000_committed/migration.sql syntax-error 1"
        ]
    );
}

/// Migrations are not changed once they are applied, and a revision is the nearest that a file system knows of that.
#[test]
fn since_a_revision_what_was_there_is_to_stay() {
    let clone = repository();
    clone.git(&["checkout", "--quiet", "-b", "work"]);
    let nothing = lint(&clone, "app", &["--since", "main"]);
    assert!(nothing.stderr.contains("no migration was added or changed since main"), "{}", nothing.stderr);
    clone.write(FIRST, "CREATE TABLE \"B\" ();\n");
    clone.git(&[
        "mv",
        "app/prisma/migrations/20260102000000_second",
        "app/prisma/migrations/20260102000000_other",
    ]);
    clone.write("app/prisma/other.sql", "");
    let told = lint(&clone, "app", &["--since", "main"]);
    let warnings: Vec<&str> = told.stderr.lines().filter(|line| line.starts_with("warning: ")).collect();
    let [first, second] = warnings.as_slice() else { panic!("{}", told.stderr) };
    let begin = "warning: prisma/migrations/20260101000000_first/migration.sql was there before and is changed since main";
    assert!(first.starts_with(begin), "{first}");
    let begin = "warning: prisma/migrations/20260102000000_second/migration.sql was there before and is gone since main";
    assert!(second.starts_with(begin), "{second}");
    assert!(lint(&clone, "app", &[]).stderr.is_empty(), "nobody asked since when");
}

/// What was there before and is changed is not new, whatever it sorts before.
#[test]
fn since_a_revision_what_is_new_has_its_place_behind_what_was_there() {
    let clone = repository();
    clone.git(&["checkout", "--quiet", "-b", "work"]);
    clone.write(FIRST, "SELECT 2;\n");
    clone.write("app/prisma/migrations/20260101120000_late/migration.sql", "SELECT 1;\n");
    clone.write("app/prisma/migrations/20260104000000_last/migration.sql", "SELECT 1;\n");
    let told = counted(&lint(&clone, "app", &["--json", "--since", "main"]));
    assert_eq!(told, ["prisma/migrations/20260101120000_late/migration.sql out-of-order null"]);
    let of_all = counted(&lint(&clone, "app", &["--json"]));
    assert!(!of_all.iter().any(|one| one.contains("out-of-order")), "nobody asked since when: {of_all:?}");
    let ignored =
        "-- underpin: ignore-file out-of-order because it needs nothing of the later one\nSELECT 1;\n";
    clone.write("app/prisma/migrations/20260101120000_late/migration.sql", ignored);
    assert_eq!(counted(&lint(&clone, "app", &["--json", "--since", "main"])), [""; 0]);
}

#[test]
fn a_folder_without_a_script_is_told() {
    let clone = repository();
    std::fs::create_dir(clone.path().join("app/prisma/migrations/20260109000000_empty")).unwrap();
    let told = lint(&clone, "app", &[]);
    let warning = "warning: prisma/migrations/20260109000000_empty has no migration.sql: a deploy ends when its turn comes (P3015)";
    assert!(told.stderr.contains(warning), "{}", told.stderr);
}

#[test]
fn a_project_nearby_is_named() {
    let clone = repository();
    let above = lint(&clone, "", &[]);
    assert_eq!(above.code, 2);
    assert!(above.stderr.contains("there is one in app: cd app"), "{}", above.stderr);
    let below = lint(&clone, "app/prisma/migrations", &[]);
    assert!(below.stderr.contains("there is one in ../..: cd ../.."), "{}", below.stderr);
}

#[test]
fn a_revision_that_cannot_be_had_is_told_with_the_way_out() {
    let clone = repository();
    let unknown = lint(&clone, "app", &["--since", "v9"]);
    assert_eq!(unknown.code, 2);
    assert!(
        unknown.stderr.contains("`v9`") && unknown.stderr.contains("fetch-depth: 0"),
        "{}",
        unknown.stderr
    );
    assert_eq!(lint(&clone, "app", &["--since=--output=x"]).code, 2);

    // A shallow clone of a branch, and main fetched beside it: no commit in common.
    clone.git(&["checkout", "--quiet", "-b", "work"]);
    clone.git(&["commit", "--quiet", "--allow-empty", "--message", "work"]);
    clone.git(&["checkout", "--quiet", "main"]);
    clone.git(&["commit", "--quiet", "--allow-empty", "--message", "main"]);
    let shallow = GitFolder::without_git();
    let url = format!("file://{}", clone.path().display());
    shallow.git(&["clone", "--quiet", "--depth=1", "--branch=work", &url, "."]);
    shallow.git(&["fetch", "--quiet", "--depth=1", "origin", "main:refs/remotes/origin/main"]);
    let told = lint(&shallow, "app", &["--since", "origin/main"]);
    assert_eq!(told.code, 2);
    assert!(told.stderr.contains("shallow") && told.stderr.contains("fetch-depth: 0"), "{}", told.stderr);

    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("a.sql"), "").unwrap();
    let told = lint_in(outside.path(), &["a.sql", "--since", "main"]);
    assert_eq!(told.code, 2);
    assert!(told.stderr.contains("in no repository"), "{}", told.stderr);
    let without =
        command(outside.path(), &["lint", "a.sql", "--since", "main"]).env("PATH", "").output().unwrap();
    assert!(said(&without).stderr.contains("is git installed"), "{}", said(&without).stderr);
}

#[test]
fn a_baseline_lets_what_was_there_pass_from_every_folder() {
    let clone = repository();
    let written = lint(&clone, "app", &["--write-baseline"]);
    assert_eq!((written.code, written.stdout.as_str()), (0, ""));
    assert!(written.stderr.ends_with("underpin-baseline.json: 1 entry\n"), "{}", written.stderr);
    let now = lint(&clone, "app", &[]);
    assert_eq!(
        (now.code, now.stdout.lines().last()),
        (0, Some("no findings in 2 files (1 statement); 1 ignored (1 in the baseline)"))
    );
    assert_eq!(lint(&clone, "app/prisma", &["migrations"]).code, 0);
    // The statement moves down, and another error comes.
    clone.write(SECOND, "-- later\n\nALTER TABLE \"A\" ADD COLUMN \"b\" TEXT;\nDROP TABEL \"A\";\n");
    clone.write(FIRST, "CRATE TABLE \"A\" ();\n");
    assert_eq!(
        counted(&lint(&clone, "app", &["--json"])),
        ["prisma/migrations/20260101000000_first/migration.sql syntax-error 1"]
    );
    clone.write(SECOND, "SELECT 1;\n");
    let stale = lint(&clone, "app", &[]);
    assert!(stale.stdout.contains("note: 1 entry of the baseline match"), "{}", stale.stdout);
    let missing = lint(&clone, "app", &["--baseline", "gone.json"]);
    assert_eq!(missing.code, 2);
    clone.write("app/bad.json", "{\"version\": 7, \"findings\": []}");
    let later = lint(&clone, "app", &["--baseline", "bad.json"]);
    assert!(later.code == 2 && later.stderr.contains("its version is 7"), "{}", later.stderr);
}

#[test]
fn settings_and_comments_decide_what_counts() {
    let clone = repository();
    clone.write(
        "app/underpin.toml",
        "[[lint.ignore]]\nrules = [\"syntax-error\"]\npaths = [\"prisma/migrations/20260102*\"]\nbecause = \"it never ran\"\n",
    );
    clone.write(FIRST, "-- underpin: ignore syntax-error because I say so\nCREATE TABLE \"A\" ();\n");
    let found = lint(&clone, "app/prisma", &["--json", "--schema", "schema.prisma"]);
    assert_eq!(counted(&found), ["migrations/20260101000000_first/migration.sql unused-ignore 1"]);
    assert_eq!(found.code, 0);
    assert_eq!(lint(&clone, "app", &["--fail-on", "info"]).code, 10);
    clone.write("app/underpin.toml", "[lint.severity]\nunused-ignor = \"danger\"\n");
    let misspelt = lint(&clone, "app", &[]);
    assert_eq!(misspelt.code, 2);
    assert!(misspelt.stderr.contains("did you mean `unused-ignore`?"), "{}", misspelt.stderr);
    clone.write("app/underpin.toml", "[lint]\ngroups = [\"nonsense\"]\n");
    let unknown = lint(&clone, "app", &[]);
    assert!(unknown.code == 2 && unknown.stderr.contains("group `nonsense`"), "{}", unknown.stderr);
}

#[test]
fn paths_for_code_hosts_start_at_the_top_of_the_repository() {
    let clone = repository();
    let github = lint(&clone, "app", &["--format", "github"]);
    assert!(github.stdout.contains(&format!("file={SECOND},line=3")), "{}", github.stdout);
    let sarif: Value =
        serde_json::from_str(&lint(&clone, "app/prisma", &["migrations", "--format", "sarif"]).stdout)
            .unwrap();
    let location = &sarif["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"];
    assert_eq!(location["uri"], SECOND);
}

#[test]
fn a_report_goes_into_a_file() {
    let clone = repository();
    let written = lint(&clone, "app", &["--format", "junit", "--output", "report.xml"]);
    assert_eq!((written.code, written.stdout.as_str()), (10, ""));
    assert!(written.stderr.starts_with("report.xml: 1 blocker in 1 of 2 files"), "{}", written.stderr);
    let text = std::fs::read_to_string(clone.path().join("app/report.xml")).unwrap();
    assert!(text.contains("failures=\"1\""), "{text}");
    let refused = lint(&clone, "app", &["--output", "gone/report.xml"]);
    assert!(refused.code == 2 && refused.stderr.contains("cannot be written"), "{}", refused.stderr);
}

/// Real histories, so that what the rules tell is in the schema, and every form can say it.
#[test]
fn real_histories_fit_every_form() {
    let schema = underpin_testkit::workspace_root().join("docs/schema/lint.schema.json");
    let schema: Value = serde_json::from_str(&std::fs::read_to_string(schema).unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let mut findings = 0;
    for history in underpin_testkit::corpus::histories() {
        let folder = history.migrations.to_str().unwrap();
        let json = lint_in(Path::new("."), &[folder, "--json"]);
        let object: Value =
            serde_json::from_str(&json.stdout).unwrap_or_else(|error| panic!("{folder}: {error}"));
        let wrong: Vec<String> = validator
            .iter_errors(&object)
            .take(5)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(wrong.is_empty(), "{folder}: {}", wrong.join("\n"));
        findings += counted(&json).len();
        let comment = lint_in(Path::new("."), &[folder, "--format", "markdown"]);
        assert!(comment.stdout.len() <= 65_536, "{folder}");
    }
    let history = underpin_testkit::corpus::history("umami");
    let folder = history.migrations.to_str().unwrap();
    for form in ["human", "sarif", "github", "junit"] {
        assert_eq!(lint_in(Path::new("."), &[folder, "--format", form]).code, 10, "{form}");
    }
    assert!(findings > 100, "{findings}");
}

#[test]
fn rules_explain_themselves() {
    let folder = tempfile::tempdir().unwrap();
    let explain = |arguments: &[&str]| {
        let arguments: Vec<&str> = std::iter::once("explain").chain(arguments.iter().copied()).collect();
        said(&command(folder.path(), &arguments).output().unwrap())
    };
    let list = explain(&[]);
    assert_eq!(list.code, 0);
    assert!(list.stdout.lines().any(|line| line.starts_with("syntax-error ")), "{}", list.stdout);
    let page = explain(&["syntax-error"]);
    assert!(page.stdout.starts_with("SYNTAX-ERROR\n\nPostgreSQL's grammar refuses"), "{}", page.stdout);
    let object: Value = serde_json::from_str(&explain(&["syntax-error", "--json"]).stdout).unwrap();
    assert_eq!((object["version"].as_u64(), &object["rule"]["name"]), (Some(1), &"syntax-error".into()));
    let unknown = explain(&["sintax-error"]);
    assert!(
        unknown.code == 2 && unknown.stderr.contains("did you mean `syntax-error`?"),
        "{}",
        unknown.stderr
    );
}
