//! `underpin explain`

use std::io::IsTerminal;

use serde_json::json;
use underpin_core::exit;
use underpin_core::lint::page::{RulePage, nearest};
use underpin_core::lint::pages;
use underpin_engine::Problem;

use crate::arguments::Explain;
use crate::output::lint::facts::wrapped;
use crate::output::{Output, may_colour, page, width};

/// Narrower columns of words cannot be read.
const SENTENCE_MIN: usize = 30;

/// Wider lines of prose are hard to read.
const WIDTH_MAX: usize = 100;

pub(crate) fn run(options: &Explain, output: &Output) -> Result<u8, Problem> {
    let mut pages: Vec<RulePage> = pages().collect();
    pages.sort_by_key(|page| page.name);
    let on_terminal = std::io::stdout().is_terminal();
    let columns = if on_terminal { width().unwrap_or(WIDTH_MAX).min(WIDTH_MAX) } else { WIDTH_MAX };
    match &options.rule {
        None => list(&pages, output, on_terminal.then_some(columns)),
        Some(name) => {
            let found = find(&pages, name)?;
            output.object(
                &json!({ "version": 1, "exit_code": exit::CLEAN, "rule": told(found), "page": found.for_readers() }),
            );
            output.say(page::render(&found.for_readers(), columns, on_terminal && may_colour()).trim_end());
        }
    }
    Ok(exit::CLEAN)
}

/// A line for each rule; on a terminal in as many as it takes, the further ones below the sentence.
fn list(pages: &[RulePage], output: &Output, columns: Option<usize>) {
    let rules: Vec<_> = pages.iter().map(told).collect();
    output.object(&json!({ "version": 1, "exit_code": exit::CLEAN, "rules": rules }));
    let longest = pages.iter().map(|page| page.name.len()).max().unwrap_or_default();
    for page in pages {
        let head = format!("{:<longest$}  {:<8} ", page.name, page.severity.as_str());
        let room = columns.map_or(usize::MAX, |columns| columns.saturating_sub(head.len()).max(SENTENCE_MIN));
        let sentence = wrapped(&page.summary(), room).replace('\n', &format!("\n{}", " ".repeat(head.len())));
        output.say(format!("{head}{sentence}"));
    }
}

fn told(page: &RulePage) -> serde_json::Value {
    json!({ "name": page.name, "severity": page.severity, "summary": page.summary() })
}

fn find<'a>(pages: &'a [RulePage], name: &str) -> Result<&'a RulePage, Problem> {
    pages.iter().find(|page| page.name == name).ok_or_else(|| {
        let problem = Problem::new(format!("there is no rule called `{name}`"));
        match nearest(name, pages.iter().map(|page| page.name)) {
            Some(near) => problem.hint(format!("did you mean `{near}`?")),
            None => problem.hint("`underpin explain` without a name lists the rules"),
        }
    })
}
