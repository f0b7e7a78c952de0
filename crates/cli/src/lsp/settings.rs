//! `underpin.toml` while it is written: what is no setting, and names that there are none of.

use std::ops::Range;

use underpin_core::lint::unknown_names;
use underpin_core::settings::Settings;

/// Something in the settings that does not do what somebody meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    /// Where it stands.
    pub(super) bytes: Range<usize>,
    /// What is wrong, and what to do.
    pub(super) message: String,
    /// What is probably meant, to be put into its place.
    pub(super) instead: Option<&'static str>,
}

/// Everything that is wrong with a text, in its order.
pub(super) fn wrong(text: &str) -> Vec<Wrong> {
    let settings = match Settings::from_toml(text) {
        Ok(settings) => settings,
        Err(error) => {
            let bytes = line(text, error.line);
            let message = format!("the settings are not valid: {}", error.message);
            return vec![Wrong { bytes, message, instead: None }];
        }
    };
    let mut found: Vec<Wrong> = Vec::new();
    for unknown in unknown_names(&settings.lint) {
        let message = format!("{}; {}", unknown.message(), unknown.hint());
        let places = places(text, &unknown.name);
        found.extend(places.into_iter().map(|bytes| Wrong {
            bytes,
            message: message.clone(),
            instead: unknown.near,
        }));
    }
    found.sort_unstable_by_key(|wrong| wrong.bytes.start);
    found
}

/// The words of a line, counted from 1.
fn line(text: &str, number: usize) -> Range<usize> {
    let mut start = 0;
    for (at, line) in text.split_inclusive('\n').enumerate() {
        if at + 1 == number {
            let words = line.trim();
            let begin = start + line.find(words).unwrap_or(0);
            return begin..begin + words.len();
        }
        start += line.len();
    }
    text.len()..text.len()
}

/// Where a name stands as a whole, comments left out.
fn places(text: &str, name: &str) -> Vec<Range<usize>> {
    let is_part = |sign: char| sign.is_alphanumeric() || sign == '-' || sign == '_';
    let mut found = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let said = if line.trim_start().starts_with('#') { "" } else { line };
        for (at, _) in said.match_indices(name) {
            let (before, behind) = (&said[..at], &said[at + name.len()..]);
            if !before.ends_with(is_part) && !behind.starts_with(is_part) {
                found.push(start + at..start + at + name.len());
            }
        }
        start += line.len();
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Vec<(&str, String, Option<&'static str>)> {
        wrong(text)
            .into_iter()
            .map(|wrong| (&text[wrong.bytes.clone()], wrong.message, wrong.instead))
            .collect()
    }

    #[test]
    fn a_name_that_there_is_none_of_is_told_where_it_stands() {
        let text = "# index-buld\n[lint]\ngroups = [\"qualty\"]\n[lint.severity]\nindex-buld = \"info\"\nindex-build = \"info\"\n\
                    [[lint.ignore]]\nrules = [\"index-buld\", \"drop-column\", \"no-such-thing-at-all\"]\nbecause = \"é index-buldx\"\n";
        let told = told(text);
        let names: Vec<&str> = told.iter().map(|(name, ..)| *name).collect();
        assert_eq!(names, ["qualty", "index-buld", "index-buld", "no-such-thing-at-all"]);
        assert_eq!(
            told[1].1,
            "the settings speak of a rule `index-buld`, and there is none; did you mean `index-build`?"
        );
        assert_eq!((told[1].2, told[3].2), (Some("index-build"), None));
        assert!(told[3].1.ends_with("`underpin explain` lists the rules"), "{}", told[3].1);
    }

    #[test]
    fn what_is_no_setting_is_told_in_its_line() {
        let found = told("[lint]\n  fail_onn = \"info\"\n");
        assert_eq!((found.len(), found[0].0), (1, "fail_onn = \"info\""));
        assert!(found[0].1.contains("not valid"), "{}", found[0].1);
        assert_eq!(told("[lint\n").len(), 1);
        assert!(told("").is_empty());
    }
}
