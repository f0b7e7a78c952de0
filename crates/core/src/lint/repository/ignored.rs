//! What `.gitignore` files leave out, in the simple way: patterns, folders, and `!`.
//!
//! Nobody wrote what Git ignores, so nobody is told about it. Character classes and escapes are taken
//! as they stand, and then match nothing: such a file is read, which is the safer mistake.

use crate::lint::path_pattern::matches;

/// The patterns of all `.gitignore` files that were read, those of outer folders first.
#[derive(Clone, Debug, Default)]
pub struct Ignored {
    patterns: Vec<Pattern>,
}

#[derive(Clone, Debug)]
struct Pattern {
    /// From the root of the repository.
    path: String,
    of_folders: bool,
    /// `!`: it takes back what an earlier pattern left out.
    takes_back: bool,
}

impl Ignored {
    /// Adds a `.gitignore`. `folder` is where it lies, from the root of the repository; empty for the root.
    pub fn add(&mut self, folder: &str, text: &str) {
        for line in text.lines() {
            let line = line.trim_end();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (takes_back, line) = match line.strip_prefix('!') {
                Some(rest) => (true, rest),
                None => (false, line),
            };
            let of_folders = line.ends_with('/');
            let body = line.trim_end_matches('/');
            // With a slash in it, it is from the folder of its file; without one, it is any name below.
            let anchored = body.contains('/');
            let body = body.trim_start_matches('/');
            let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
            let path = if anchored { format!("{prefix}{body}") } else { format!("{prefix}**/{body}") };
            self.patterns.push(Pattern { path, of_folders, takes_back });
        }
    }

    /// Whether a path from the root of the repository is left out. What lies in a folder that is left out
    /// is not asked about.
    pub fn covers(&self, path: &str, is_folder: bool) -> bool {
        let last = self
            .patterns
            .iter()
            .rev()
            .find(|pattern| (is_folder || !pattern.of_folders) && matches(&pattern.path, path));
        last.is_some_and(|pattern| !pattern.takes_back)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_folders_and_exceptions() {
        let mut ignored = Ignored::default();
        ignored.add("", "# build\ndist/\n*.log\n/local.sh\ndocker/*.yml\n!docker/keep.yml\n");
        ignored.add("apps/web", "generated\n");
        for (path, is_folder) in [
            ("dist", true),
            ("apps/web/dist", true),
            ("a/b.log", false),
            ("local.sh", false),
            ("docker/x.yml", false),
            ("apps/web/src/generated", true),
        ] {
            assert!(ignored.covers(path, is_folder), "{path}");
        }
        for (path, is_folder) in [
            ("dist", false),
            ("a/local.sh", false),
            ("docker/keep.yml", false),
            ("generated", true),
            ("src", true),
        ] {
            assert!(!ignored.covers(path, is_folder), "{path}");
        }
    }
}
