//! Places as editors count them: lines from 0, columns in units of UTF-16, and every kind of line end.

use std::ops::Range;

use super::protocol::{self, Position};

/// Where the lines of a text begin and end.
#[derive(Debug)]
pub(super) struct Places<'a> {
    text: &'a str,
    /// The bytes of each line, without what ends it.
    lines: Vec<Range<usize>>,
}

impl<'a> Places<'a> {
    /// A line ends with `\n`, `\r\n` or a `\r` alone, as the protocol has it.
    pub(super) fn of(text: &'a str) -> Self {
        let bytes = text.as_bytes();
        let mut lines = Vec::new();
        let mut start = 0;
        let mut at = 0;
        while at < bytes.len() {
            let length = match bytes[at] {
                b'\r' if bytes.get(at + 1) == Some(&b'\n') => 2,
                b'\r' | b'\n' => 1,
                _ => 0,
            };
            if length > 0 {
                lines.push(start..at);
                start = at + length;
            }
            at += length.max(1);
        }
        lines.push(start..bytes.len());
        Self { text, lines }
    }

    /// The byte at a place. Behind the end of a line it is the line's end, behind the text the text's end, and
    /// between the halves of a character the character's beginning.
    pub(super) fn byte(&self, place: Position) -> usize {
        let Some(line) = self.lines.get(place.line as usize) else { return self.text.len() };
        let mut units = place.character;
        for (at, character) in self.text[line.clone()].char_indices() {
            let width = utf16(character);
            if units < width {
                return line.start + at;
            }
            units -= width;
        }
        line.end
    }

    /// The bytes of a range, also when its ends are the wrong way round.
    pub(super) fn bytes(&self, range: protocol::Range) -> Range<usize> {
        let (a, b) = (self.byte(range.start), self.byte(range.end));
        a.min(b)..a.max(b)
    }

    /// The place of a byte.
    pub(super) fn position(&self, byte: usize) -> Position {
        let byte = self.text.floor_char_boundary(byte);
        let line = self.line_of(byte);
        let Range { start, end } = self.lines[line];
        let character = self.text[start..byte.min(end)].chars().map(utf16).sum();
        Position { line: u32::try_from(line).unwrap_or(u32::MAX), character }
    }

    /// The range of some bytes.
    pub(super) fn range(&self, bytes: &Range<usize>) -> protocol::Range {
        protocol::Range { start: self.position(bytes.start), end: self.position(bytes.end) }
    }

    /// The first line.
    pub(super) fn first_line(&self) -> protocol::Range {
        self.range(&self.lines[0])
    }

    /// The bytes of the line that a byte stands in, without its end.
    pub(super) fn line_around(&self, byte: usize) -> Range<usize> {
        self.lines[self.line_of(byte)].clone()
    }

    /// How lines end here: as the first one does.
    pub(super) fn line_end(&self) -> &'a str {
        match self.lines.get(..2) {
            Some([first, second]) => &self.text[first.end..second.start],
            _ => "\n",
        }
    }

    fn line_of(&self, byte: usize) -> usize {
        // There is always a first line, and it begins with the text.
        self.lines.partition_point(|line| line.start <= byte).saturating_sub(1)
    }
}

/// Replaces a range of a text; without one, all of it.
pub(super) fn edit(text: &mut String, range: Option<protocol::Range>, by: &str) {
    match range.map(|range| Places::of(text).bytes(range)) {
        Some(bytes) => text.replace_range(bytes, by),
        None => by.clone_into(text),
    }
}

fn utf16(character: char) -> u32 {
    if u32::from(character) < 0x1_0000 { 1 } else { 2 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(line: u32, character: u32) -> Position {
        Position { line, character }
    }

    #[test]
    fn columns_are_units_of_utf16() {
        // An emoji of two units, a letter with an accent that is a character of its own, a family that is
        // five characters on the screen's one.
        let text = "🚀x\r\ne\u{301}y\n👨\u{200d}👩\u{200d}👧z";
        let places = Places::of(text);
        assert_eq!(places.position(text.find('x').unwrap_or_default()), at(0, 2));
        assert_eq!(places.position(text.find('y').unwrap_or_default()), at(1, 2));
        assert_eq!(places.position(text.find('z').unwrap_or_default()), at(2, 8));
        assert_eq!(places.position(text.len()), at(2, 9));
        for (byte, _) in text.char_indices().filter(|(_, character)| !['\r', '\n'].contains(character)) {
            assert_eq!(places.byte(places.position(byte)), byte);
        }
    }

    #[test]
    fn places_that_are_not_there_are_moved() {
        let places = Places::of("🚀x\r\nab");
        assert_eq!(places.byte(at(0, 1)), 0, "between the halves");
        assert_eq!(places.byte(at(0, 99)), 5, "before the line's end");
        assert_eq!(places.byte(at(1, 99)), 9);
        assert_eq!(places.byte(at(9, 0)), 9);
        assert_eq!(places.position(6), at(0, 3), "within the line's end");
        assert_eq!(places.position(99), at(1, 2));
        assert_eq!(Places::of("").position(0), at(0, 0));
    }

    #[test]
    fn each_kind_of_line_end_ends_a_line() {
        let text = "a\rb\r\n\nc\n";
        let places = Places::of(text);
        let lines: Vec<&str> = places.lines.iter().map(|line| &text[line.clone()]).collect();
        assert_eq!(lines, ["a", "b", "", "c", ""]);
        assert_eq!(places.line_end(), "\r");
        assert_eq!(Places::of("a\r\nb").line_end(), "\r\n");
        assert_eq!(Places::of("a").line_end(), "\n");
        assert_eq!(places.line_around(2), 2..3);
    }

    #[test]
    fn edits_replace_ranges() {
        let mut text = "SELECT '🚀';\r\nSELECT 2;".to_owned();
        let range = |start, end| Some(protocol::Range { start, end });
        edit(&mut text, range(at(0, 8), at(0, 10)), "é");
        assert_eq!(text, "SELECT 'é';\r\nSELECT 2;");
        edit(&mut text, range(at(1, 0), at(0, 11)), "\n");
        assert_eq!(text, "SELECT 'é';\nSELECT 2;");
        edit(&mut text, range(at(7, 0), at(9, 0)), "x");
        assert_eq!(text, "SELECT 'é';\nSELECT 2;x");
        edit(&mut text, None, "");
        assert_eq!(text, "");
    }
}
