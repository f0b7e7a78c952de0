//! What a new migration's folder is called: the second in which it is made, and the name that somebody gave
//! it, in the letters that Prisma's command makes of it.
//!
//! Prisma writes `AddUser-Ärger` as `add_user_aerger`. Latin, Greek, Cyrillic, Armenian, Georgian and Arabic letters
//! become what they become there; of other scripts, and of letters that it does not know, nothing is left there either.

mod letters;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, civil};

use self::letters::in_ascii;
use crate::FolderOrder;

/// What stands between words.
const SEPARATOR: char = '_';

/// So much of a name is kept, in characters, as Prisma does.
const LENGTH_MAX: usize = 200;

/// A new folder's name, and how it stands to those that are there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrationName {
    /// The folder.
    pub folder: String,
    /// A folder whose second is later than the present one; the new one is named a second behind it.
    pub moved_behind: Option<String>,
    /// A folder that is applied behind the new one all the same, because it begins with no second.
    pub stands_before: Option<String>,
}

impl MigrationName {
    /// The name of a migration that is made now, to be applied behind all that are there.
    pub fn new(name: &str, now: Timestamp, existing: &[String], order: FolderOrder) -> Self {
        let slug = slug(name);
        let now = TimeZone::UTC.to_datetime(now);
        let latest = existing.iter().filter_map(|folder| Some((instant(folder)?, folder))).max();
        let here = folder(now, &slug);
        let (folder, moved_behind) = match latest {
            // Of the same second is the one that was made a moment ago.
            Some((instant, latest)) if instant >= second(now) && !is_behind(&here, latest, order) => {
                let next = instant.checked_add(SignedDuration::from_secs(1)).unwrap_or(instant);
                (folder(next, &slug), (instant > second(now)).then(|| latest.clone()))
            }
            _ => (here, None),
        };
        let stands_before = existing.iter().find(|other| !is_behind(&folder, other, order)).cloned();
        Self { folder, moved_behind, stands_before }
    }
}

/// A name as it stands in a folder's.
pub fn slug(name: &str) -> String {
    let ascii = without_apostrophes(&apart(&in_ascii(name)).to_ascii_lowercase());
    let mut slug = String::new();
    for character in ascii.chars() {
        if character.is_ascii_alphanumeric() {
            slug.push(character);
        } else if !slug.is_empty() && !slug.ends_with(SEPARATOR) {
            slug.push(SEPARATOR);
        }
    }
    let mut slug = slug.trim_end_matches(SEPARATOR).to_owned();
    slug.truncate(LENGTH_MAX);
    slug
}

fn folder(at: civil::DateTime, slug: &str) -> String {
    let stamp = at.strftime("%Y%m%d%H%M%S");
    if slug.is_empty() { stamp.to_string() } else { format!("{stamp}_{slug}") }
}

/// The second that a folder's name begins with.
fn instant(folder: &str) -> Option<civil::DateTime> {
    let stamp = folder.get(..14).filter(|stamp| stamp.bytes().all(|byte| byte.is_ascii_digit()))?;
    let number = |range: std::ops::Range<usize>| stamp[range].parse::<i16>().ok();
    let small = |range| number(range).and_then(|number| i8::try_from(number).ok());
    civil::DateTime::new(
        number(0..4)?,
        small(4..6)?,
        small(6..8)?,
        small(8..10)?,
        small(10..12)?,
        small(12..14)?,
        0,
    )
    .ok()
}

fn second(at: civil::DateTime) -> civil::DateTime {
    at.with().subsec_nanosecond(0).build().unwrap_or(at)
}

/// Whether a folder is applied behind another.
fn is_behind(folder: &str, other: &str, order: FolderOrder) -> bool {
    let mut both = [folder, other];
    order.sort(&mut both, |name| name);
    folder != other && both[1] == folder
}

/// Words that only capitals tell apart, apart: `HTTPServer` is `HTTP Server`.
fn apart(text: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    let at = |index: usize| characters.get(index).copied().unwrap_or(' ');
    let mut apart = String::new();
    for (index, &character) in characters.iter().enumerate() {
        if index > 0 {
            let before = at(index - 1);
            let is_number_of_capitals = character.is_ascii_digit()
                && before.is_ascii_uppercase()
                && index > 1
                && at(index - 2).is_ascii_uppercase();
            let begins_a_word =
                character.is_ascii_uppercase() && (before.is_ascii_lowercase() || before.is_ascii_digit());
            // The s of `APIs` is none of its own.
            let ends_capitals = character.is_ascii_uppercase()
                && before.is_ascii_uppercase()
                && at(index + 1).is_ascii_lowercase()
                && at(index + 1) != 's';
            if is_number_of_capitals || begins_a_word || ends_capitals {
                apart.push(' ');
            }
        }
        apart.push(character);
    }
    apart
}

