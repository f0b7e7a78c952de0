//! The data directory of a stopped cluster as one file.
//!
//! One file appears and goes in one step, and its hash tells when a machine that went down has left half of
//! it. It is compressed, to a fifth or less: most of a cluster are catalogs, and most of a catalog is alike. What
//! a server does without is left out, which is more than half of it: segments of the write-ahead log that nobody
//! reads any more, and the maps of free and of visible rows, which are hints and are made anew when they are missed.
//!
//! The file is a line that names the format, the SHA-256 of the rest, and the rest: a record for each folder
//! and file, folders before what is in them.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Component, Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::ShadowError;
use crate::account::Account;
use crate::control::ControlFile;
use crate::files::{create_private, in_parallel};

/// Names the format. Another one is not read.
const MAGIC: &[u8] = b"underpin cluster 1\n";

const HASH_BYTES: usize = 32;

const FOLDER: u8 = 0;
const FILE: u8 = 1;

/// What a stopped server has left for its next start to look at, and which is about that server alone.
const OF_THE_SERVER: &[&str] = &["postmaster.pid", "postmaster.opts"];

/// How the files of the two maps end.
const MAPS: &[&str] = &["_fsm", "_vm"];

/// The folder of the write-ahead log, and how long the names of its segments are.
const LOG: &str = "pg_wal";
const SEGMENT_NAME_BYTES: usize = 24;

