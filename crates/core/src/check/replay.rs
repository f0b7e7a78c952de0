//! A history that does not run on an empty database: `history-fails`.

use crate::lint::finding::{Finding, Fix, Severity};
use crate::lint::lines::Lines;

/// A file that was executed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// The migration.
    pub name: String,
    /// The file, as findings name it.
    pub path: String,
    /// What it says.
    pub text: String,
}

/// What the server, or the grammar before it, said no to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The statement in the script's bytes; `None` when it is the end of a transaction.
    pub statement: Option<std::ops::Range<usize>>,
    /// The character of the statement that the server points at, from 1.
    pub character: Option<usize>,
    /// The SQLSTATE.
    pub sqlstate: Option<String>,
    /// What was said, with detail and hint.
    pub message: String,
}

impl Refusal {
    /// Where in the script it is: from the character that the server points at to the end of that word, else
    /// the statement.
    pub(super) fn place(&self, text: &str) -> Option<std::ops::Range<usize>> {
        let statement = self.statement.clone()?;
        let within = text.get(statement.clone())?;
        let pointed = self.character.and_then(|character| {
            let (start, _) = within.char_indices().nth(character.checked_sub(1)?)?;
            let word = within[start..].find(|sign: char| sign.is_whitespace() || "(),;".contains(sign));
            let length = word.unwrap_or(within.len() - start).max(1);
            let end = within.ceil_char_boundary(start + length);
            Some(statement.start + start..statement.start + end)
        });
        Some(pointed.unwrap_or(statement))
    }

    /// A finding of `rule` about the script, whose message begins with `what`.
    pub(super) fn finding(
        &self,
        rule: &'static str,
        severity: Severity,
        script: &Script,
        what: &str,
    ) -> Finding {
        let said = self.message.lines().map(str::trim).collect::<Vec<_>>().join("; ");
        Finding {
            span: self.place(&script.text).map(|bytes| Lines::of(&script.text).span(bytes)),
            object: Some(script.name.clone()),
            sqlstate: self.sqlstate.clone(),
            ..Finding::new(rule, severity, &script.path, format!("{what}: {said}"))
        }
    }
}

/// A migration of the history that a throwaway server refuses. `is_new` is whether it came with this change;
/// `None` when nobody knows.
pub fn fails(script: &Script, refusal: &Refusal, is_new: Option<bool>) -> Finding {
    let what = format!("{} does not run behind the migrations before it", script.name);
    let advice = match (refusal.sqlstate.as_deref(), is_new) {
        // feature_not_supported and undefined_file, as CREATE EXTENSION answers.
        (Some("0A000" | "58P01"), _) => {
            "if it is an extension that the throwaway server lacks, name a server that has it: [shadow] postgres_bin in \
             underpin.toml, or --postgres-bin"
        }
        (Some("42501"), _) => {
            "the throwaway server runs migrations without the rights of a superuser, because they may come from anybody; \
             when yours come from people whom you trust with this machine, set [shadow] superuser = true in underpin.toml"
        }
        (_, Some(true)) => "repair it: no database has it yet",
        (_, Some(false) | None) => {
            "when it is applied somewhere it has to stay as it is: what it lacks goes into a new migration that sorts \
             before it, marked as applied where it is not needed (`underpin resolve --applied`)"
        }
    };
    Finding {
        fix: Some(Fix::advice(advice)),
        ..refusal.finding("history-fails", Severity::Blocker, script, &what)
    }
}

/// A folder of the history without a `migration.sql`, where every deploy stops.
pub fn without_script(name: &str, path: &str) -> Finding {
    Finding {
        object: Some(name.to_owned()),
        fix: Some(Fix::advice("restore the file, or remove the folder")),
        ..Finding::new(
            "history-fails",
            Severity::Blocker,
            path,
            format!("{name} has no migration.sql: a deploy stops when its turn comes (P3015)"),
        )
    }
}
