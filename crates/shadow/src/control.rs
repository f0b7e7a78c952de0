//! What the control file of a cluster tells about it while no server runs on it.
//!
//! The places are those of `pg_control.h`, the same on PostgreSQL 13 to 18, and the bytes the machine's own, as
//! the server writes them.

use std::fs;
use std::path::Path;

use crate::ShadowError;
use crate::template::WAL_SEGMENT_BYTES;

/// `DB_SHUTDOWNED`, and where the state stands.
const SHUT_DOWN: u32 = 1;
const STATE_AT: usize = 16;

/// Where the last checkpoint's record is in the log, and of which timeline.
const CHECKPOINT_AT: usize = 32;
const TIMELINE_AT: usize = 48;

/// A checkpoint's record takes 114 bytes, and may go on in the next segment.
const RECORD_BYTES_MAX: u64 = 8192;

/// The control file of a cluster.
pub(crate) struct ControlFile(Vec<u8>);

impl ControlFile {
    /// Reads it.
    pub(crate) fn of(data: &Path) -> Result<Self, ShadowError> {
        let path = data.join("global/pg_control");
        fs::read(&path).map(Self).map_err(ShadowError::io("read", &path))
    }

    /// Whether the server was shut down: all that it has done is in the files.
    pub(crate) fn is_shut_down(&self) -> bool {
        self.bytes(STATE_AT).map(u32::from_ne_bytes) == Some(SHUT_DOWN)
    }

    /// The segments of the write-ahead log that the next start of a server reads that was shut down: those of
    /// the last checkpoint. The others are there to be used again, or to be archived.
    pub(crate) fn segments_needed(&self) -> Vec<String> {
        let at = (
            self.bytes(CHECKPOINT_AT).map(u64::from_ne_bytes),
            self.bytes(TIMELINE_AT).map(u32::from_ne_bytes),
        );
        let (Some(begin), Some(timeline)) = at else { return Vec::new() };
        let segment_of = |place: u64| place / WAL_SEGMENT_BYTES;
        let with_one_number = (1 << 32) / WAL_SEGMENT_BYTES;
        let name = |segment: u64| {
            format!("{timeline:08X}{:08X}{:08X}", segment / with_one_number, segment % with_one_number)
        };
        (segment_of(begin)..=segment_of(begin.saturating_add(RECORD_BYTES_MAX))).map(name).collect()
    }

    fn bytes<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        self.0.get(at..at + N)?.try_into().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(checkpoint: u64) -> ControlFile {
        let mut content = vec![0; 8192];
        content[STATE_AT] = 1;
        content[CHECKPOINT_AT..CHECKPOINT_AT + 8].copy_from_slice(&checkpoint.to_ne_bytes());
        content[TIMELINE_AT..TIMELINE_AT + 4].copy_from_slice(&1_u32.to_ne_bytes());
        ControlFile(content)
    }

    #[test]
    fn the_segments_of_the_last_checkpoint() {
        assert_eq!(at(0xA0_00F8).segments_needed(), ["00000001000000000000000A"]);
        assert_eq!(at(0xAF_FFF8).segments_needed(), ["00000001000000000000000A", "00000001000000000000000B"]);
        assert_eq!(
            at(0x1_FFFF_FFF8).segments_needed(),
            ["000000010000000100000FFF", "000000010000000200000000"]
        );
        assert!(ControlFile(Vec::new()).segments_needed().is_empty());
    }

    #[test]
    fn a_server_that_runs_or_was_killed_was_not_shut_down() {
        let mut control = at(0);
        assert!(control.is_shut_down());
        control.0[STATE_AT] = 6;
        assert!(!control.is_shut_down() && !ControlFile(Vec::new()).is_shut_down());
    }
}
