//! What the fuzz targets share: reading, splicing of statements, and facts to ask about.

use std::sync::OnceLock;

use libfuzzer_sys::fuzzer_mutate;
use underpin_catalog::{Name, ServerVersion};
use underpin_sql::{Statement, Surroundings, SyntaxError};

/// Reads a text. Statements are where they say, in order, within the text; a refusal has a place in it.
pub fn read(text: &str) -> Result<Vec<Statement>, SyntaxError> {
    let read = underpin_sql::read(text);
    match &read {
        Ok(statements) => {
            let mut last = 0;
            for statement in statements {
                assert!(last <= statement.span.start, "statements overlap");
                assert_eq!(text[statement.span.clone()], statement.text);
                assert!(!statement.effects.is_empty());
                let line = 1 + text[..statement.span.start].matches('\n').count();
                assert_eq!(statement.line as usize, line);
                last = statement.span.end;
            }
        }
        Err(error) => {
            assert!(error.offset <= error.end && text.get(error.offset..error.end).is_some(), "{error:?}");
            assert_eq!(error.line as usize, 1 + text[..error.offset].matches('\n').count());
            assert!(error.message.len() < 1_000, "{error}");
        }
    }
    read
}

/// Statements that bring tables, keys, indexes, types and views into being, for whatever is fuzzed to meet.
const BEFORE: &str = "CREATE TYPE e AS ENUM ('x', 'y'); CREATE SCHEMA s;
    CREATE TABLE a (id int PRIMARY KEY, b text NOT NULL DEFAULT 'x', c e, d timestamp(3), UNIQUE (b));
    CREATE TABLE b (id int PRIMARY KEY, a_id int REFERENCES a (id) ON DELETE CASCADE, CHECK (id > 0));
    CREATE TABLE s.c (id bigserial, at timestamptz) PARTITION BY RANGE (at);
    CREATE TABLE s.d PARTITION OF s.c DEFAULT; CREATE INDEX i ON b (a_id) WHERE a_id > 1;
    CREATE VIEW v AS SELECT b, c FROM a; CREATE SEQUENCE q OWNED BY b.id;
    CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1';";

/// The servers that an input can be for, one of each major that the facts know.
const MAJORS: std::ops::RangeInclusive<u32> = 13..=18;

/// A small database. The last byte of an input picks the server and whether all is known.
pub fn surroundings(choice: u8) -> Surroundings {
    // Made once: reading these statements takes longer than all that is asked about most inputs.
    static BY_MAJOR: OnceLock<Vec<Surroundings>> = OnceLock::new();
    let by_major = BY_MAJOR.get_or_init(|| MAJORS.map(before).collect());
    let mut facts = by_major[usize::from(choice) % by_major.len()].clone();
    facts.complete = choice & 0x80 == 0;
    facts
}

fn before(major: u32) -> Surroundings {
    let mut facts = Surroundings::empty(ServerVersion::of_major(major), Name::new("public"));
    for effect in read(BEFORE).expect("these are statements").iter().flat_map(|one| &one.effects) {
        facts.apply(effect);
    }
    facts
}

/// What texts of a language are changed with.
pub struct Language {
    words: &'static [&'static str],
    nests: &'static [(&'static str, &'static str)],
}

/// Changes an input as text: a line, a statement or a word of it is put elsewhere, doubled, dropped, taken for another
/// or nested. Half of the time the fuzzer changes bytes, as it always does.
pub fn splice(language: &Language, data: &mut [u8], size: usize, max: usize, seed: u32) -> usize {
    let mut random = Random(u64::from(seed) << 1 | 1);
    let by_statement = match random.below(4) {
        0 => true,
        1 => false,
        _ => return fuzzer_mutate(data, size, max),
    };
    let text = String::from_utf8_lossy(&data[..size]).into_owned();
    let mut parts = if by_statement { statements(&text) } else { words(&text) };
    if parts.is_empty() {
        return fuzzer_mutate(data, size, max);
    }
    for _ in 0..=random.below(3) {
        let (from, to) = (random.below(parts.len()), random.below(parts.len()));
        match random.below(32) {
            // Rarely: such an input takes a hundred times as long as another.
            0 => nest(language, &mut parts[to], &mut random),
            choice => match choice % 5 {
                0 => parts.swap(from, to),
                1 => parts.insert(to, parts[from].clone()),
                2 if parts.len() > 1 => _ = parts.remove(from),
                3 => parts[to] = parts[from].clone(),
                _ => parts.insert(to, language.words[random.below(language.words.len())].to_owned()),
            },
        }
    }
    let changed = parts.concat();
    let length = changed.len().min(max);
    data[..length].copy_from_slice(&changed.as_bytes()[..length]);
    length
}

