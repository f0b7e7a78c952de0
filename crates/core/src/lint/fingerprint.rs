//! What a finding is called when lines move: a hash of its rule, file, statement and object.
//!
//! Line numbers, comments and layout are left out, so that an edit above a finding, or a formatter,
//! keeps its name. The number of the occurrence tells equal ones apart within a file.

use std::collections::HashMap;

use sha2::{Digest, Sha256};

use super::finding::Finding;
use super::report::FileReport;

/// What a fingerprint is made of.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The rule's name.
    pub rule: &'a str,
    /// The file, from the folder of the settings, so that it is the same wherever the command runs.
    pub path: &'a str,
    /// The statement as it is written; empty for a finding about the whole file.
    pub statement: &'a str,
    /// The object, when there is one.
    pub object: Option<&'a str>,
    /// The how-manieth of its kind in the file, from 0.
    pub occurrence: usize,
}

/// 32 hexadecimal digits.
pub fn fingerprint(subject: &Subject<'_>) -> String {
    of_words(&Subject { statement: &underpin_sql::words(subject.statement), ..*subject })
}

/// The same of a subject whose statement is its words alone.
fn of_words(subject: &Subject<'_>) -> String {
    let mut hash = Sha256::new();
    for part in [subject.rule, subject.path, subject.statement, subject.object.unwrap_or("")] {
        // The length keeps parts apart whatever they contain.
        hash.update(part.len().to_le_bytes());
        hash.update(part);
    }
    hash.update(subject.occurrence.to_le_bytes());
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(32);
    for byte in &hash.finalize()[..16] {
        text.extend([byte >> 4, byte & 15].map(|digit| char::from(DIGITS[usize::from(digit)])));
    }
    text
}

/// Names the findings of a file. `path` is from the folder of the settings, `text` the file's.
pub fn name(file: &mut FileReport, path: &str, text: &str) {
    let mut seen: HashMap<String, usize> = HashMap::new();
    let statements = &file.statements;
    // Most statements have several findings, one behind the other.
    let (mut last, mut words) = ("", String::new());
    for finding in &mut file.findings {
        let about = |finding: &Finding| {
            let statement = finding.statement.and_then(|nth| statements.get(nth.checked_sub(1)?));
            let span = statement.map(|statement| &statement.span).or(finding.span.as_ref());
            span.and_then(|span| text.get(span.bytes.clone())).unwrap_or_default()
        };
        let statement = about(finding);
        if !std::ptr::eq(statement, last) {
            (last, words) = (statement, underpin_sql::words(statement));
        }
        let mut subject = Subject {
            rule: &finding.rule,
            path,
            statement: &words,
            object: finding.object.as_deref(),
            occurrence: 0,
        };
        let mut name = of_words(&subject);
        let earlier = seen.entry(name.clone()).or_default();
        if *earlier > 0 {
            subject.occurrence = *earlier;
            name = of_words(&subject);
        }
        *earlier += 1;
        finding.fingerprint = name;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUBJECT: Subject<'_> = Subject {
        rule: "drop-column",
        path: "prisma/migrations/1/migration.sql",
        statement: "ALTER TABLE a DROP COLUMN b",
        object: Some("a.b"),
        occurrence: 0,
    };

    #[test]
    fn layout_and_comments_do_not_count_and_everything_else_does() {
        let name = fingerprint(&SUBJECT);
        assert_eq!(name.len(), 32);
        let same = Subject { statement: "ALTER TABLE a -- why\r\n  DROP COLUMN b", ..SUBJECT };
        assert_eq!(fingerprint(&same), name);
        for other in [
            Subject { rule: "drop-table", ..SUBJECT },
            Subject { path: "prisma/migrations/2/migration.sql", ..SUBJECT },
            Subject { statement: "ALTER TABLE a DROP COLUMN \"b \"", ..SUBJECT },
            Subject { object: None, ..SUBJECT },
            Subject { occurrence: 1, ..SUBJECT },
        ] {
            assert_ne!(fingerprint(&other), name, "{other:?}");
        }
    }
}
