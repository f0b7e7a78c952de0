//! What the migrations before a document have made.
//!
//! A migration is judged behind its predecessors, hundreds of them, and nobody types in those. What they leave
//! is kept for each open document under a key that is made of their names and texts, so that nothing stale can
//! be taken for it: a predecessor that is open and edited makes another key.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use underpin_core::lint::cost::ASSUMED_ROWS;
use underpin_core::lint::{Carried, Linter};
use underpin_engine::files::{self, SCRIPT};
use underpin_engine::read_each;
use underpin_prisma::{FolderOrder, Script};

use super::setup::Setup;
use crate::judging::Judging;

/// Stands for everything that a judgement depends on.
pub(super) type Key = u64;

/// The migrations of a folder, as they are on disk, with what was carried along to open documents.
#[derive(Debug)]
pub(super) struct History {
    folder: PathBuf,
    /// Names with what their files look like from outside. None until somebody asks.
    on_disk: Option<BTreeMap<String, Stamp>>,
    /// By the name of the migration that stands behind it.
    kept: BTreeMap<String, (Key, Carried)>,
}

type Stamp = (Option<SystemTime>, u64);

/// Migrations of the folder that are open in the editor, by name: those are what the editor has, on disk or not.
pub(super) type Open<'a> = BTreeMap<&'a str, OpenText<'a>>;

/// The text of an open migration.
#[derive(Clone, Copy, Debug)]
pub(super) struct OpenText<'a> {
    pub(super) text: &'a str,
    /// Of the text.
    pub(super) key: Key,
}

/// A predecessor with the key of everything up to it, itself included.
struct Before<'a> {
    name: &'a str,
    open: Option<&'a str>,
    key: Key,
}

impl History {
    pub(super) fn of(folder: PathBuf) -> Self {
        Self { folder, on_disk: None, kept: BTreeMap::new() }
    }

    /// The folder is listed again before the next judgement.
    pub(super) fn look_again(&mut self) {
        self.on_disk = None;
    }

    /// What is kept for a migration that is no longer open.
    pub(super) fn forget(&mut self, name: &str) {
        self.kept.remove(name);
    }

    /// The names of all migrations, on disk or open.
    pub(super) fn names(&mut self, open: &Open<'_>) -> Vec<String> {
        let on_disk = self.on_disk.get_or_insert_with(|| listed(&self.folder));
        let new = open.keys().filter(|name| !on_disk.contains_key(**name)).map(|name| (*name).to_owned());
        let mut names: Vec<String> = on_disk.keys().cloned().collect();
        names.extend(new);
        names
    }

    /// Everything before a migration as one key.
    pub(super) fn key_before(&mut self, name: &str, open: &Open<'_>, setup: &Setup) -> Key {
        let on_disk = self.on_disk.get_or_insert_with(|| listed(&self.folder));
        let start = start(setup);
        before(on_disk, name, open, setup, start).last().map_or(start, |last| last.key)
    }

    /// What the migrations before one leave to it.
    pub(super) fn carried_to(&mut self, name: &str, open: &Open<'_>, setup: &Setup) -> Carried {
        let on_disk = self.on_disk.get_or_insert_with(|| listed(&self.folder));
        let start = start(setup);
        let before = before(on_disk, name, open, setup, start);
        // The longest beginning that somebody has gone through already.
        let keys: Vec<Key> = std::iter::once(start).chain(before.iter().map(|one| one.key)).collect();
        let kept = |key: Key| self.kept.values().find(|(kept, _)| *kept == key).map(|(_, carried)| carried);
        let known = (0..keys.len()).rev().find_map(|count| Some((count, kept(keys[count])?)));
        let around = setup.judging.circumstances(&setup.settings.lint, true, false, ASSUMED_ROWS);
        let (gone_through, mut linter) = match known {
            Some((count, carried)) => (count, Linter::behind(around, carried.clone())),
            None => (0, Linter::new(around)),
        };
        let text = |one| text(&self.folder, one);
        let texts: Vec<Script> = before[gone_through..].iter().filter_map(text).collect();
        let texts: Vec<&str> = texts.iter().map(Script::text).collect();
        read_each(&texts, |_, read| linter.pass(&read));
        let carried = linter.carried().clone();
        let key = before.last().map_or(start, |last| last.key);
        self.kept.insert(name.to_owned(), (key, carried.clone()));
        carried
    }
}

/// None when the file has gone since the folder was listed.
fn text(folder: &Path, one: &Before<'_>) -> Option<Script> {
    match one.open {
        Some(text) => Some(Script::from_bytes(text.as_bytes())),
        None => Some(Script::from_bytes(&std::fs::read(folder.join(one.name).join(SCRIPT)).ok()?)),
    }
}

/// The migrations before one, in order.
fn before<'a>(
    on_disk: &'a BTreeMap<String, Stamp>,
    name: &'a str,
    open: &Open<'a>,
    setup: &Setup,
    start: Key,
) -> Vec<Before<'a>> {
    let open_ones = open.keys().copied().filter(|open| !on_disk.contains_key(*open));
    let mut names: Vec<&str> = on_disk.keys().map(String::as_str).chain(open_ones).collect();
    if !names.contains(&name) {
        names.push(name);
    }
    FolderOrder::of(setup.prisma).sort(&mut names, |name| name);
    let mut key = start;
    let predecessors = names.into_iter().take_while(|one| *one != name);
    predecessors
        .map(|name| {
            let open = open.get(name);
            let text_key = open.map(|open| open.key);
            key = key_of(&(key, name, text_key, on_disk.get(name).filter(|_| open.is_none())));
            Before { name, open: open.map(|open| open.text), key }
        })
        .collect()
}

/// What the first migration finds.
fn start(setup: &Setup) -> Key {
    let Judging { stats, server, namespace, session, .. } = &setup.judging;
    let time_zone = stats.session.as_ref().map(|session| &session.time_zone);
    let given: Vec<_> =
        session.now.iter().map(|(name, setting)| (name, format!("{:?}", setting.value))).collect();
    key_of(&(server, namespace, time_zone, given))
}

/// A key of something. Keys do not outlive the process.
pub(super) fn key_of(of: &impl Hash) -> Key {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}

/// What is there; nothing where the folder is not there yet, or may not be read.
fn listed(folder: &Path) -> BTreeMap<String, Stamp> {
    let names = files::names(folder).unwrap_or_default();
    let stamp = |name: &str| {
        let about = std::fs::metadata(folder.join(name).join(SCRIPT)).ok()?;
        Some((about.modified().ok(), about.len()))
    };
    names.into_iter().filter_map(|name| Some((name.clone(), stamp(&name)?))).collect()
}
