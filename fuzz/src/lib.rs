//! What the fuzz targets share: splicing of statements, and facts to ask about.

use libfuzzer_sys::fuzzer_mutate;
use underpin_catalog::{Name, ServerVersion};
use underpin_sql::{Surroundings, read};

/// Statements that bring tables, keys, indexes, types and views into being, for whatever is fuzzed to meet.
const BEFORE: &str = "CREATE TYPE e AS ENUM ('x', 'y'); CREATE SCHEMA s;
    CREATE TABLE a (id int PRIMARY KEY, b text NOT NULL DEFAULT 'x', c e, d timestamp(3), UNIQUE (b));
    CREATE TABLE b (id int PRIMARY KEY, a_id int REFERENCES a (id) ON DELETE CASCADE, CHECK (id > 0));
    CREATE TABLE s.c (id bigserial, at timestamptz) PARTITION BY RANGE (at);
    CREATE TABLE s.d PARTITION OF s.c DEFAULT; CREATE INDEX i ON b (a_id) WHERE a_id > 1;
    CREATE VIEW v AS SELECT b, c FROM a; CREATE SEQUENCE q OWNED BY b.id;
    CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1';";

/// A small database. The last byte of an input picks the server and whether all is known.
pub fn surroundings(choice: u8) -> Surroundings {
    let mut facts =
        Surroundings::empty(ServerVersion::of_major(13 + u32::from(choice) % 6), Name::new("public"));
    facts.complete = choice & 0x80 == 0;
    for effect in read(BEFORE).expect("these are statements").iter().flat_map(|one| &one.effects) {
        facts.apply(effect);
    }
    facts
}

/// Changes an input as text: a statement or a word of it is put elsewhere, doubled, dropped or taken for another.
/// Half of the time the fuzzer changes bytes, as it always does.
pub fn splice(data: &mut [u8], size: usize, max: usize, seed: u32) -> usize {
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
        match random.below(5) {
            0 => parts.swap(from, to),
            1 => parts.insert(to, parts[from].clone()),
            2 if parts.len() > 1 => _ = parts.remove(from),
            3 => parts[to] = parts[from].clone(),
            _ => parts.insert(to, WORDS[random.below(WORDS.len())].to_owned()),
        }
    }
    let changed = parts.concat();
    let length = changed.len().min(max);
    data[..length].copy_from_slice(&changed.as_bytes()[..length]);
    length
}

/// Words with which much happens.
const WORDS: &[&str] = &[
    " a ", " b ", " s.c ", " s.d ", " v ", " e ", " i ", " q ", " f() ", " id ", " CASCADE ", " IF EXISTS ", " CONCURRENTLY ",
    " NOT VALID ", " RENAME TO ", " SET SCHEMA s ", " USING INDEX i ", " PARTITION OF s.c DEFAULT ", " ATTACH PARTITION ",
    " DETACH PARTITION ", " TYPE bigint ", " BEGIN; ", " COMMIT; ", " SAVEPOINT x; ", " DO $$ BEGIN ", " END $$; ", "(", ")", ";",
    " DROP ", " ALTER TABLE ", " CREATE TABLE ", " CASE WHEN ", " END ", " -- x\n", " /* x */ ", " $x$ ", "'", "\"", " + 1 ",
];

fn statements(text: &str) -> Vec<String> {
    text.split_inclusive(';').map(str::to_owned).collect()
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
