//! The way back from the last migrations: `down-missing`, `down-fails`, `down-differs`.
//!
//! A migration is run, taken back and run again on a throwaway server. Going back has to end where it began,
//! and going forward again where it ended the first time; what the catalog does not hold (rows, the order of
//! columns) is not compared.

use underpin_catalog::Difference;

use super::Looked;
use super::replay::{Refusal, Script};
use crate::lint::finding::{Finding, Fix, Severity};
use crate::settings::CheckSettings;

/// So many differences are told in a message.
const TOLD_MAX: usize = 5;

/// What became of a migration and its way back.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tried {
    /// `down.sql` was refused, or cannot be read.
    pub down_refused: Option<Refusal>,
    /// Behind it, the catalog is another than before the migration; notes included.
    pub behind: Vec<Difference>,
    /// The migration was refused the second time.
    pub again_refused: Option<Refusal>,
    /// Behind the second time, the catalog is another than behind the first.
    pub again: Vec<Difference>,
}

/// Which of the last migrations lack a way back. `has` tells of each migration of the history, in order, whether
/// there is a `down.sql` beside it; `last` are the last ones. Instead of a trial there may be something to say.
pub fn missing(last: &[&Script], has: &[bool], settings: &CheckSettings) -> (Vec<Finding>, Option<Looked>) {
    if settings.down_last == 0 {
        return (Vec::new(), Some(Looked::Nothing("not asked for: [check] down_last is 0".to_owned())));
    }
    // A team that begins with it is not asked for what came before.
    let begun = match (has.iter().position(|has| *has), settings.down_required) {
        (_, true) => 0,
        (Some(first), false) => first,
        (None, false) => {
            let hint = "no migration has a down.sql: a file of that name beside migration.sql, which Prisma does not read, \
                        is run and taken back here";
            return (Vec::new(), Some(Looked::Nothing(hint.to_owned())));
        }
    };
    let places = has.len() - last.len()..has.len();
    let without = last.iter().zip(places.clone()).filter(|(_, at)| !has[*at] && *at >= begun);
    let (severity, reason) = match settings.down_required {
        true => (Severity::Danger, "[check] down_required asks for one"),
        false => (Severity::Caution, "one before it has"),
    };
    let findings = without.map(|(script, _)| Finding {
        object: Some(script.name.clone()),
        fix: Some(Fix::advice(
            "write down.sql beside it, which takes back what it does; where nothing can, say so there in a comment",
        )),
        ..Finding::new(
            "down-missing",
            severity,
            &script.path,
            format!("{} has no down.sql, and {reason}", script.name),
        )
    });
    let findings = findings.collect();
    let nothing = !places.into_iter().any(|at| has[at]);
    let nothing = nothing.then(|| match last.len() {
        1 => Looked::At("the last migration has no down.sql".to_owned()),
        count => Looked::At(format!("none of the last {count} migrations has a down.sql")),
    });
    (findings, nothing)
}

/// What there is to say of a migration whose way back was tried.
pub fn judge(script: &Script, down: &Script, tried: &Tried) -> Vec<Finding> {
    let mut found = Vec::new();
    if let Some(refusal) = &tried.down_refused {
        let what = format!("the way back from {} fails", script.name);
        found.push(Finding {
            fix: Some(Fix::advice(
                "repair it: Prisma does not read the file, so it may be edited at any time",
            )),
            ..refusal.finding("down-fails", Severity::Danger, down, &what)
        });
    }
    found.extend(differs(script, down, &tried.behind, "and its down.sql do not end where they began"));
    if let Some(refusal) = &tried.again_refused {
        let what = format!("{} does not run again behind its down.sql", script.name);
        found.push(Finding {
            fix: Some(Fix::advice("let down.sql take back all that the migration does")),
            ..refusal.finding("down-fails", Severity::Danger, script, &what)
        });
    }
    // What was left behind by the way back is told already.
    if real(&tried.behind).next().is_none() {
        let what = "run again behind its down.sql ends in another catalog than the first time";
        found.extend(differs(script, down, &tried.again, what));
    }
    found
}

