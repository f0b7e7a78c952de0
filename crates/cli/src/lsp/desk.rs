//! The documents that are open, and what is found in them.
//!
//! Nothing is judged twice: a document's report is kept with the key of its text, of its predecessors and of the
//! settings, and made again when one of them is another.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use underpin_core::lint::baseline::Scope;
use underpin_core::lint::cost::ASSUMED_ROWS;
use underpin_core::lint::fix::{SafeForm, Unapplied, safe_form};
use underpin_core::lint::report::{FileReport, Report};
use underpin_core::lint::suppress::Known;
use underpin_core::lint::weigh::{Weights, weigh};
use underpin_core::lint::{Linter, Source, idle_rules, pages};
use underpin_engine::files::{history_of, seen_from};
use underpin_prisma::{FolderOrder, PrismaVersion};

use super::history::{History, Key, Open, OpenText, key_of};
use super::protocol::{Change, Opened};
use super::settings::{self, Wrong};
use super::setup::Setup;
use super::{position, uri};
use crate::arguments::Migrations;

/// Larger documents are not judged while somebody types in them: it takes a second or more each time.
pub(super) const BYTES_MAX: usize = 2 << 20;

/// All open documents.
#[derive(Debug)]
pub(super) struct Desk {
    typed: Migrations,
    documents: BTreeMap<String, Document>,
    /// By folder.
    setups: BTreeMap<PathBuf, Setup>,
    histories: BTreeMap<PathBuf, History>,
    /// Counts how often the disk was looked at again.
    looks: u64,
}

/// An open document.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) text: String,
    pub(super) version: i64,
    place: Place,
    /// Of the text.
    key: Key,
    judged: Option<Judged>,
}

/// Where a document belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    /// It is a migration of a migrations folder.
    Migration { folder: PathBuf, name: String },
    /// It stands for itself, in a folder.
    Alone { folder: PathBuf },
    /// It is `underpin.toml`.
    Settings { folder: PathBuf },
}

#[derive(Debug)]
struct Judged {
    key: Key,
    found: Found,
}

/// What is found in a document.
#[derive(Debug)]
pub(super) enum Found {
    Report {
        file: FileReport,
        prisma: Option<PrismaVersion>,
    },
    /// It is settings, and this is wrong with them.
    Settings(Vec<Wrong>),
    /// It is larger than [`BYTES_MAX`].
    TooLarge,
}

impl Desk {
    pub(super) fn new(typed: Migrations) -> Self {
        Self {
            typed,
            documents: BTreeMap::new(),
            setups: BTreeMap::new(),
            histories: BTreeMap::new(),
            looks: 0,
        }
    }

    /// Takes a document, unless it is none of ours: editors open everything.
    pub(super) fn open(&mut self, opened: Opened) {
        let Opened { uri, language_id, version, text } = opened;
        let path = uri::path(&uri);
        let place = Place::of(path.as_deref());
        if !place.is_settings() && !is_sql(path.as_deref(), &language_id) {
            return;
        }
        let key = key_of(&text);
        self.look_again();
        self.documents.insert(uri, Document { text, version, place, key, judged: None });
    }

    /// Edits a document; false when it is none that is open.
    pub(super) fn change(&mut self, uri: &str, version: i64, changes: &[Change]) -> bool {
        let Some(document) = self.documents.get_mut(uri) else { return false };
        for change in changes {
            position::edit(&mut document.text, change.range, &change.text);
        }
        document.version = version;
        document.key = key_of(&document.text);
        true
    }

    /// Forgets a document; false when it was none that was open.
    pub(super) fn close(&mut self, uri: &str) -> bool {
        let Some(document) = self.documents.remove(uri) else { return false };
        if let Place::Migration { folder, name } = &document.place {
            if let Some(history) = self.histories.get_mut(folder) {
                history.forget(name);
            }
            // A migration that was edited and not saved is again what is on disk.
            if !self.documents.values().any(|other| other.place.folder() == folder) {
                self.histories.remove(folder);
            }
        }
        let in_use: BTreeSet<&Path> = self.documents.values().map(|other| other.place.folder()).collect();
        self.setups.retain(|folder, _| in_use.contains(folder.as_path()));
        true
    }