/// Writes the data directory of a server that was shut down to a new file.
///
/// # Errors
/// When the server was not shut down, so that its last transactions may be missing in the files; when there
/// is something else than folders and files, or more than `bytes_max` of it, which are all in memory for a
/// moment; and those of reading and writing.
pub(crate) fn write(data: &Path, to: &Path, bytes_max: u64) -> Result<(), ShadowError> {
    let control = ControlFile::of(data)?;
    if !control.is_shut_down() {
        return Err(ShadowError::NotShutDown);
    }
    let mut folders = Vec::new();
    let mut files = Vec::new();
    list(data, Path::new(""), &mut folders, &mut files)?;
    let segments = control.segments_needed();
    files.retain(|path| is_needed(path, &segments));
    let bytes: u64 = files.iter().filter_map(|path| Some(fs::metadata(data.join(path)).ok()?.len())).sum();
    if bytes > bytes_max {
        let source = std::io::Error::other(format!("it has {bytes} bytes"));
        return Err(ShadowError::io("keep", data)(source));
    }
    let records = in_parallel(&files, |path| {
        let full = data.join(path);
        let content = fs::read(&full).map_err(ShadowError::io("read", &full))?;
        Ok(record(FILE, path, content.len(), &lz4_flex::block::compress(&content)))
    })?;
    let records: Vec<Vec<u8>> =
        folders.iter().map(|path| record(FOLDER, path, 0, &[])).chain(records).collect();
    let mut hash = Sha256::new();
    for record in &records {
        hash.update(record);
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(to)
        .map_err(ShadowError::io("create", to))?;
    let write = |file: &mut File| {
        file.write_all(MAGIC)?;
        file.write_all(&hash.finalize())?;
        records.iter().try_for_each(|record| file.write_all(record))
    };
    write(&mut file).map_err(ShadowError::io("write", to))
}

/// Whether the next server wants a file of this path.
fn is_needed(path: &Path, segments: &[String]) -> bool {
    let (folder, name) = (path.parent(), path.file_name().unwrap_or_default().to_string_lossy());
    if folder == Some(Path::new("")) {
        return !OF_THE_SERVER.contains(&&*name);
    }
    if folder == Some(Path::new(LOG)) {
        return name.len() != SEGMENT_NAME_BYTES || segments.iter().any(|segment| *segment == name);
    }
    !MAPS.iter().any(|map| name.ends_with(map))
}

fn list(
    data: &Path,
    folder: &Path,
    folders: &mut Vec<PathBuf>,
    files: &mut Vec<PathBuf>,
) -> Result<(), ShadowError> {
    let full = data.join(folder);
    for entry in fs::read_dir(&full).map_err(ShadowError::io("read", &full))? {
        let entry = entry.map_err(ShadowError::io("read", &full))?;
        let path = folder.join(entry.file_name());
        let kind = entry.file_type().map_err(ShadowError::io("read", &full))?;
        if kind.is_dir() {
            folders.push(path.clone());
            list(data, &path, folders, files)?;
        } else if kind.is_file() {
            files.push(path);
        } else {
            // A tablespace: what is behind the link does not lie in the data directory.
            let source = std::io::Error::other("it is neither a folder nor a file");
            return Err(ShadowError::io("keep", &data.join(path))(source));
        }
    }
    Ok(())
}

/// Kind, length of the path, path, length of the content, length of the packed content, packed content. Bounded
/// by what a path and a segment of a relation (1 GB) can be.
fn record(kind: u8, path: &Path, length: usize, packed: &[u8]) -> Vec<u8> {
    let path = path.as_os_str().as_encoded_bytes();
    let mut record = Vec::with_capacity(13 + path.len() + packed.len());
    record.push(kind);
    for number in [path.len(), length, packed.len()] {
        record.extend(u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes());
    }
    record.extend(path);
    record.extend(packed);
    record
}

/// A packed cluster that is as it was written.
#[derive(Debug)]
pub(crate) struct Pack {
    content: Vec<u8>,
}

impl Pack {
    /// Reads a packed cluster; `None` when it is not there, or not whole, or of another format.
    pub(crate) fn read(path: &Path) -> Option<Self> {
        let mut content = Vec::new();
        File::open(path).ok()?.read_to_end(&mut content).ok()?;
        let (hash, rest) = content.strip_prefix(MAGIC)?.split_at_checked(HASH_BYTES)?;
        (Sha256::digest(rest).as_slice() == hash).then_some(Self { content })
    }

    /// Unpacks it into a folder that does not exist yet, for the server's account alone.
    pub(crate) fn unpack(&self, to: &Path, account: &Account) -> Result<(), ShadowError> {
        create_private(to)?;
        account.give(to)?;
        let mut files = Vec::new();
        let mut rest = &self.content[MAGIC.len() + HASH_BYTES..];
        while !rest.is_empty() {
            let entry = Entry::take(&mut rest).ok_or_else(|| broken(to))?;
            let path = to.join(entry.path);
            if entry.kind == FOLDER {
                create_private(&path)?;
                account.give(&path)?;
            } else {
                files.push((path, entry));
            }
        }
        in_parallel(&files, |(path, entry)| {
            let content =
                lz4_flex::block::decompress(entry.packed, entry.length).map_err(|_| broken(path))?;
            let mut file = OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(path)
                .map_err(ShadowError::io("create", path))?;
            file.write_all(&content)
                .and_then(|()| account.give_open(&file))
                .map_err(ShadowError::io("write", path))
        })
        .map(drop)
    }
}

fn broken(path: &Path) -> ShadowError {
    ShadowError::io("unpack", path)(std::io::Error::other("what was kept cannot be read"))
}

struct Entry<'a> {
    kind: u8,
    path: &'a Path,
    length: usize,
    packed: &'a [u8],
}

