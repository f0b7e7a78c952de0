//! Letters in ASCII: what Prisma's command makes of names in other alphabets.

use icu_normalizer::{ComposingNormalizerBorrowed, DecomposingNormalizerBorrowed};

/// Pairs of letters that are read as one, before all single ones.
const PAIRS: [(&str, &str); 2] = [("ъе", "ye"), ("ый", "iy")];

/// German letters, Russian ones with those of Ukrainian, Serbian and Macedonian that are no others with a mark, and
/// Armenian ones: a capital begins a word (`Ж` is `Zh`). Georgian and Arabic letters have no capitals; with the
/// Arabic ones are those of Persian, Urdu and Pashto, and the digits.
const AS_WORDS: [(&str, &str); 7] = [
    ("äöü", "ae oe ue"),
    (
        "абвгдеёжзийклмнопрстуфхцчшщыэюя",
        "a b v g d e yo zh z i y k l m n o p r s t u f kh ts ch sh sch y e yu ya",
    ),
    ("єіїљњќґ", "ye i yi lj nj kj g"),
    (
        "աբգդեզէըթժիլխծկհձղճմյնշոչպջռսվտրցփքօֆև",
        "a b g d ye z e y t zh i l kh ts k h dz gh tch m y n sh vo ch p j r s v t r c p q o f yev",
    ),
    (
        "აბგდევზთიკლმნოპჟრსტუფქღყშჩცძწჭხჯჰ",
        "a b g d e v z t i k l m n o p zh r s t u ph q gh k sh ch ts dz ts tch kh j h",
    ),
    (
        "ءآأؤإئابةتثجحخدذرزسشصضطظعغفقكلمنهوىي",
        "e a a w i y a b t t th j h kh d dh r z s sh s d t z e gh f q k l m n h w a y",
    ),
    (
        "ٹټپځڅچڈډڑړږژښکګگںڼھۀہیۍېے٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹",
        "t p p z c ch d d r r g zh x k g g n n h e h y ai e e 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9",
    ),
];

/// Other Latin letters that no mark makes, and Greek ones: a capital is all capitals (`Θ` is `TH`).
const AS_CAPITALS: [(&str, &str); 2] = [
    ("ßæøðþđıłħĳ", "ss ae o d th d i l h ij"),
    ("αβγδεζηθικλμνξοπρςστυφχψω", "a v g d e z i th i k l m n ks o p r s s t y f x ps o"),
];

/// Letters without a sound of their own.
const SILENT: &str = "ъь";

/// What stands alone without being a letter, and is dropped within a word rather than ending it.
const MARKS: &str = "^`¨¯´·¸";

/// The text with its letters in ASCII as far as possible. The rest stays as it is.
pub(super) fn in_ascii(text: &str) -> String {
    let composed = ComposingNormalizerBorrowed::new_nfc().normalize(text).into_owned();
    let mut written = String::new();
    let mut rest = composed.as_str();
    while let Some(character) = rest.chars().next() {
        let pair = PAIRS.iter().find(|(pair, _)| {
            let next: String = rest.chars().take(2).collect();
            next.to_lowercase() == *pair
        });
        match pair {
            Some((letters, latin)) => {
                written.push_str(&like(character, latin, false));
                rest = &rest[letters.len()..];
            }
            None => {
                written.push_str(&alone(character));
                rest = &rest[character.len_utf8()..];
            }
        }
    }
    let decomposed = DecomposingNormalizerBorrowed::new_nfd().normalize(&written).into_owned();
    decomposed.chars().filter(|character| !is_mark(*character)).collect()
}

fn alone(character: char) -> String {
    match character {
        '&' => return " and ".to_owned(),
        '♥' => return " love ".to_owned(),
        _ => {}
    }
    let small: String = character.to_lowercase().collect();
    if SILENT.contains(&small) {
        return String::new();
    }
    if let Some(latin) = found(&AS_WORDS, &small) {
        return like(character, latin, false);
    }
    // Greek letters may have an accent, which says nothing about the letter.
    let bare: String = DecomposingNormalizerBorrowed::new_nfd().normalize(&small).chars().take(1).collect();
    let is_greek = ('\u{370}'..'\u{400}').contains(&character);
    match found(&AS_CAPITALS, if is_greek { &bare } else { &small }) {
        Some(latin) => like(character, latin, true),
        None => character.to_string(),
    }
}

fn found(tables: &[(&str, &'static str)], letter: &str) -> Option<&'static str> {
    tables.iter().find_map(|(letters, latin)| {
        let at = letters.chars().position(|known| letter.chars().eq([known]))?;
        latin.split(' ').nth(at)
    })
}

/// Letters in the case of another.
fn like(character: char, latin: &str, all: bool) -> String {
    match (character.is_uppercase(), all) {
        (false, _) => latin.to_owned(),
        (true, true) => latin.to_uppercase(),
        (true, false) => latin[..1].to_uppercase() + &latin[1..],
    }
}

/// Accents, and signs that only stand on letters.
fn is_mark(character: char) -> bool {
    MARKS.contains(character)
        || matches!(character, '\u{2b0}'..='\u{36f}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20f0}' | '\u{fe20}'..='\u{fe2f}')
}
