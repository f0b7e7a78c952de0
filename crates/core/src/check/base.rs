//! A migrations folder against the branch that it goes to: `migration-edited`, `migration-removed`,
//! `provider-changed`, and the order of folders, which [`crate::lint::order`] judges.
//!
//! What that branch has counts as applied: nobody can ask every database, and the next deploy of the branch
//! applies it. Two commits matter. What both branches have in common is what this one may have edited; what
//! the other one got since is what this one is merged with, and it counts for names and for the order.

use underpin_prisma::LockFile;

use crate::lint::finding::{Finding, Fix, Severity};
use crate::lint::lines::Lines;
use crate::lint::order::{self, Place, Standing};

/// What a migration here is, compared with a commit's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Against {
    /// The commit does not have it.
    Absent,
    /// The same, byte for byte.
    Same,
    /// The commit has it, and here it is another or gone.
    Other,
}

/// A migration of this folder or of the other branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compared {
    /// Its name.
    pub name: String,
    /// Its script, as findings name it, with `/`. It need not be there.
    pub path: String,
    /// Against what both branches have in common.
    pub common: Against,
    /// Against the other branch as it is now.
    pub theirs: Against,
    /// What the script says here; `None` when it is gone. Known where the commit's is another.
    pub text: Option<String>,
    /// What it says there. Known where ours is another.
    pub was: Option<String>,
    /// The new migration that says what this one said, which is gone.
    pub renamed_to: Option<String>,
    /// Whether it is in this folder.
    pub is_here: bool,
}

/// `migration_lock.toml`, where the commit in common has one and it is another here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockFiles {
    /// The file, as findings name it.
    pub path: String,
    /// Its text in that commit.
    pub was: String,
    /// Its text here; `None` when it is gone.
    pub text: Option<String>,
}

/// The other branch, with all migrations of both in Prisma's order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Base {
    /// What it is called: `origin/main`.
    pub revision: String,
    /// The commit in common, short.
    pub common: String,
    /// The migrations.
    pub migrations: Vec<Compared>,
    /// The lock file.
    pub lock_file: Option<LockFiles>,
    /// Where the commit in common has the migrations, from the top of the repository, when that is elsewhere. The
    /// ledger knows names alone, so a folder may move.
    pub moved_from: Option<String>,
}

impl Base {
    /// What was looked at: `2 new migrations since origin/main (3f2a91c0d), 41 as they were`.
    pub fn about(&self) -> String {
        let new = self.migrations.iter().filter(|one| one.standing() == Standing::New).count();
        let kept = self.migrations.iter().filter(|one| one.is_here && one.common == Against::Same).count();
        let new = match new {
            0 => "no new migration".to_owned(),
            1 => "1 new migration".to_owned(),
            more => format!("{more} new migrations"),
        };
        let moved = match self.moved_from.as_deref() {
            None => String::new(),
            Some("") => "; moved here from the top of the repository".to_owned(),
            Some(folder) => format!("; moved here from {folder}"),
        };
        format!("{new} since {} ({}), {kept} as they were{moved}", self.revision, self.common)
    }

    /// The command that brings back what the commit in common has.
    fn put_back(&self, one: &Compared) -> String {
        let Self { common, .. } = self;
        match self.moved_from.as_deref().map(|folder| format!("{folder}/{}/migration.sql", one.name)) {
            None => format!("git checkout {common} -- {}", one.path),
            Some(path) => format!("git show {common}:{} > {}", path.trim_start_matches('/'), one.path),
        }
    }

    /// Whether a migration came with this change.
    pub fn is_new(&self, name: &str) -> bool {
        self.migrations.iter().any(|one| one.name == name && one.common == Against::Absent)
    }

    /// What there is to say.
    pub fn judge(&self) -> Vec<Finding> {
        let mut found: Vec<Finding> = self.migrations.iter().filter_map(|one| self.kept(one)).collect();
        let folder: Vec<_> =
            self.migrations.iter().map(|one| Place { path: &one.path, standing: one.standing() }).collect();
        // Here it is known what databases get first, and a folder is renamed in a minute: it fails.
        found.extend(order::look(&folder).into_iter().map(|finding| match finding.rule.as_str() {
            "out-of-order" => Finding { severity: Severity::Danger, ..finding },
            _ => finding,
        }));
        found.extend(self.lock_file.as_ref().and_then(provider));
        found
    }

    fn kept(&self, one: &Compared) -> Option<Finding> {
        use Against::{Absent, Other, Same};
        match (one.is_here, one.common, one.theirs) {
            // It is new here, or as it was; what the other branch did with it is not this one's doing.
            (true, Same, _) | (true, Absent, Absent | Same) => None,
            (true, Absent, Other) => Some(self.twice(one)),
            // Both did the same.
            (true, Other, Same) | (false, Other, Absent) => None,
            (true, Other, Other | Absent) => Some(self.edited(one)),
            // The other branch got it since.
            (false, Absent | Same, _) => None,
            (false, Other, Same | Other) => Some(self.removed(one)),
        }
    }

