//! The last look at what is typed and printed back: a database URL in the place of a path or of a word loses its
//! credentials. Messages of our own hold none; what a person typed wrongly may.

use underpin_engine::{Fault, Problem};

/// Schemes of the URLs that carry credentials in a Prisma project.
const SCHEMES: [&str; 7] =
    ["postgres", "postgresql", "prisma", "mysql", "sqlserver", "mongodb", "mongodb+srv"];

/// The same problem without credentials.
pub(super) fn without(problem: &Problem) -> Problem {
    Problem {
        exit: problem.exit,
        code: problem.code.clone(),
        message: hidden(&problem.message),
        place: problem.place.as_deref().map(hidden),
        faults: problem
            .faults
            .iter()
            .map(|fault| Fault {
                place: hidden(&fault.place),
                message: hidden(&fault.message),
                hint: hidden(&fault.hint),
            })
            .collect(),
        hints: problem.hints.iter().map(|hint| hidden(hint)).collect(),
    }
}

/// Hides what stands between the scheme of a database URL and the last `@` of its line: a password that is not encoded
/// may hold anything, so rather too much is hidden than too little.
pub(crate) fn hidden(text: &str) -> String {
    text.split('\n').map(hidden_in_line).collect::<Vec<_>>().join("\n")
}

fn hidden_in_line(line: &str) -> String {
    let begin = line.match_indices("://").find(|(at, _)| ends_in_scheme(&line[..*at]));
    match (begin, line.rfind('@')) {
        (Some((at, mark)), Some(end)) if at < end => format!("{}{mark}…{}", &line[..at], &line[end..]),
        _ => line.to_owned(),
    }
}

fn ends_in_scheme(text: &str) -> bool {
    let word = text.rsplit(|c: char| !c.is_ascii_alphanumeric() && c != '+').next().unwrap_or_default();
    SCHEMES.contains(&word) || word.ends_with("+postgres")
}

#[cfg(test)]
mod tests {
    use super::hidden;

    #[test]
    fn credentials_are_hidden_and_other_addresses_are_not() {
        for (text, shown) in [
            ("no 'postgresql://u:p@ss w@h:5432/d' here\nnext", "no 'postgresql://…@h:5432/d' here\nnext"),
            ("--schema=postgres://u:p@h/d", "--schema=postgres://…@h/d"),
            ("prisma+postgres://k:v@h", "prisma+postgres://…@h"),
            ("postgresql://h/d is reached", "postgresql://h/d is reached"),
            ("see https://pris.ly/d/x: or a@b", "see https://pris.ly/d/x: or a@b"),
        ] {
            assert_eq!(hidden(text), shown);
        }
    }
}
