//! `name-too-long`: names that PostgreSQL cuts at 63 bytes. Prisma compares the name that it wrote with the one
//! that is there, and finds them different for ever.

use underpin_sql::failure::long_names;

use super::super::case::Case;
use super::super::finding::{Finding, Severity};

pub(super) const NAME: &str = "name-too-long";

pub(super) fn judge(case: &Case<'_>, found: &mut Vec<Finding>) {
    for name in long_names(case.statement) {
        let message = format!(
            "the name {} has {} bytes: PostgreSQL keeps the first 63 and calls it {}",
            name.written,
            name.written.len(),
            name.kept
        );
        let start = case.statement.span.start;
        found.push(
            case.tell(NAME, Severity::Caution, message)
                .about(name.kept)
                .at(case.file, start + name.bytes.start..start + name.bytes.end)
                .instead("choose a name of at most 63 bytes, and give it to Prisma with @map or map:")
                .done(),
        );
    }
}
