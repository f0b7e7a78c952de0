//! A rule as its page: static text, which `underpin explain` prints and SARIF carries.

use super::finding::Severity;

/// A rule's page: Markdown whose first line is `# name` and whose first paragraph is the rule in one
/// sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RulePage {
    /// The rule's name.
    pub name: &'static str,
    /// How bad it is when nothing is known about the table.
    pub severity: Severity,
    /// The Markdown.
    pub text: &'static str,
}

/// The rules about ignoring itself.
pub const IGNORING: [RulePage; 3] = [
    RulePage {
        name: "expired-ignore",
        severity: Severity::Caution,
        text: include_str!("../../rules/expired-ignore.md"),
    },
    RulePage {
        name: "malformed-ignore",
        severity: Severity::Caution,
        text: include_str!("../../rules/malformed-ignore.md"),
    },
    RulePage {
        name: "unused-ignore",
        severity: Severity::Info,
        text: include_str!("../../rules/unused-ignore.md"),
    },
];

impl RulePage {
    /// The rule in one sentence, on one line.
    pub fn summary(&self) -> String {
        let body = self.text.split_once("\n\n").map_or("", |(_, rest)| rest);
        let first = body.trim_start().split("\n\n").next().unwrap_or_default();
        first.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

impl RulePage {
    /// The page as Markdown for people: what is an expectation for the page's test is a sentence for them.
    pub fn for_readers(&self) -> String {
        let mut out = String::with_capacity(self.text.len());
        let mut lines = self.text.lines();
        while let Some(line) = lines.next() {
            let Some(info) = line.strip_prefix("```") else {
                push(&mut out, line);
                continue;
            };
            let body: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            match info {
                "findings" => push(&mut out, &said(&body)),
                "given" => push(&mut out, &format!("Given: {}.", body.join(", "))),
                info => {
                    let (language, what) = info.split_once(' ').unwrap_or((info, ""));
                    push(&mut out, &format!("```{language}"));
                    match what {
                        "history" => push(&mut out, "-- what was there before"),
                        "deployed" => push(&mut out, "// the running release"),
                        _ => {}
                    }
                    body.iter().for_each(|line| push(&mut out, line));
                    push(&mut out, "```");
                }
            }
        }
        out
    }
}

/// `1: index-build danger` as a sentence.
fn said(expected: &[&str]) -> String {
    if expected == ["none"] {
        return "Lint says nothing.".to_owned();
    }
    let told: Vec<String> = expected
        .iter()
        .map(|line| match line.split_once(": ") {
            Some((at, what)) => format!("`{what}` in line {at}"),
            None => format!("`{line}`"),
        })
        .collect();
    format!("Lint says {}.", told.join(", "))
}

fn push(out: &mut String, line: &str) {
    out.push_str(line);
    out.push('\n');
}

/// The name that is nearest to a misspelt one, when one is near.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(name, candidate), candidate))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_begins_with_its_name_and_one_sentence() {
        for page in IGNORING {
            assert_eq!(page.text.lines().next(), Some(format!("# {}", page.name).as_str()));
            let summary = page.summary();
            assert!(summary.ends_with('.') && summary.len() > 20, "{}: {summary}", page.name);
        }
    }

    #[test]
    fn expectations_are_sentences_for_readers() {
        let text = "# a\n\nB.\n\n```sql history\nCREATE TABLE x ();\n```\n\n```sql\nDROP TABLE x;\n```\n\n```findings\n1: drop-table danger\n```\n\n```findings\nnone\n```\n";
        let page = RulePage { name: "a", severity: Severity::Info, text };
        assert_eq!(
            page.for_readers(),
            "# a\n\nB.\n\n```sql\n-- what was there before\nCREATE TABLE x ();\n```\n\n```sql\nDROP TABLE x;\n```\n\nLint says `drop-table danger` in line 1.\n\nLint says nothing.\n"
        );
        for page in IGNORING {
            assert_eq!(page.for_readers(), page.text);
        }
    }

    #[test]
    fn a_misspelt_name_has_a_neighbour_and_nonsense_has_none() {
        let known = ["drop-column", "drop-table", "unused-ignore"];
        assert_eq!(nearest("dropcolumn", known), Some("drop-column"));
        assert_eq!(nearest("drop_table", known), Some("drop-table"));
        assert_eq!(nearest("zzz", known), None);
    }
}