fn differs(script: &Script, down: &Script, differences: &[Difference], what: &str) -> Option<Finding> {
    let told: Vec<String> = real(differences).take(TOLD_MAX).map(in_words).collect();
    if told.is_empty() {
        return None;
    }
    let more = match real(differences).count() - told.len() {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    Some(Finding {
        object: Some(script.name.clone()),
        fix: Some(Fix::advice(
            "let down.sql take back all that the migration does; what cannot be taken back, ignore there with the reason",
        )),
        ..Finding::new(
            "down-differs",
            Severity::Danger,
            &down.path,
            format!("{} {what}: {}{more}", script.name, told.join("; ")),
        )
    })
}

/// The differences that count.
fn real(differences: &[Difference]) -> impl Iterator<Item = &Difference> {
    differences.iter().filter(|difference| !difference.is_note())
}

/// `index public."Order_status_idx" is gone`.
fn in_words(difference: &Difference) -> String {
    let Difference { key, attribute, before, after } = difference;
    match (attribute, before, after) {
        (None, Some(_), _) => format!("{key} is gone"),
        (None, None, _) => format!("{key} is left"),
        (Some(attribute), before, after) => {
            let shown = |value: &Option<serde_json::Value>| match value {
                None => "nothing".to_owned(),
                Some(serde_json::Value::String(text)) => text.clone(),
                Some(other) => other.to_string(),
            };
            let attribute = attribute.replace('_', " ");
            format!("{key} has {attribute} {} instead of {}", shown(after), shown(before))
        }
    }
}

/// What was tried, of so many last migrations. The order of columns is no difference, and worth a word.
pub fn about(tried: &[&Tried], last: usize) -> String {
    let moved = tried.iter().flat_map(|tried| &tried.behind).filter(|one| one.is_note()).count();
    let of = match last {
        1 => "the last migration".to_owned(),
        last => format!("{} of the last {last} migrations", tried.len()),
    };
    let notes = match moved {
        0 => String::new(),
        1 => "; 1 column comes back in another place".to_owned(),
        more => format!("; {more} columns come back in other places"),
    };
    format!("{of}, run, taken back and run again{notes}")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn script(name: &str) -> Script {
        Script { name: name.to_owned(), path: format!("{name}/migration.sql"), text: String::new() }
    }

    fn told(has: &[bool], settings: &CheckSettings) -> (Vec<(String, Severity)>, Option<Looked>) {
        let scripts: Vec<Script> = (0..has.len()).map(|at| script(&at.to_string())).collect();
        let last: Vec<&Script> = scripts.iter().skip(has.len().saturating_sub(settings.down_last)).collect();
        let (found, instead) = missing(&last, has, settings);
        (found.into_iter().map(|one| (one.object.unwrap(), one.severity)).collect(), instead)
    }

    #[test]
    fn a_team_that_begins_is_asked_for_nothing_that_came_before() {
        let usual = CheckSettings::default();
        assert!(matches!(told(&[false; 5], &usual), (found, Some(Looked::Nothing(_))) if found.is_empty()));
        assert_eq!(told(&[false, false, true], &usual), (Vec::new(), None));
        let caution = |name: &str| (name.to_owned(), Severity::Caution);
        assert_eq!(told(&[false, true, false], &usual), (vec![caution("2")], None));
        let all = told(&[true, false, false, false], &usual);
        assert_eq!(all.0, [caution("1"), caution("2"), caution("3")]);
        assert!(matches!(all.1, Some(Looked::At(_))));
    }

    #[test]
    fn what_is_required_fails() {
        let required = CheckSettings { down_required: true, down_last: 2, ..CheckSettings::default() };
        let (found, _) = told(&[false, false, true], &required);
        assert_eq!(found, [("1".to_owned(), Severity::Danger)]);
        assert_eq!(told(&[false; 3], &required).0.len(), 2);
        let none = CheckSettings { down_last: 0, ..required };
        assert!(matches!(told(&[false; 3], &none), (found, Some(Looked::Nothing(_))) if found.is_empty()));
    }
}
