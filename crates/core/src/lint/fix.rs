//! The safe form of a migration that is applied nowhere yet: the same file with its statements in forms that
//! keep nobody waiting, and what must stand alone in migrations of its own behind it.
//!
//! What comes out is for Prisma, all versions of it: one message for the file up to 7.3, one for each
//! statement since. So `CONCURRENTLY` is alone in its file, nothing is `SET LOCAL` outside a transaction,
//! `NOT VALID` and `VALIDATE` are in different files, and what one statement did at once stands between
//! `BEGIN` and `COMMIT`. Each file says its settings itself and takes them back, because it may be applied
//! alone.
//!
//! Decided here: which findings have a form that can be written ([`choose`]), which statements may change
//! places ([`order`]), what goes into which file ([`arrange`]), and what the files are called ([`folders`]).
//! What is not touched keeps its bytes and its comments ([`chunk`]). Whether the files end in the same
//! catalog is not decided here: the engine proves it on a server.

mod ahead;
mod arrange;
mod choose;
mod chunk;
mod folders;
mod order;
mod part;
mod settings;
mod write;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;

use underpin_prisma::FolderOrder;
use underpin_sql::sending::{Sender, sending, stands_alone};
use underpin_sql::{Statement, Surroundings};

pub use self::ahead::{Ahead, ahead};
use self::choose::choose;
use super::finding::Finding;
use super::report::FileReport;

/// A migration that is applied nowhere yet.
#[derive(Debug)]
pub struct Unapplied<'a> {
    /// The name of its folder.
    pub folder: &'a str,
    /// The names of all folders of the history, its own among them.
    pub folders: &'a [String],
    /// How Prisma puts them in order.
    pub order: FolderOrder,
    /// Its text.
    pub text: &'a str,
    /// Its statements.
    pub statements: &'a [Statement],
    /// The database before it.
    pub before: &'a Surroundings,
    /// What lint says about it. Suppressed findings are left alone.
    pub report: &'a FileReport,
}

/// A file to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewFile {
    /// The folder of its migration. The first one is the folder that the migration had.
    pub folder: String,
    /// The text of its `migration.sql`.
    pub text: String,
}

/// What became of a migration.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SafeForm {
    /// The files in the order in which they are applied. Empty when there is nothing to write.
    pub files: Vec<NewFile>,
    /// The findings that this does away with.
    pub fixed: Vec<Finding>,
    /// The others.
    pub left: Vec<Left>,
}

/// A finding that stays.
#[derive(Clone, Debug, PartialEq)]
pub struct Left {
    /// The finding.
    pub finding: Finding,
    /// Why, as a sentence without its full stop.
    pub why: String,
}

/// The safe form of a migration.
pub fn safe_form(file: &Unapplied<'_>) -> SafeForm {
    let chosen = choose(file);
    let mut form = SafeForm { files: Vec::new(), fixed: chosen.fixed.clone(), left: chosen.left.clone() };
    if form.fixed.is_empty() {
        return form;
    }
    match written(file, &chosen) {
        Ok(files) => form.files = files,
        Err(why) => form.leave_all(&why),
    }
    form
}

impl SafeForm {
    /// Nothing is written after all, and this is why.
    pub fn leave_all(&mut self, why: &str) {
        self.files.clear();
        let fixed = std::mem::take(&mut self.fixed);
        self.left.extend(fixed.into_iter().map(|finding| Left { finding, why: why.to_owned() }));
    }

    /// Findings of the new files that there must not be: lint tells of a fixed object what it told before, and
    /// as surely. `again` is what it says about the new files. What was hidden behind a surer finding and is
    /// told with less confidence now did not come back: it is told for the new files as for anybody's.
    pub fn comes_back<'f>(&self, again: impl IntoIterator<Item = &'f Finding>) -> Option<&'f Finding> {
        let same = |a: &Finding, b: &Finding| a.rule == b.rule && a.object == b.object;
        again.into_iter().find(|finding| {
            finding.suppressed.is_none()
                && self
                    .fixed
                    .iter()
                    .any(|fixed| same(fixed, finding) && finding.confidence >= fixed.confidence)
                && !self.left.iter().any(|left| same(&left.finding, finding))
        })
    }
}

fn written(file: &Unapplied<'_>, chosen: &choose::Chosen) -> Result<Vec<NewFile>, String> {
    let settings = settings::Settings::of(file);
    let parts = part::parts(file, chosen, &settings)?;
    let arranged = arrange::arrange(&parts, chosen.keeps_work_from_locks);
    let chunks = chunk::chunks(file.text, file.statements);
    let texts = write::write(file, &parts, &arranged, &chunks, &settings)?;
    for text in &texts {
        refuse_invalid(text)?;
    }
    let folders = folders::folders(file.folder, file.folders, file.order, texts.len())?;
    Ok(folders.into_iter().zip(texts).map(|(folder, text)| NewFile { folder, text }).collect())
}

/// What we write has to be right for every sender. It is read again like anybody's file: a slip here must
/// not reach a database.
fn refuse_invalid(text: &str) -> Result<(), String> {
    let statements = underpin_sql::read(text)
        .map_err(|error| format!("the safe form cannot be written so that it can be read again ({error})"))?;
    for sender in [Sender::PrismaWhole, Sender::PrismaSplit] {
        let sending = sending(text, &statements, sender);
        let open =
            sending.transactions.last().is_some_and(|last| last.end == underpin_sql::sending::End::LeftOpen);
        if open {
            return Err("the file leaves a transaction open; end it with COMMIT".to_owned());
        }
        let in_block = statements
            .iter()
            .zip(&sending.statements)
            .find(|(statement, standing)| stands_alone(statement) && standing.block.is_block());
        if let Some((statement, _)) = in_block {
            return Err(format!(
                "line {}: PostgreSQL refuses it in a transaction (25001), and it stands in one",
                statement.line
            ));
        }
        let in_force = underpin_sql::in_force::in_force(
            &statements,
            &sending,
            &underpin_sql::in_force::Session::default(),
        );
        if let Some(lost) = in_force.without_effect.first() {
            return Err(format!("{} is set for a transaction that there is not", lost.name));
        }
    }
    Ok(())
}