    fn twice(&self, one: &Compared) -> Finding {
        let message = format!(
            "{} has got another migration called {} meanwhile: a database that has it applied never runs this one",
            self.revision, one.name
        );
        edited(one, message, "give this one a name of its own, with a time of now".to_owned())
    }

    fn edited(&self, one: &Compared) -> Finding {
        let Self { revision, common, .. } = self;
        let only_layout = match (&one.was, &one.text) {
            (Some(was), Some(text)) => underpin_sql::words(was) == underpin_sql::words(text),
            _ => false,
        };
        let how = match only_layout {
            true => "only comments or layout differ, but the checksum in the ledgers is of every byte",
            false => "a database that has it applied keeps what the old one did",
        };
        let message = format!(
            "{} is not what it was in {revision} ({common}): {how}, and `prisma migrate dev` asks to reset such a database",
            one.name
        );
        let advice =
            format!("put it back ({}), and write what is to change into a new migration", self.put_back(one));
        edited(one, message, advice)
    }

    fn removed(&self, one: &Compared) -> Finding {
        let Self { revision, common, .. } = self;
        let consequence = "`prisma migrate dev` asks to reset a database that has it applied";
        let message = match &one.renamed_to {
            Some(to) => format!(
                "{} of {revision} ({common}) is called {to} here: the name is the key in the ledger, so a database that \
                 has it applied runs it again, and {consequence}",
                one.name
            ),
            None => format!("{} of {revision} ({common}) is gone: {consequence}", one.name),
        };
        let advice = match &one.renamed_to {
            Some(_) => "give the folder its old name again".to_owned(),
            None => format!("put it back: {}", self.put_back(one)),
        };
        Finding {
            object: Some(one.name.clone()),
            fix: Some(Fix::advice(advice)),
            ..Finding::new("migration-removed", Severity::Danger, &one.path, message)
        }
    }
}

impl Compared {
    /// Whether a database can have it.
    pub fn standing(&self) -> Standing {
        match (self.is_here, self.common, self.theirs) {
            (true, Against::Absent, Against::Absent) => Standing::New,
            // Told as edited; it has to get another name anyway.
            (true, Against::Absent, Against::Other) => Standing::Unknown,
            (true | false, ..) => Standing::Old,
        }
    }
}

fn edited(one: &Compared, message: String, advice: String) -> Finding {
    let span = one.text.as_deref().zip(one.was.as_deref()).map(|(text, was)| {
        let line = first_other_line(text, was);
        Lines::of(text).span(line)
    });
    Finding {
        span,
        object: Some(one.name.clone()),
        fix: Some(Fix::advice(advice)),
        ..Finding::new("migration-edited", Severity::Danger, &one.path, message)
    }
}

/// The bytes of the first line of a text that is another than before, without its line feed; the last one
/// when lines are missing at the end.
fn first_other_line(text: &str, was: &str) -> std::ops::Range<usize> {
    let mut start = 0;
    let mut line = 0..0;
    let mut before = was.split_inclusive('\n');
    for here in text.split_inclusive('\n') {
        line = start..start + here.trim_end_matches(['\r', '\n']).len();
        if before.next() != Some(here) {
            return line;
        }
        start += here.len();
    }
    line
}

fn provider(lock: &LockFiles) -> Option<Finding> {
    let was = LockFile::parse(&lock.was);
    let Some(text) = &lock.text else {
        return Some(Finding {
            fix: Some(Fix::advice("put the file back")),
            ..Finding::new(
                "provider-changed",
                Severity::Caution,
                &lock.path,
                format!(
                    "the file is gone, which said that the history is for {}: Prisma no longer notices when somebody \
                     switches the provider",
                    was.provider()
                ),
            )
        });
    };
    let is = LockFile::parse(text);
    if is.provider() == was.provider() {
        return None;
    }
    let before = is.line().map_or(0, |line| line - 1);
    let start = text.split_inclusive('\n').take(before).map(str::len).sum::<usize>();
    let length = text[start..].lines().next().map_or(0, str::len);
    Some(Finding {
        span: Some(Lines::of(text).span(start..start + length)),
        fix: Some(Fix::advice(
            "put the provider back; a history for another database begins anew, in a folder of its own",
        )),
        ..Finding::new(
            "provider-changed",
            Severity::Blocker,
            &lock.path,
            format!(
                "the provider was {} and is {}: the migrations that are there were written for {0}, and Prisma refuses a \
                 history whose lock file and schema disagree (P3019)",
                was.provider(),
                is.provider()
            ),
        )
    })
}