    /// Something on disk may have changed.
    pub(super) fn look_again(&mut self) {
        self.looks += 1;
        self.setups.clear();
        self.histories.values_mut().for_each(History::look_again);
    }

    pub(super) fn document(&self, uri: &str) -> Option<&Document> {
        self.documents.get(uri)
    }

    /// Judges each document of which something is not as it was, and answers which those are.
    pub(super) fn judge(&mut self) -> Vec<String> {
        let Self { typed, documents, setups, histories, looks } = self;
        for document in documents.values().filter(|document| !document.place.is_settings()) {
            let folder = document.place.folder();
            if !setups.contains_key(folder) {
                setups.insert(folder.to_owned(), Setup::find(folder, typed));
            }
        }
        let mut judged = Vec::new();
        for (uri, document) in documents.iter() {
            if document.place.is_settings() {
                if !document.is_judged(document.key) {
                    let found = Found::Settings(settings::wrong(&document.text));
                    judged.push((uri.clone(), Judged { key: document.key, found }));
                }
                continue;
            }
            let setup = &setups[document.place.folder()];
            let own = key_of(&(document.key, *looks));
            let (key, found) = match &document.place {
                Place::Alone { .. } if document.is_judged(own) => continue,
                Place::Alone { .. } | Place::Settings { .. } => (own, document.judge(uri, setup, None)),
                Place::Migration { folder, name } => {
                    let history =
                        histories.entry(folder.clone()).or_insert_with(|| History::of(folder.clone()));
                    let open = open_in(documents, folder);
                    let key = key_of(&(own, history.key_before(name, &open, setup)));
                    if document.is_judged(key) {
                        continue;
                    }
                    (key, document.judge(uri, setup, Some((history, name, &open))))
                }
            };
            judged.push((uri.clone(), Judged { key, found }));
        }
        let uris = judged.iter().map(|(uri, _)| uri.clone()).collect();
        for (uri, new) in judged {
            if let Some(document) = documents.get_mut(&uri) {
                document.judged = Some(new);
            }
        }
        uris
    }

    /// The safe form of what is found in a statement of an open migration, counted from 1: the whole migration, in as
    /// many files as it takes. `None` when there is none, or nothing tells what the migration stands behind.
    pub(super) fn safe_form(&mut self, uri: &str, statement: usize) -> Option<SafeForm> {
        let Self { documents, setups, histories, .. } = self;
        let document = documents.get(uri)?;
        let Place::Migration { folder, name } = &document.place else { return None };
        let Some(Found::Report { file, prisma }) = document.found() else { return None };
        let (setup, history) = (setups.get(folder)?, histories.get_mut(folder)?);
        let open = open_in(documents, folder);
        let around = setup.judging.circumstances(&setup.settings.lint, true, false, ASSUMED_ROWS);
        let before = Linter::behind(around, history.carried_to(name, &open, setup)).before_next();
        // Nothing else is changed than what somebody pointed at.
        let mut report = file.clone();
        report.findings.retain(|finding| {
            let has_form = finding.fix.as_ref().is_some_and(|fix| !fix.statements.is_empty());
            finding.suppressed.is_some() || finding.statement == Some(statement) && has_form
        });
        let form = safe_form(&Unapplied {
            folder: name,
            folders: &history.names(&open),
            order: FolderOrder::of(*prisma),
            text: &document.text,
            statements: &underpin_sql::read(&document.text).ok()?,
            before: &before,
            report: &report,
        });
        (!form.files.is_empty()).then_some(form)
    }

    /// What could not be used of settings and the like.
    pub(super) fn warnings(&self) -> BTreeSet<&str> {
        self.setups.values().flat_map(|setup| &setup.warnings).map(String::as_str).collect()
    }
}

