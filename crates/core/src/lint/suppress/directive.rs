//! The language of ignore comments.

use jiff::civil::Date;

use crate::lint::page::nearest;
use crate::rollout;

/// What a comment asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Directive {
    pub(super) reach: Reach,
    /// As written; whether they exist is for the caller to say. Never empty.
    pub(super) rules: Vec<String>,
    /// The last day on which it holds.
    pub(super) until: Option<Date>,
    pub(super) reason: String,
}

/// For which statements a comment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// `ignore`
    Statement,
    /// `ignore-file`
    File,
}

/// Reads a comment's text. `None` when it is not for us, the error is what is wrong with it.
pub(super) fn read(comment: &str) -> Option<Result<Directive, String>> {
    const MARK: &str = "underpin:";
    let marked = comment.get(..MARK.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(MARK));
    match marked {
        // What a phase of a rollout says about itself is read by those who execute it.
        true if rollout::is_directive(comment) => None,
        true => Some(directive(&comment[MARK.len()..])),
        false => is_meant(comment).then(|| {
            Err("the comment begins with something else than `underpin: ignore`, so it ignores nothing"
                .to_owned())
        }),
    }
}

/// Whether somebody wrote it from memory: `underpin ignore …`, `underpin-ignore: …`.
fn is_meant(comment: &str) -> bool {
    let mut words = comment.split(|sign: char| !sign.is_alphanumeric()).filter(|word| !word.is_empty());
    let mut next_is = |wanted: &str| words.next().is_some_and(|word| word.eq_ignore_ascii_case(wanted));
    next_is("underpin") && next_is("ignore")
}

fn directive(text: &str) -> Result<Directive, String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let Some((verb, rest)) = words.split_first() else {
        return Err("this comment is for underpin and says nothing".to_owned());
    };
    let reach = match *verb {
        "ignore" => Reach::Statement,
        "ignore-file" => Reach::File,
        other => {
            let meant = nearest(other, ["ignore", "ignore-file"]);
            return Err(match meant {
                Some(meant) => {
                    format!("`{other}` is nothing that a comment can ask for; did you mean `{meant}`?")
                }
                None => format!(
                    "`{other}` is nothing that a comment can ask for; there are `ignore` and `ignore-file`"
                ),
            });
        }
    };
    let Some(at) = rest.iter().position(|word| word.eq_ignore_ascii_case("because")) else {
        return Err("the comment gives no reason, so it ignores nothing".to_owned());
    };
    let (subject, reason) = (&rest[..at], &rest[at + 1..]);
    if !reason.iter().any(|word| word.chars().any(char::is_alphanumeric)) {
        return Err("the comment gives no reason behind `because`, so it ignores nothing".to_owned());
    }
    if let [.., "until", date] = reason
        && day(date.trim_end_matches('.')).is_ok()
    {
        return Err("the date stands before `because`; within the reason it would not hold".to_owned());
    }
    let (rules, until) = match subject.iter().position(|word| word.eq_ignore_ascii_case("until")) {
        None => (subject, None),
        Some(at) => match &subject[at + 1..] {
            [date] => (&subject[..at], Some(day(date)?)),
            _ => return Err("`until` wants one date, as in `until 2027-01-31`".to_owned()),
        },
    };
    Ok(Directive { reach, rules: names(rules)?, until, reason: reason.join(" ") })
}

/// `2027-01-31` and nothing else: `01/02/2027` means two days.
fn day(text: &str) -> Result<Date, String> {
    let parsed = (text.len() == 10).then(|| text.parse().ok()).flatten();
    parsed.ok_or_else(|| format!("`{text}` is no date; write it as in `until 2027-01-31`"))
}

fn names(words: &[&str]) -> Result<Vec<String>, String> {
    let joined = words.join(" ");
    let names: Vec<String> = joined.split(',').map(|name| name.trim().to_owned()).collect();
    if joined.is_empty() || names.iter().any(String::is_empty) {
        return Err("the comment does not say which rule it ignores".to_owned());
    }
    match names.iter().find(|name| name.contains(' ')) {
        Some(two) => Err(format!("`{two}` is not one rule; rules are separated by commas")),
        None => Ok(names),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn good(comment: &str) -> Directive {
        read(comment).unwrap().unwrap()
    }

    fn bad(comment: &str) -> String {
        read(comment).unwrap().unwrap_err()
    }

    #[test]
    fn a_comment_names_rules_a_day_and_a_reason() {
        let all = good(
            "underpin: ignore drop-table,  drop-column until 2027-01-31 because the table is\n  empty, because new",
        );
        assert_eq!(all.rules, ["drop-table", "drop-column"]);
        assert_eq!(all.until, Some(jiff::civil::date(2027, 1, 31)));
        assert_eq!((all.reach, all.reason.as_str()), (Reach::Statement, "the table is empty, because new"));
        assert_eq!(good("Underpin:ignore-file drop-table because old").reach, Reach::File);
        assert_eq!(read("underpin is a tool"), None);
        assert_eq!(read("underpin ignores this column"), None);
        assert_eq!(read("é"), None);
        assert_eq!(read("underpin: phase contract"), None);
    }

    #[test]
    fn what_is_missing_is_told() {
        for (comment, told) in [
            ("underpin:", "says nothing"),
            ("underpin ignore drop-table because it is old", "something else than `underpin: ignore`"),
            ("underpin-ignore: drop-table because it is old", "something else than `underpin: ignore`"),
            ("underpin: ingore x because y", "did you mean `ignore`?"),
            ("underpin: please", "there are `ignore` and `ignore-file`"),
            ("underpin: ignore drop-table", "no reason"),
            ("underpin: ignore drop-table because …", "no reason"),
            ("underpin: ignore because it is old", "which rule"),
            ("underpin: ignore a,,b because it is old", "which rule"),
            ("underpin: ignore a b because it is old", "separated by commas"),
            ("underpin: ignore a until 31.1.2027 because it is old", "`31.1.2027` is no date"),
            ("underpin: ignore a until 2027-02-30 because it is old", "`2027-02-30` is no date"),
            ("underpin: ignore a until because it is old", "`until` wants one date"),
            ("underpin: ignore a because it is old until 2027-01-31", "before `because`"),
        ] {
            assert!(bad(comment).contains(told), "{comment}: {}", bad(comment));
        }
    }
}