/// `don't` and `it's` are one word each.
fn without_apostrophes(text: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    let is_dropped = |index: usize| {
        let ends = characters.get(index + 2).is_none_or(|next| next.is_whitespace());
        characters[index] == '\''
            && index > 0
            && characters[index - 1].is_ascii_alphanumeric()
            && matches!(characters.get(index + 1), Some('t' | 's'))
            && ends
    };
    (0..characters.len()).filter(|index| !is_dropped(*index)).map(|index| characters[index]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the real command makes of each.
    #[test]
    fn names_become_what_prisma_makes_of_them() {
        for (name, expected) in [
            ("FooBar Baz-qux ÄÖ/3", "foo_bar_baz_qux_ae_oe_3"),
            ("a^b`c´d", "abcd"),
            ("HTTPServer2", "http_server2"),
            ("v2API", "v2_api"),
            ("ABC123def", "abc_123def"),
            ("ID2User", "id_2_user"),
            ("CamelCASEName", "camel_case_name"),
            ("many APIs", "many_apis"),
            ("don't it's", "dont_its"),
            ("don'tx J'ai", "don_tx_j_ai"),
            ("TEST'S", "tests"),
            ("a & b", "a_and_b"),
            ("  __x__  ", "x"),
            ("ÇĞİŞ ığ", "cgis_ig"),
            ("Łódź", "lodz"),
            ("Привет мир", "privet_mir"),
            ("Объект новый", "obyekt_noviy"),
            ("Ελλάδα", "ellada"),
            ("Straße", "strasse"),
            ("naïve café", "naive_cafe"),
            ("a\\b x²y", "a_b_x_y"),
            ("../../etc/passwd", "etc_passwd"),
            ("Київ і Львів", "kiyiv_i_lviv"),
            ("Љубав Њива", "ljubav_njiva"),
            ("ЉУБАВ Ђорђе", "lj_ubav_or_e"),
            ("Տեսնել նամակը", "tyesnyel_namaky"),
            ("ԱԲԳ Երևան", "abg_yeryevan"),
            ("გამარჯობა მსოფლიო", "gamarjoba_msophlio"),
            ("مرحبا بالعالم", "mrhba_balealm"),
            ("زمان بندی ٣٤", "zman_bndy_34"),
            ("पहला", ""),
            ("日本語", ""),
            ("…", ""),
        ] {
            assert_eq!(slug(name), expected, "{name}");
        }
        assert_eq!(slug(&"x".repeat(300)).len(), 200);
    }

    fn named(existing: &[&str]) -> MigrationName {
        let existing: Vec<String> = existing.iter().map(|name| (*name).to_owned()).collect();
        let now: Timestamp = "2026-03-02T14:30:15.7Z".parse().unwrap_or_default();
        MigrationName::new("Add note", now, &existing, FolderOrder::Collation)
    }

    #[test]
    fn a_new_folder_is_behind_all_others() {
        let usual = named(&["20260105090000_init"]);
        assert_eq!(usual.folder, "20260302143015_add_note");
        assert_eq!((usual.moved_behind, usual.stands_before), (None, None));
        // Made within the same second, also under the same name.
        assert_eq!(named(&["20260302143015_zz"]).folder, "20260302143016_add_note");
        assert_eq!(named(&["20260302143015_add_note"]).folder, "20260302143016_add_note");
        assert_eq!(named(&["20260302143015_a"]).folder, "20260302143015_add_note");
        // Somebody's clock was ahead, or somebody chose the second.
        let ahead = named(&["20271231235959_later", "20260105090000_init"]);
        assert_eq!(ahead.folder, "20280101000000_add_note");
        assert_eq!(ahead.moved_behind.as_deref(), Some("20271231235959_later"));
        // Nothing can be behind this.
        assert_eq!(named(&["zz_last"]).stands_before.as_deref(), Some("zz_last"));
        // No month is the thirteenth.
        assert_eq!(named(&["20261301000000_odd"]).stands_before.as_deref(), Some("20261301000000_odd"));
    }
}
