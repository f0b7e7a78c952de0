//! The safe form of a migration that is being written: it is in no folder yet, and behind all that are.

use underpin_prisma::FolderOrder;

use super::{SafeForm, Unapplied, safe_form};
use crate::lint::report::FileReport;
use crate::lint::{Circumstances, Linter, Source};

/// A migration that is being written.
#[derive(Debug)]
pub struct Ahead<'a> {
    /// What its folder will be called.
    pub folder: &'a str,
    /// The folders that are there, and the scripts in them, in order.
    pub history: &'a [(String, String)],
    /// How Prisma puts folders in order.
    pub order: FolderOrder,
    /// What findings call its script.
    pub path: &'a str,
    /// Its text.
    pub text: &'a str,
}

/// Its safe form, if lint finds nothing again in it that it was to do away with. `around` is what is known before
/// the first file, asked once for each look at the history; `weigh` decides what of a report counts.
pub fn ahead<'c>(
    new: &Ahead<'_>,
    around: impl Fn() -> Circumstances<'c>,
    weigh: impl Fn(&mut FileReport, &str),
) -> SafeForm {
    let behind_history = || {
        let mut linter: Linter<'c> = Linter::new(around());
        for (_, text) in new.history {
            linter.pass(&underpin_sql::read(text));
        }
        linter
    };
    let mut linter = behind_history();
    let before = linter.before_next();
    let read = underpin_sql::read(new.text);
    let statements = read.clone().unwrap_or_default();
    let mut report = linter.judge(&Source { path: new.path, text: new.text, read });
    weigh(&mut report, new.text);
    let folders: Vec<String> =
        new.history.iter().map(|(folder, _)| folder.clone()).chain([new.folder.to_owned()]).collect();
    let mut form = safe_form(&Unapplied {
        folder: new.folder,
        folders: &folders,
        order: new.order,
        text: new.text,
        statements: &statements,
        before: &before,
        report: &report,
    });
    let mut linter = behind_history();
    let mut again = Vec::new();
    for file in &form.files {
        let source = Source { path: new.path, text: &file.text, read: underpin_sql::read(&file.text) };
        let mut report = linter.judge(&source);
        weigh(&mut report, &file.text);
        again.append(&mut report.findings);
    }
    if let Some(finding) = form.comes_back(&again) {
        let why = format!("its other form would not be free of {} either: {}", finding.rule, finding.message);
        form.leave_all(&why);
    }
    form
}

#[cfg(test)]
mod tests {
    use underpin_catalog::ServerVersion;
    use underpin_sql::sending::Sender;

    use super::*;
    use crate::lint::stats::Stats;
    use crate::settings::LintSettings;

    fn form(text: &str) -> SafeForm {
        let history = [(
            "20260101000000_init".to_owned(),
            "CREATE TABLE \"A\" (\"id\" INT PRIMARY KEY, \"x\" INT);".to_owned(),
        )];
        let new = Ahead {
            folder: "20260302143015_more",
            history: &history,
            order: FolderOrder::Collation,
            path: "script",
            text,
        };
        let (stats, settings) = (Stats::none(), LintSettings::default());
        let server = ServerVersion::of_major(17);
        let around = || Circumstances::of_history(server, Sender::PrismaWhole, &stats, &settings);
        ahead(&new, around, |_, _| {})
    }

    #[test]
    fn what_is_there_before_decides() {
        let index = form("-- CreateIndex\nCREATE INDEX \"A_x_idx\" ON \"A\"(\"x\");\n");
        assert!(index.files.iter().any(|file| file.text.contains("CONCURRENTLY")), "{index:#?}");
        assert!(index.fixed.iter().any(|finding| finding.rule == "index-build"), "{index:#?}");
        // Nobody uses a table that is new.
        let new = form("CREATE TABLE \"B\" (\"x\" INT);\nCREATE INDEX \"B_x_idx\" ON \"B\"(\"x\");\n");
        assert!(new.files.is_empty(), "{new:#?}");
    }
}
