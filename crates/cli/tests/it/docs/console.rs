//! Executing the `console` blocks of a page.

use underpin_testkit::{Server, majors, workspace_root};

use super::projects::{Given, given};
use super::shell::Shell;

/// Pages with commands. A page with a block that is not listed here fails
/// `every_page_with_commands_is_executed`.
const PAGES: [&str; 18] = [
    "README.md",
    "docs/check.md",
    "docs/compat.md",
    "docs/create.md",
    "docs/deploy.md",
    "docs/diff.md",
    "docs/drift.md",
    "docs/explain-tx.md",
    "docs/lint.md",
    "docs/operations.md",
    "docs/plan.md",
    "docs/precheck.md",
    "docs/refusals.md",
    "docs/rollouts.md",
    "docs/settings.md",
    "docs/shadow.md",
    "docs/tutorial.md",
    "docs/audit.md",
];

/// Real clients work all the time, so it has a test of its own, which runs beside the other.
const TUTORIAL: &str = "docs/tutorial.md";

/// A command with what the page says it prints.
struct Shown {
    line: usize,
    command: String,
    output: Vec<String>,
    /// The project that is set up before it.
    project: Option<String>,
    /// The edits that the page shows above it, as patches.
    edits: Vec<String>,
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_print_what_the_pages_say() {
    let mut wrong = Vec::new();
    for page in PAGES.into_iter().filter(|page| *page != TUTORIAL) {
        wrong.extend(differences(page).await);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tutorial_goes_as_it_says() {
    let wrong = differences(TUTORIAL).await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// Executes a page, and says which of its commands print something else.
async fn differences(page: &str) -> Vec<String> {
    let server = Server::shared(*majors().last().expect("there is at least one major")).await;
    let mut wrong = Vec::new();
    let mut project = None;
    let mut shell = Shell::default();
    for shown in commands(&read(page)) {
        if let Some(name) = &shown.project {
            project = Some(given(name, server).await);
            shell = Shell::default();
        }
        let given = project.as_ref().unwrap_or_else(|| {
            panic!("{page}:{}: no <!-- project: NAME --> above the first command", shown.line)
        });
        for edit in &shown.edits {
            given.edit(edit);
        }
        let said = shell.execute(&shown.command, given).await;
        if !matches(&tidied(&shown.output, None), &tidied(&said, Some(given))) {
            wrong.push(format!(
                "{page}:{}: $ {} prints\n{}",
                shown.line,
                shown.command,
                tidied(&said, Some(given)).join("\n")
            ));
        }
    }
    wrong
}

#[test]
fn every_page_with_commands_is_executed() {
    let root = workspace_root();
    let docs = std::fs::read_dir(root.join("docs")).unwrap();
    let mut pages: Vec<String> = docs
        .map(|entry| format!("docs/{}", entry.unwrap().file_name().into_string().unwrap()))
        .filter(|page| page.ends_with(".md"))
        .collect();
    pages.push("README.md".to_owned());
    for page in pages {
        let text = read(&page);
        let prompts = text.lines().filter(|line| line.starts_with("$ ")).count();
        assert_eq!(
            prompts,
            commands(&text).len(),
            "{page}: a command outside a console block is not executed"
        );
        assert_eq!(prompts > 0, PAGES.contains(&page.as_str()), "{page} belongs into PAGES, or no more");
    }
}

#[test]
fn a_wildcard_is_for_some_text_or_some_lines_and_nothing_else_is() {
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    assert!(matches(&lines("a\n[...]\nd [..] f"), &lines("a\nb\nc\nd e f")));
    assert!(matches(&lines("a\n[...]"), &lines("a")));
    assert!(!matches(&lines("a\n[...]\nd"), &lines("a\nb")));
    assert!(!matches(&lines("a [..] c"), &lines("a b d")));
    assert!(!matches(&lines("a"), &lines("a\nb")));
    assert_eq!(neutral("done (1.4 s), session 4711, 20 steps"), "done (<time>), session <pid>, 20 steps");
}

pub(super) fn read(page: &str) -> String {
    let path = workspace_root().join(page);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()))
}

fn commands(text: &str) -> Vec<Shown> {
    let mut found: Vec<Shown> = Vec::new();
    let mut project = None;
    let mut edits: Vec<String> = Vec::new();
    let mut inside = "";
    for (index, line) in text.lines().enumerate() {
        if let Some(name) = line.strip_prefix("<!-- project: ").and_then(|rest| rest.strip_suffix(" -->")) {
            project = Some(name.to_owned());
        } else if let Some(language) = line.strip_prefix("```") {
            inside = language;
            if language == "diff" {
                edits.push(String::new());
            }
        } else if let Some(edit) = edits.last_mut().filter(|_| inside == "diff") {
            edit.push_str(&format!("{line}\n"));
        } else if let Some(command) = line.strip_prefix("$ ").filter(|_| inside == "console") {
            found.push(Shown {
                line: index + 1,
                command: command.to_owned(),
                output: Vec::new(),
                project: project.take(),
                edits: std::mem::take(&mut edits),
            });
        } else if inside == "console"
            && let Some(last) = found.last_mut()
        {
            last.output.push(line.to_owned());
        }
    }
    found
}

/// Without what differs from run to run, and without blank lines at the end.
fn tidied(lines: &[String], given: Option<&Given>) -> Vec<String> {
    let mut tidy: Vec<String> = lines
        .iter()
        .map(|line| {
            let own = given.map_or_else(|| line.clone(), |given| given.redacted(line));
            neutral(own.trim_end())
        })
        .collect();
    while tidy.last().is_some_and(String::is_empty) {
        tidy.pop();
    }
    tidy
}

/// Durations and pids are whatever they are.
fn neutral(line: &str) -> String {
    let mut words: Vec<String> = Vec::new();
    for word in line.split(' ') {
        let bare = word.trim_end_matches(|c: char| !c.is_alphanumeric());
        let tail = &word[bare.len()..];
        let number = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit() || c == '.');
        let last = words.last().map(String::as_str).unwrap_or_default();
        let opening = last.len() - last.trim_start_matches('(').len();
        if matches!(bare, "ms" | "s" | "min") && number(&last[opening..]) {
            let before = last[..opening].to_owned();
            *words.last_mut().expect("it was looked at") = format!("{before}<time>{tail}");
        } else if last == "session" && number(bare) {
            words.push(format!("<pid>{tail}"));
        } else if let Some(rest) = word.strip_prefix("pg_terminate_backend(") {
            let rest = rest.trim_start_matches(|c: char| c.is_ascii_digit());
            words.push(format!("pg_terminate_backend(<pid>{rest}"));
        } else {
            words.push(word.to_owned());
        }
    }
    words.join(" ")
}

fn matches(expected: &[String], found: &[String]) -> bool {
    match expected.split_first() {
        None => found.is_empty(),
        Some((first, rest)) if first == "[...]" => {
            (0..=found.len()).any(|skipped| matches(rest, &found[skipped..]))
        }
        Some((first, rest)) => found
            .split_first()
            .is_some_and(|(line, others)| line_matches(first, line) && matches(rest, others)),
    }
}

fn line_matches(expected: &str, found: &str) -> bool {
    match expected.split_once("[..]") {
        None => expected == found,
        Some((before, after)) => found.strip_prefix(before).is_some_and(|rest| {
            rest.char_indices()
                .map(|(at, _)| at)
                .chain([rest.len()])
                .any(|at| line_matches(after, &rest[at..]))
        }),
    }
}
