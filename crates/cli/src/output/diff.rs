//! A difference between two databases: for a person, or as one object.

use serde::Serialize;
use underpin_core::consequences::Consequences;

use super::consequences;
use super::protected::{self, ProtectedTold};

/// Everything that is told.
#[derive(Debug, Serialize)]
pub(crate) struct Compared {
    pub(crate) version: u32,
    pub(crate) exit_code: u8,
    /// The database as it is.
    pub(crate) from: String,
    /// The database as it shall be.
    pub(crate) to: String,
    /// Whether there is no difference.
    pub(crate) empty: bool,
    pub(crate) groups: Vec<Consequences>,
    /// What no schema can say, on either side.
    pub(crate) protected: Vec<ProtectedTold>,
    /// What may be lost or fail, in Prisma's words.
    pub(crate) losses: Vec<String>,
    /// The SQL that Prisma would write.
    pub(crate) script: String,
}

/// The page, in lines of at most `columns` characters where words allow it.
pub(crate) fn page(compared: &Compared, columns: usize) -> String {
    let protected = protected::part(&compared.protected, true, columns);
    if compared.empty {
        // Prisma's own words, for those who look for them.
        return format!("No difference detected.\n\n{protected}").trim_end().to_owned();
    }
    let mut page = format!("From {} to {}:\n\n", compared.from, compared.to);
    page.push_str(&consequences::page(&compared.groups, columns));
    page.push_str(&protected);
    page.push_str(&consequences::summary(&compared.groups));
    page
}