impl Document {
    /// None before it was judged for the first time.
    pub(super) fn found(&self) -> Option<&Found> {
        self.judged.as_ref().map(|judged| &judged.found)
    }

    fn is_judged(&self, key: Key) -> bool {
        self.judged.as_ref().is_some_and(|judged| judged.key == key)
    }

    fn judge(&self, uri: &str, setup: &Setup, behind: Option<(&mut History, &str, &Open<'_>)>) -> Found {
        if self.text.len() > BYTES_MAX {
            return Found::TooLarge;
        }
        let path = uri::path(uri);
        let shown = path.as_ref().map_or_else(|| uri.to_owned(), |path| seen_from(&setup.root, path));
        let settings = &setup.settings.lint;
        let around = setup.judging.circumstances(settings, behind.is_some(), false, ASSUMED_ROWS);
        let mut linter = match behind {
            None => Linter::new(around),
            Some((history, name, open)) => Linter::behind(around, history.carried_to(name, open, setup)),
        };
        if let Some(path) = &path {
            linter.deployed(setup.judging.deployed_before(path));
        }
        let read = underpin_sql::read_to_judge(&self.text);
        let file = linter.judge(&Source { path: &shown, text: &self.text, read });
        Found::Report { file: self.weighed(file, setup), prisma: setup.prisma }
    }

    fn weighed(&self, file: FileReport, setup: &Setup) -> FileReport {
        let settings = &setup.settings.lint;
        let names: Vec<&str> = pages().map(|page| page.name).collect();
        let idle: Vec<&str> = idle_rules(&settings.groups).collect();
        let mut report = Report { files: vec![file] };
        let weights = Weights {
            settings,
            known: Known { rules: &names, idle: &idle },
            baseline: &setup.baseline,
            scope: Scope::Part,
            today: jiff::Zoned::now().date(),
            // Paths of reports are from the folder of the settings already.
            rooted: &str::to_owned,
        };
        // What is stale in the settings is for lint to tell, which sees all files.
        let _ = weigh(&mut report, &weights, &|_| Some(self.text.as_str()));
        report.files.remove(0)
    }
}

impl Place {
    fn of(path: Option<&Path>) -> Self {
        let Some(path) = path else { return Self::Alone { folder: PathBuf::from("/") } };
        if path.file_name() == Some(OsStr::new("underpin.toml")) {
            return Self::Settings { folder: path.parent().unwrap_or(path).to_owned() };
        }
        let name = path.parent().and_then(Path::file_name).and_then(OsStr::to_str);
        match (history_of(path), name) {
            (Some(folder), Some(name)) => Self::Migration { folder, name: name.to_owned() },
            _ => Self::Alone { folder: path.parent().unwrap_or(path).to_owned() },
        }
    }

    fn folder(&self) -> &Path {
        match self {
            Self::Migration { folder, .. } | Self::Alone { folder } | Self::Settings { folder } => folder,
        }
    }

    fn is_settings(&self) -> bool {
        matches!(self, Self::Settings { .. })
    }
}

/// The open migrations of a folder.
fn open_in<'a>(documents: &'a BTreeMap<String, Document>, folder: &Path) -> Open<'a> {
    let migrations = documents.values().filter_map(|document| match &document.place {
        Place::Migration { folder: its, name } if its == folder => {
            Some((name.as_str(), OpenText { text: &document.text, key: document.key }))
        }
        Place::Migration { .. } | Place::Alone { .. } | Place::Settings { .. } => None,
    });
    migrations.collect()
}

/// By the name of the file, else by what the editor takes it for: `sql`, `postgresql`, `pgsql`.
fn is_sql(path: Option<&Path>, language: &str) -> bool {
    let extension = path.and_then(Path::extension);
    let language = language.to_ascii_lowercase();
    extension.is_some_and(|extension| extension.eq_ignore_ascii_case("sql"))
        || language.contains("sql")
        || language.contains("postgres")
}
