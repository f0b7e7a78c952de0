//! Documents that name a path must name one that exists: Markdown links, and words in backticks
//! that begin like a path of this repository.

use super::{File, Offence};

/// First components that make a word in backticks a path of ours.
const OURS: [&str; 5] = ["crates", "xtask", "docs", "bench", ".ci"];

/// Checks the Markdown files at the top and in `docs/`.
pub(super) fn check(files: &[File]) -> Vec<Offence> {
    let documents = files.iter().filter(|file| {
        file.path.ends_with(".md") && (!file.path.contains('/') || file.path.starts_with("docs/"))
    });
    let exists = |path: &str| {
        let below = format!("{path}/");
        files.iter().any(|file| file.path == path || file.path.starts_with(&below))
    };
    documents.flat_map(|document| check_document(document, &exists)).collect()
}

fn check_document(document: &File, exists: &dyn Fn(&str) -> bool) -> Vec<Offence> {
    let mut offences = Vec::new();
    let mut fenced = false;
    for (index, line) in document.text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
            continue;
        }
        if fenced {
            continue;
        }
        let folder = document.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let linked = links(line).into_iter().map(|link| join(folder, link));
        for path in quoted_paths(line).into_iter().map(str::to_owned).chain(linked) {
            if !exists(path.trim_end_matches('/')) {
                offences.push(Offence::line(&document.path, index + 1, format!("there is no {path}")));
            }
        }
    }
    offences
}

/// The words in backticks that are paths of ours. Patterns (`crates/*`) and places in a file
/// (`x.rs:12`) are not paths.
fn quoted_paths(line: &str) -> Vec<&str> {
    let words = line.split('`').skip(1).step_by(2);
    words
        .filter(|word| word.split_once('/').is_some_and(|(first, _)| OURS.contains(&first)))
        .filter(|word| !word.contains(['*', '<', '…', ' ', '{', ':']))
        .collect()
}

/// The targets of Markdown links that are files: no addresses, no anchors.
fn links(line: &str) -> Vec<&str> {
    line.split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')'))
        .map(|(target, _)| target.split(['#', ' ']).next().unwrap_or_default())
        .filter(|target| !target.is_empty() && !target.contains("://") && !target.starts_with("mailto:"))
        .collect()
}

fn join(folder: &str, link: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in link.split('/') {
        match part {
            "." | "" => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(path: &str, text: &str) -> Vec<(usize, String)> {
        let files =
            [File::new(path, text), File::new("crates/sql/src/lib.rs", ""), File::new("docs/demo.svg", "")];
        check(&files).into_iter().map(|offence| (offence.line, offence.what)).collect()
    }

    #[test]
    fn a_path_that_is_gone_is_found() {
        let text = "See `crates/sql/src/lib.rs`,\n`crates/sql/src/old.rs`, `crates/*/src` and `prisma/migrations`.\n";
        assert_eq!(lines("ARCHITECTURE.md", text), [(2, "there is no crates/sql/src/old.rs".to_owned())]);
    }

    #[test]
    fn links_are_followed_from_where_they_stand() {
        let text = "![demo](demo.svg) [up](../README.md) [web](https://example.org/x) [here](#here)\n";
        assert_eq!(lines("docs/page.md", text), [(1, "there is no README.md".to_owned())]);
    }

    #[test]
    fn folders_count_and_fences_do_not() {
        assert!(lines("ARCHITECTURE.md", "`crates/sql/`\n```\n`crates/none`\n```\n").is_empty());
    }
}