impl<'a> Entry<'a> {
    /// The next record; `None` when it is none, or leads out of the folder.
    fn take(rest: &mut &'a [u8]) -> Option<Self> {
        let (head, after) = rest.split_at_checked(13)?;
        let number = |at: usize| {
            let bytes = head.get(at..at + 4)?.try_into().ok()?;
            usize::try_from(u32::from_le_bytes(bytes)).ok()
        };
        let (path, after) = after.split_at_checked(number(1)?)?;
        let (packed, after) = after.split_at_checked(number(9)?)?;
        *rest = after;
        let path = Path::new(std::str::from_utf8(path).ok()?);
        let stays_inside = path.components().all(|part| matches!(part, Component::Normal(_)));
        stays_inside.then_some(Self { kind: head[0], path, length: number(5)?, packed })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// A control file with this state, of a cluster whose last checkpoint is in the second segment.
    fn shut_down(state: u8) -> Vec<u8> {
        let mut control = vec![0; 8192];
        (control[16], control[34], control[48]) = (state, 0x10, 1);
        control
    }

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        fs::create_dir_all(data.join("global")).unwrap();
        fs::create_dir_all(data.join("base/5/empty")).unwrap();
        fs::create_dir_all(data.join("pg_wal/archive_status")).unwrap();
        fs::write(data.join("global/pg_control"), shut_down(1)).unwrap();
        fs::write(data.join("pg_wal/000000010000000000000001"), "the last checkpoint").unwrap();
        fs::write(data.join("pg_wal/000000010000000000000002"), "of no use").unwrap();
        fs::write(data.join("base/5/1259"), [7; 100_000]).unwrap();
        fs::write(data.join("base/5/1259_fsm"), [0; 100_000]).unwrap();
        fs::write(data.join("base/5/1259_init"), "what an unlogged table begins with").unwrap();
        fs::write(data.join("base/5/2619"), []).unwrap();
        fs::write(data.join("postmaster.opts"), "postgres").unwrap();
        folder
    }

    #[test]
    fn comes_back_as_it_was() {
        let folder = folder();
        let (data, kept, back) =
            (folder.path().join("data"), folder.path().join("kept"), folder.path().join("back"));
        write(&data, &kept, u64::MAX).unwrap();
        assert!(fs::metadata(&kept).unwrap().len() < 2_000);
        Pack::read(&kept).unwrap().unpack(&back, &Account::of_server().unwrap()).unwrap();
        assert_eq!(fs::read(back.join("base/5/1259")).unwrap(), [7; 100_000]);
        assert!(fs::read(back.join("base/5/2619")).unwrap().is_empty());
        assert!(back.join("base/5/empty").is_dir() && !back.join("postmaster.opts").exists());
        assert_eq!(names(&back.join("base/5")), ["1259", "1259_init", "2619", "empty"]);
        assert_eq!(names(&back.join("pg_wal")), ["000000010000000000000001", "archive_status"]);
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_running_or_killed_server_is_not_written() {
        let folder = folder();
        let (data, kept) = (folder.path().join("data"), folder.path().join("kept"));
        fs::write(data.join("global/pg_control"), shut_down(6)).unwrap();
        assert!(matches!(write(&data, &kept, u64::MAX), Err(ShadowError::NotShutDown)));
        assert!(!kept.exists());
    }

    #[test]
    fn what_is_too_large_is_not_written() {
        let folder = folder();
        let (data, kept) = (folder.path().join("data"), folder.path().join("kept"));
        assert!(write(&data, &kept, 100_000).is_err() && !kept.exists());
        write(&data, &kept, 120_000).unwrap();
    }

    #[test]
    fn every_cut_and_every_changed_byte_is_found() {
        let folder = folder();
        let (data, kept) = (folder.path().join("data"), folder.path().join("kept"));
        write(&data, &kept, u64::MAX).unwrap();
        let whole = fs::read(&kept).unwrap();
        for at in (0..whole.len()).step_by(7) {
            fs::write(&kept, &whole[..at]).unwrap();
            assert!(Pack::read(&kept).is_none(), "cut at {at}");
            let mut changed = whole.clone();
            changed[at] ^= 0x10;
            fs::write(&kept, changed).unwrap();
            assert!(Pack::read(&kept).is_none(), "changed at {at}");
        }
        assert!(Pack::read(&folder.path().join("absent")).is_none());
    }

    #[test]
    fn no_record_leads_out_of_the_folder() {
        let folder = folder();
        let kept = folder.path().join("kept");
        let rest = record(FILE, Path::new("../out"), 0, &lz4_flex::block::compress(&[]));
        let content = [MAGIC, &Sha256::digest(&rest), &rest].concat();
        fs::write(&kept, content).unwrap();
        let pack = Pack::read(&kept).unwrap();
        assert!(pack.unpack(&folder.path().join("back"), &Account::of_server().unwrap()).is_err());
        assert!(!folder.path().join("out").exists());
    }
}
