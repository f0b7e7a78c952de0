//! Edits as an editor makes them, and many of them at random: after each the server knows the same text as the
//! editor does, and says of it what a server says that is given it whole.

use serde_json::{Value, json};

use super::editor::Editor;
use super::{FIRST, Project};

/// A text after the edits of one document, places in units of UTF-16.
pub(super) fn applied(text: &str, edits: &Value) -> String {
    let mut units: Vec<u16> = text.encode_utf16().collect();
    for edit in edits.as_array().unwrap().iter().rev() {
        let place = |end: &str| unit(&units, &edit["range"][end]);
        let (from, to) = (place("start"), place("end"));
        units.splice(from..to, edit["newText"].as_str().unwrap().encode_utf16());
    }
    String::from_utf16(&units).unwrap()
}

/// The index of a place. Written unlike the server's own, by walking the units.
fn unit(units: &[u16], place: &Value) -> usize {
    let (mut line, mut column) = (0, 0);
    let wanted = (place["line"].as_u64().unwrap(), place["character"].as_u64().unwrap());
    for (at, unit) in units.iter().enumerate() {
        if (line, column) == wanted {
            return at;
        }
        let ends = *unit == 10 || (*unit == 13 && units.get(at + 1) != Some(&10));
        (line, column) = if ends { (line + 1, 0) } else { (line, column + 1) };
    }
    units.len()
}

/// Numbers that look random and are the same in each run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }
}

const PIECES: [&str; 16] = [
    "ALTER TABLE \"Order\" DROP COLUMN \"channel\";",
    "CREATE INDEX i ON \"Order\"(total);",
    "-- underpin: ignore drop-column because …",
    "/* 🚀",
    "*/",
    "'",
    "$$",
    "\r\n",
    "\r",
    "\n",
    "e\u{301}",
    "👨\u{200d}👩\u{200d}👧",
    ";",
    "\"",
    "\u{0}",
    "DO $$ BEGIN DROP TABLE \"Order\"; END $$;\n",
];

#[test]
fn random_edits_end_in_the_text_that_the_editor_has() {
    let project = Project::new();
    let mut editor = Editor::greeted(&[]);
    let edited = project.migration("20260102000000_second");
    // As if it were a clone of the same project, so that the same is found in it.
    let clone = Project::new();
    let whole = clone.migration("20260102000000_second");
    let mut text = String::new();
    editor.open(&edited, &text);
    editor.open(&project.migration("20260101000000_first"), FIRST);
    let mut dice = Dice(7);
    let mut found_any = 0;
    for version in 2..=300 {
        let units: Vec<u16> = text.encode_utf16().collect();
        // Places at the beginnings of characters, which is where editors put them.
        let mut places = vec![(0, 0, 0)];
        let (mut line, mut column) = (0, 0);
        for (at, unit) in units.iter().enumerate() {
            let ends = *unit == 10 || (*unit == 13 && units.get(at + 1) != Some(&10));
            (line, column) = if ends { (line + 1, 0) } else { (line, column + 1) };
            let within = units.get(at + 1).is_some_and(|next| (0xDC00..0xE000).contains(next))
                || (*unit == 13 && !ends);
            if !within {
                places.push((at + 1, line, column));
            }
        }
        let (a, b) = (dice.below(places.len()), dice.below(places.len()));
        // Mostly something is put in; sometimes much goes.
        let b = if dice.below(4) == 0 { b } else { a };
        let ((from, from_line, from_column), (to, to_line, to_column)) = (places[a.min(b)], places[a.max(b)]);
        let new = PIECES[dice.below(PIECES.len())];
        let mut units = units;
        units.splice(from..to, new.encode_utf16());
        text = String::from_utf16(&units).unwrap();
        let range = json!({
            "start": { "line": from_line, "character": from_column },
            "end": { "line": to_line, "character": to_column },
        });
        editor.change(&edited, version, json!([{ "range": range, "text": new }]));
        if version % 10 != 0 {
            continue;
        }
        editor.hover(&edited, 0, 0);
        let incremental = editor.diagnostics(&edited, version);
        if version == 10 {
            editor.open(&whole, &text);
        }
        editor.change(&whole, version, json!([{ "text": text }]));
        let again = editor.diagnostics(&whole, version);
        let known = |found: Vec<Value>| -> Vec<Value> {
            let parts = ["range", "code", "message", "severity"];
            found.iter().map(|one| parts.iter().map(|part| one[*part].clone()).collect()).collect()
        };
        found_any += incremental.len();
        assert_eq!(known(incremental), known(again), "{text:?}");
    }
    assert!(found_any > 30, "the edits make nothing that there is something to say about: {found_any}");
    assert_eq!(editor.leave(), 0);
}

#[test]
fn places_that_no_text_has_are_survived() {
    let project = Project::new();
    let mut editor = Editor::greeted(&[]);
    let edited = project.migration("20260102000000_second");
    editor.open(&edited, "SELECT '🚀';\r\n");
    let mut dice = Dice(11);
    for version in 2..=200 {
        let mut number = || match dice.below(6) {
            0 => 4_294_967_295,
            _ => dice.below(20) as u64,
        };
        let start = json!({ "line": number(), "character": number() });
        let end = json!({ "line": number(), "character": number() });
        let new = PIECES[dice.below(PIECES.len())];
        editor.change(&edited, version, json!([{ "range": { "start": start, "end": end }, "text": new }]));
        let (line, character) = (dice.below(5), dice.below(30));
        editor.hover(&edited, u32::try_from(line).unwrap(), u32::try_from(character).unwrap());
        editor.actions(&edited, u32::try_from(line).unwrap(), u32::try_from(character).unwrap());
    }
    editor.change(&edited, 201, json!([{ "text": "SELECT 1;" }]));
    assert_eq!(editor.diagnostics(&edited, 201), [] as [Value; 0]);
    assert_eq!(editor.leave(), 0);
}