/// Puts something around a part many times over: depth is what changing bytes does not come upon.
fn nest(language: &Language, part: &mut String, random: &mut Random) {
    let (open, close) = language.nests[random.below(language.nests.len())];
    let times = 1 << random.below(11);
    *part = format!("{}{part}{}", open.repeat(times), close.repeat(times));
}

/// PostgreSQL's.
pub const SQL: Language = Language {
    // With which much happens.
    words: &[
        " a ",
        " b ",
        " s.c ",
        " s.d ",
        " v ",
        " e ",
        " i ",
        " q ",
        " f() ",
        " id ",
        " CASCADE ",
        " IF EXISTS ",
        " CONCURRENTLY ",
        " NOT VALID ",
        " RENAME TO ",
        " SET SCHEMA s ",
        " USING INDEX i ",
        " PARTITION OF s.c DEFAULT ",
        " ATTACH PARTITION ",
        " DETACH PARTITION ",
        " TYPE bigint ",
        " BEGIN; ",
        " COMMIT; ",
        " SAVEPOINT x; ",
        " DO $$ BEGIN ",
        " END $$; ",
        "(",
        ")",
        ";",
        " DROP ",
        " ALTER TABLE ",
        " CREATE TABLE ",
        " CASE WHEN ",
        " END ",
        " -- x\n",
        " /* x */ ",
        " $x$ ",
        "'",
        "\"",
        " + 1 ",
        "é",
        " SET lock_timeout = '1s'; ",
        " LANGUAGE plpgsql ",
    ],
    // Brackets of all sorts, and chains, which are trees as deep as they are long.
    nests: &[
        ("(", ")"),
        ("f(", ")"),
        ("(SELECT ", ")"),
        ("CASE WHEN ", " THEN 1 END"),
        ("NOT ", ""),
        ("- ", ""),
        ("", " + 1"),
        ("", " OR a"),
        ("", " UNION SELECT 1"),
        ("ARRAY[", "]"),
        ("", "[1]"),
        ("CAST(", " AS int)"),
        ("", "::int"),
        ("", ".a"),
        ("a JOIN ", " ON true"),
        ("EXPLAIN ", ""),
        ("DO $$ BEGIN ", " END $$; "),
        ("/*", "*/"),
        ("IF true THEN ", " END IF; "),
        ("BEGIN ", " END; "),
        ("\n", ""),
        ("a, ", ""),
        ("", ";"),
    ],
};

/// Of `schema.prisma`.
pub const PRISMA: Language = Language {
    words: &[
        "model A {\n",
        "enum E {\n",
        "view V {\n",
        "type T {\n",
        "datasource d {\n",
        "generator g {\n",
        "\n}\n",
        "}",
        "{",
        " Int ",
        " String ",
        " DateTime ",
        " A ",
        " E ",
        "?",
        "[]",
        " @id",
        " @unique",
        " @map(\"x\")",
        " @@map(\"y\")\n",
        " @default(",
        ")",
        " @relation(fields: [",
        "], references: [",
        " @@id([",
        "])",
        " @@schema(\"s\")\n",
        " @db.VarChar(3)",
        " @ignore",
        " @@ignore\n",
        " @updatedAt",
        "now()",
        "autoincrement()",
        "dbgenerated(\"",
        "\"",
        " // x\n",
        " /// x\n",
        "/*",
        "*/",
        " Unsupported(\"",
        " url = env(\"U\")\n",
        " id Int @id\n",
        " a A @relation(\"r\")\n",
        " as A[]\n",
        "\r",
        "é",
    ],
    nests: &[
        ("[", "]"),
        ("f(", ")"),
        ("{a: ", "}"),
        ("(", ")"),
        ("model A {\n", "\n}\n"),
        ("{\n", ""),
        ("@a(\n", ""),
        ("@@", ""),
        ("a.", ""),
        ("\n", ""),
        ("a, ", ""),
        ("/*", ""),
        ("\"", ""),
        ("/// x\n", ""),
        ("", "\\"),
        ("", " @id"),
    ],
};

/// What may stand alone: up to a semicolon or the end of a line.
fn statements(text: &str) -> Vec<String> {
    text.split_inclusive([';', '\n']).map(str::to_owned).collect()
}

fn words(text: &str) -> Vec<String> {
    text.split_inclusive(|character: char| !character.is_alphanumeric()).map(str::to_owned).collect()
}

/// Numbers that follow from a seed alone, as the fuzzer wants it.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }
}
