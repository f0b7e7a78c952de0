//! The parser against Prisma's own.

use fastrand::Rng;
use underpin_prisma::schema::{Block, Expression};
use underpin_testkit::schemas::validate;

use crate::schemas::{all, read, told};

#[tokio::test]
async fn every_schema_of_the_corpus_and_the_battery_is_read_without_an_error() {
    let all = all().await;
    assert_eq!(all.len(), 99);
    let mut fields = 0;
    for (name, text) in &all {
        assert_eq!(told(text), [""; 0], "{name}");
        fields += read(text).models().map(|model| model.fields.len()).sum::<usize>();
    }
    assert_eq!(fields, 7_503, "all of them, none passed over");
}

/// Nothing is thrown away: with the blocks and the comments gone, white space is what is left.
#[tokio::test]
async fn every_character_belongs_to_a_node_or_a_comment() {
    for (name, text) in all().await {
        let schema = read(&text);
        let mut left = text.clone().into_bytes();
        let mut blank = |bytes: std::ops::Range<usize>| left[bytes].fill(b' ');
        for block in &schema.blocks {
            match block {
                Block::Model(model) => {
                    blank(model.name.span.bytes());
                    model.fields.iter().for_each(|field| blank(field.span.bytes()));
                    model.attributes.iter().for_each(|attribute| blank(attribute.span.bytes()));
                }
                Block::Enum(found) => {
                    blank(found.name.span.bytes());
                    found.values.iter().for_each(|value| blank(value.span.bytes()));
                    found.attributes.iter().for_each(|attribute| blank(attribute.span.bytes()));
                }
                Block::Config(config) => {
                    blank(config.name.span.bytes());
                    config.properties.iter().for_each(|property| blank(property.span.bytes()));
                }
            }
        }
        schema.comments.iter().for_each(|comment| blank(comment.span.bytes()));
        let left = String::from_utf8(left).unwrap();
        let rest: Vec<&str> = left
            .split_whitespace()
            .filter(|word| {
                !["model", "view", "type", "enum", "datasource", "generator", "{", "}"].contains(word)
            })
            .collect();
        assert_eq!(rest, [""; 0], "{name}");
    }
}

/// The end of a text is where most parsers fall over. The small schemas are cut anywhere; of the large ones
/// each line is, behind the first of its block, since the lines before it change nothing.
#[tokio::test]
async fn cut_at_any_byte_a_schema_is_read_to_an_end() {
    for (name, text) in all().await {
        if text.len() < 5_000 {
            cut(&name, "", &text);
            continue;
        }
        let schema = read(&text);
        let spans = schema.blocks.iter().map(|block| match block {
            Block::Model(model) => model.span,
            Block::Enum(found) => found.span,
            Block::Config(config) => config.span,
        });
        for block in spans.map(|span| schema.text(span)) {
            let (first, rest) = block.split_once('\n').unwrap();
            for line in rest.lines() {
                cut(&name, &format!("{first}\n"), line);
            }
        }
    }
}

fn cut(name: &str, before: &str, text: &str) {
    for end in (0..=text.len()).filter(|&index| text.is_char_boundary(index)) {
        let cut = format!("{before}{}", &text[..end]);
        let schema = read(&cut);
        let mut spans = schema.errors.iter().map(|error| error.span);
        assert!(spans.all(|span| span.start <= span.end && span.end <= cut.len()), "{name}: {cut}");
        let is_open = !before.is_empty() && !cut.ends_with('}');
        assert!(!is_open || !schema.errors.is_empty(), "{name}: a block without its end: {cut}");
    }
}

/// What Prisma says of a text that is not its language; all else it says is about the meaning.
const SYNTAX: [&str; 14] = [
    "This line is not a valid field or attribute definition",
    "This line is invalid",
    "This block is invalid",
    "This line is not an enum value definition",
    "This line is not a valid definition within a",
    "This field declaration is invalid",
    "Unknown escape sequence",
    "Invalid unicode escape sequence",
    "Trailing commas are not valid",
    "is missing a value",
    "must not start with a number",
    "is not allowed in",
    "Field declarations don't require a `:`",
    "needs to be assigned a value",
];

/// Real schemas with slips of the hand: what Prisma takes we take, and where it finds a slip so do we.
#[tokio::test]
async fn with_slips_of_the_hand_we_agree_with_prisma() {
    let mut rng = Rng::with_seed(3);
    let small: Vec<_> = all().await.into_iter().filter(|(_, text)| text.len() < 20_000).collect();
    let texts: Vec<String> =
        (0..4_000).map(|_| slipped(&small[rng.usize(..small.len())].1, &mut rng)).collect();
    let mut disagreements = Vec::new();
    let (mut taken, mut refused) = (0, 0);
    for (text, complaint) in texts.iter().zip(validate(&texts).await) {
        let told = told(text);
        let complaint = complaint.unwrap_or_default();
        let is_syntax = SYNTAX.iter().any(|sentence| complaint.contains(sentence));
        taken += usize::from(complaint.is_empty());
        refused += usize::from(is_syntax);
        if (complaint.is_empty() && !told.is_empty()) || (is_syntax && told.is_empty()) {
            disagreements.push(format!("{text}\n--- Prisma: {complaint}\n--- we: {told:?}\n"));
        }
    }
    assert!(
        disagreements.is_empty(),
        "{} of {}\n{}",
        disagreements.len(),
        texts.len(),
        disagreements.join("\n")
    );
    assert!(taken > 500 && refused > 500, "{taken} taken, {refused} refused: no test of either");
}

/// A text with a line less, a line twice, a character less, or one more that the language has.
pub(crate) fn slipped(text: &str, rng: &mut Rng) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let at = rng.usize(..lines.len());
    match rng.usize(..6) {
        0 => drop(lines.remove(at)),
        1 => lines.insert(at, lines[at].clone()),
        2 => lines[at] = lines[at].trim_start().to_owned(),
        choice => {
            let line = &mut lines[at];
            let places: Vec<usize> =
                line.char_indices().map(|(index, _)| index).chain([line.len()]).collect();
            let place = places[rng.usize(..places.len())];
            if choice == 3 && place < line.len() {
                line.remove(place);
            } else {
                let signs = [
                    '(', ')', '[', ']', '{', '}', '"', '@', ',', ':', '.', '?', '!', '=', ' ', 'a', '1', '-',
                    '/', '\\', '_',
                ];
                line.insert(place, signs[rng.usize(..signs.len())]);
            }
        }
    }
    lines.join("\n") + "\n"
}

#[tokio::test]
async fn expressions_of_real_schemas_are_what_their_text_says() {
    for (name, text) in all().await {
        let schema = read(&text);
        for model in schema.models() {
            for field in &model.fields {
                let Some(Expression::String(literal)) = field.default() else { continue };
                let written = schema.text(literal.span);
                assert!(written.starts_with('"') && written.ends_with('"'), "{name}: {written}");
                if !written.contains('\\') {
                    assert_eq!(written, format!("\"{}\"", literal.value), "{name}");
                }
            }
        }
    }
}
