//! From bytes of a file to lines and columns.

use std::ops::Range;

use super::finding::Span;

/// Where the lines of a text begin, so that a place in a large file is found without reading it again.
#[derive(Debug)]
pub struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
    /// How many bytes before each [`BLOCK`] continue a character. A file may be one line of 50 MB, and its
    /// columns are asked for statement by statement. Empty when there are none.
    continuing: Vec<usize>,
}

/// So many bytes are counted for a column, at most.
const BLOCK: usize = 1_024;

impl<'a> Lines<'a> {
    /// Of a text. A line ends with a line feed; a carriage return before it is the line's last character.
    pub fn of(text: &'a str) -> Self {
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        let mut continuing = Vec::new();
        if !text.is_ascii() {
            let mut sum = 0;
            for block in text.as_bytes().chunks(BLOCK) {
                continuing.push(sum);
                sum += continuations(block);
            }
            continuing.push(sum);
        }
        Self { text, starts: std::iter::once(0).chain(breaks).collect(), continuing }
    }

    /// The place of some bytes. What lies behind the text or within a character is moved to where a
    /// character begins.
    pub fn span(&self, bytes: Range<usize>) -> Span {
        let start = self.text.floor_char_boundary(bytes.start.min(bytes.end));
        let end = self.text.floor_char_boundary(bytes.end);
        let (line, column) = self.place(start);
        let (end_line, end_column) = self.place(end);
        Span { bytes: start..end, line, column, end_line, end_column }
    }

    fn place(&self, offset: usize) -> (u32, u32) {
        let line = self.starts.partition_point(|start| *start <= offset);
        let start = self.starts[line - 1];
        let characters = (offset - start) - (self.continuing_before(offset) - self.continuing_before(start));
        (number(line), number(1 + characters))
    }

    fn continuing_before(&self, offset: usize) -> usize {
        let block = offset / BLOCK;
        match self.continuing.get(block) {
            Some(before) => before + continuations(&self.text.as_bytes()[block * BLOCK..offset]),
            None => 0,
        }
    }
}

/// Bytes of UTF-8 that continue a character.
fn continuations(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| (**byte & 0b1100_0000) == 0b1000_0000).count()
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_characters_and_lines_end_with_a_line_feed() {
        let text = "é🚀x\r\nab\n";
        let lines = Lines::of(text);
        let at = |bytes| {
            let span = lines.span(bytes);
            (span.line, span.column, span.end_line, span.end_column)
        };
        assert_eq!(at(6..7), (1, 3, 1, 4));
        assert_eq!(at(6..10), (1, 3, 2, 2));
        assert_eq!(at(12..12), (3, 1, 3, 1));
        assert_eq!(at(4..99), (1, 2, 3, 1));
        assert_eq!(lines.span(4..99).bytes, 2..12);
    }

    #[test]
    fn columns_of_long_lines_are_those_that_counting_gives() {
        let text = format!("{}\nx{}", "é🚀abc".repeat(700), "ü".repeat(3_000));
        let lines = Lines::of(&text);
        for (offset, _) in text.char_indices().step_by(97).chain([(text.len(), ' ')]) {
            let start = text[..offset].rfind('\n').map_or(0, |at| at + 1);
            let column = 1 + text[start..offset].chars().count();
            assert_eq!(lines.span(offset..offset).column as usize, column, "{offset}");
        }
    }
}
