//! What a line of text may not hold, and how a Rust file begins.

use super::{File, Offence};

/// Beyond this many lines a file is mentioned: a second thing may have moved in.
const LINES_NOTED: usize = 600;

/// Checks every file's text.
pub(super) fn check(files: &[File]) -> Vec<Offence> {
    let mut offences = Vec::new();
    for file in files.iter().filter(|file| file.path != "Cargo.lock") {
        for (index, line) in file.text.lines().enumerate() {
            let complaint =
                machine_path(line).or_else(|| left_for_later(line)).or_else(|| printing(file, line));
            offences.extend(complaint.map(|what| Offence::line(&file.path, index + 1, what)));
        }
        // The unit tests of a module are part of it, also in a file of their own.
        let has_purpose = file.is_rust() && !file.path.ends_with("/tests.rs");
        if has_purpose && !file.text.starts_with("//!") {
            offences.push(Offence::line(&file.path, 1, "begins without //!: say what the module decides"));
        }
    }
    offences
}

/// A word for each Rust file that is longer than most.
pub(super) fn length_notes(files: &[File]) -> Vec<String> {
    let rust = files.iter().filter(|file| file.is_rust()).map(|file| (file, file.text.lines().count()));
    rust.filter(|(_, lines)| *lines > LINES_NOTED)
        .map(|(file, lines)| format!("{} has {lines} lines; what second thing moved in?", file.path))
        .collect()
}

/// An absolute path that exists on one machine only.
fn machine_path(line: &str) -> Option<String> {
    // Written in halves, so that this file passes its own check.
    let roots = [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/ho", "me/")];
    roots.into_iter().find_map(|root| {
        line.match_indices(root).find_map(|(at, _)| {
            let absolute = !line[..at]
                .ends_with(|before: char| before.is_alphanumeric() || "._-})>*]$".contains(before));
            let named = line[at + root.len()..].starts_with(|next: char| next.is_alphanumeric());
            (absolute && named).then(|| format!("a path of one machine ({root}…)"))
        })
    })
}

/// Work that was left for later belongs in an issue, not in the tree.
fn left_for_later(line: &str) -> Option<String> {
    let marks = [
        concat!("todo", "!("),
        concat!("unimpl", "emented!("),
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("#[ign", "ore"),
    ];
    marks.into_iter().find(|mark| line.contains(mark)).map(|mark| format!("left for later ({mark})"))
}

/// Only the command line and the chores talk to people.
fn printing(file: &File, line: &str) -> Option<String> {
    let speaks = matches!(file.krate(), Some("cli" | "xtask") | None);
    let example = file.path.contains("/examples/");
    // A build script tells Cargo by printing.
    let build_script = file.path.ends_with("/build.rs");
    if speaks || example || build_script || !file.is_rust() {
        return None;
    }
    let code = line.trim_start();
    (code.starts_with("println!(") || code.starts_with("eprintln!("))
        .then(|| "prints: events and return values leave a library, words do not".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offences(path: &str, text: &str) -> Vec<(usize, String)> {
        check(&[File::new(path, text)]).into_iter().map(|offence| (offence.line, offence.what)).collect()
    }

    #[test]
    fn paths_of_one_machine_are_found_and_relative_ones_are_not() {
        let text = format!(
            "cd {0}wt\nlet x = \"{1}anna/x\";\nfuture{0}x {1}$USER\n",
            concat!("/wo", "rk/"),
            concat!("/ho", "me/")
        );
        let lines: Vec<usize> = offences("run", &text).into_iter().map(|(line, _)| line).collect();
        assert_eq!(lines, [1, 2]);
    }

    #[test]
    fn work_left_for_later_is_found() {
        let text = format!("//! A.\nfn a() {{ {}) }}\n", concat!("todo", "!("));
        assert_eq!(offences("crates/sql/src/a.rs", &text).len(), 1);
    }

    #[test]
    fn libraries_do_not_print() {
        let text = "//! A.\n    println!(\"x\");\n";
        assert_eq!(offences("crates/engine/src/a.rs", text).len(), 1);
        assert!(offences("crates/cli/src/a.rs", text).is_empty());
        assert!(offences("crates/engine/build.rs", text).is_empty());
    }

    #[test]
    fn a_rust_file_begins_with_its_purpose() {
        assert_eq!(offences("crates/sql/src/a.rs", "use std::fmt;\n").len(), 1);
        assert!(offences("crates/sql/src/a.rs", "//! A.\n").is_empty());
        assert!(offences("crates/sql/src/a/tests.rs", "use super::*;\n").is_empty());
    }

    #[test]
    fn long_files_are_noted() {
        let files =
            [File::new("crates/sql/src/a.rs", &"x\n".repeat(601)), File::new("a.md", &"x\n".repeat(900))];
        assert_eq!(length_notes(&files).len(), 1);
    }
}
