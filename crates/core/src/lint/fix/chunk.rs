//! A file cut into its statements with everything around them, so that all chunks in a row are the file.
//!
//! Comments above a statement go along with it, Prisma's `-- CreateIndex` among them; so does what stands
//! behind it on its last line.

use underpin_sql::{Statement, comments};

/// A statement with what goes along with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Chunk<'a> {
    /// Blank lines and comments above it.
    pub(super) above: &'a str,
    /// The statement.
    pub(super) text: &'a str,
    /// From the statement to its semicolon, which is not in it. Nearly always nothing.
    pub(super) between: &'a str,
    /// Whether there is a semicolon.
    pub(super) ended: bool,
    /// Behind the semicolon: to the end of the line, and after the last statement to the end of the file.
    pub(super) behind: &'a str,
}

impl Chunk<'_> {
    /// The comments inside the statement, for a form of it that has none.
    pub(super) fn comments_inside(&self) -> Vec<&str> {
        comments(self.text).into_iter().map(|comment| &self.text[comment.span]).collect()
    }
}

/// The chunks of a file, one for each statement.
pub(super) fn chunks<'a>(text: &'a str, statements: &[Statement]) -> Vec<Chunk<'a>> {
    let spans: Vec<_> = comments(text).into_iter().map(|comment| comment.span).collect();
    let in_comment = |at: usize| spans.iter().any(|span| span.contains(&at));
    let mut from = 0;
    let mut chunks = Vec::with_capacity(statements.len());
    for (at, statement) in statements.iter().enumerate() {
        let span = statement.span.clone();
        let next = statements.get(at + 1).map_or(text.len(), |next| next.span.start);
        let semicolon =
            text[span.end..next].match_indices(';').map(|(at, _)| span.end + at).find(|at| !in_comment(*at));
        let begin = semicolon.map_or(span.end, |semicolon| semicolon + 1);
        let end = match at + 1 == statements.len() {
            true => text.len(),
            // A comment that begins on this line and ends on a later one is the next statement's.
            false => match text[begin..next].find('\n').map(|line| begin + line + 1) {
                Some(end)
                    if !spans
                        .iter()
                        .any(|span| span.start >= begin && span.start < end && span.end > end) =>
                {
                    end
                }
                _ => begin,
            },
        };
        chunks.push(Chunk {
            above: &text[from..span.start],
            text: &text[span.clone()],
            between: semicolon.map_or("", |semicolon| &text[span.end..semicolon]),
            ended: semicolon.is_some(),
            behind: &text[begin..end],
        });
        from = end;
    }
    chunks
}
