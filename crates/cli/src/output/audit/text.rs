//! The page on a terminal.

use std::fmt::Write;

use underpin_core::audit::{Audit, Bar};

use super::{basis, head, how_long, introduction, lines, percent, plural, twin};

/// The page, `width` characters wide.
pub(crate) fn page(audit: &Audit, title: &str, width: usize, styled: bool) -> String {
    let mut page = Page { text: String::new(), width, styled };
    let bold = page.bold(title);
    page.line(&format!("{bold}: {}", introduction(audit)));
    page.wrapped("", &basis(audit));
    page.line("");
    for line in lines(audit) {
        let share = percent(line.migrations, audit.migrations);
        let number = format!("{:>6}", line.migrations);
        let number = page.bold(&number);
        page.line(&format!("{number}  {:>3} %  {}", share, line.what));
        if let Some(more) = &line.more {
            page.line(&format!("{:>15}{more}", ""));
        }
    }
    let share = percent(audit.harmless, audit.migrations);
    page.line(&format!("{:>6}  {share:>3} %  would have hurt nobody", audit.harmless));
    if audit.timeline.len() > 1 {
        page.line("");
        page.timeline(&audit.timeline);
    }
    if !audit.worst.is_empty() {
        page.line("");
        let heading = page.bold("The worst");
        page.line(&heading);
    }
    for (at, worst) in audit.worst.iter().enumerate() {
        page.line("");
        let time = match how_long(worst) {
            time if time.is_empty() => worst.severity.to_string(),
            time => time,
        };
        let time = page.bold(&time);
        page.line(&format!("{:>3}. {time}  {}", at + 1, worst.rule));
        page.line(&format!("     {}:{}", worst.path, worst.line));
        page.wrapped("     ", &worst.title);
        page.wrapped("     ", head(&worst.message));
        let twin = twin(worst);
        if twin.is_empty() {
            if let Some(fix) = &worst.fix {
                page.wrapped("     instead: ", &fix.advice);
            }
        } else {
            page.line("     instead, as underpin deploy does by itself:");
            for sql in twin {
                page.wrapped("       ", &sql);
            }
        }
    }
    if !audit.rules.is_empty() {
        page.line("");
        let heading = page.bold("Findings");
        page.line(&heading);
        page.line("");
    }
    for rule in &audit.rules {
        page.line(&format!(
            "{:>6}  {:<32} {:<8} in {}",
            rule.findings,
            rule.rule,
            rule.severity.as_str(),
            plural(rule.migrations, "migration")
        ));
    }
    page.text
}

struct Page {
    text: String,
    width: usize,
    styled: bool,
}

impl Page {
    fn line(&mut self, line: &str) {
        // Writing into a string has no way to fail.
        let _ = writeln!(self.text, "{}", line.trim_end());
    }

    fn bold(&self, text: &str) -> String {
        if self.styled { format!("\u{1b}[1m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    /// Text in lines of the width, the first with `first` before it, the others indented alike.
    fn wrapped(&mut self, first: &str, text: &str) {
        let indent = " ".repeat(first.chars().count());
        let room = self.width.saturating_sub(indent.len()).max(20);
        for (at, line) in wrap(text, room).into_iter().enumerate() {
            let before = if at == 0 { first } else { &indent };
            self.line(&format!("{before}{line}"));
        }
    }

    /// A bar for each period: `#` blocked, `+` broke clients, `.` neither.
    fn timeline(&mut self, bars: &[Bar]) {
        let most = bars.iter().map(|bar| bar.migrations).max().unwrap_or(1).max(1);
        let room = self.width.saturating_sub(24).max(20);
        let scaled = |number: usize| if most <= room { number } else { (number * room).div_ceil(most) };
        for bar in bars {
            let rest = bar.migrations - bar.blocking - bar.breaking;
            let drawn = format!(
                "{}{}{}",
                "#".repeat(scaled(bar.blocking)),
                "+".repeat(scaled(bar.breaking)),
                ".".repeat(scaled(rest))
            );
            self.line(&format!("  {:<8} {:>4}  {drawn}", bar.period, bar.migrations));
        }
        self.line("");
        self.line("  # keeps reads or writes waiting   + breaks clients   . neither");
    }
}

/// Words in lines of at most `width` characters.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let last = lines
            .last_mut()
            .filter(|line| line.is_empty() || line.chars().count() + 1 + word.chars().count() <= width);
        match last {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) => {
                line.push(' ');
                line.push_str(word);
            }
            None => lines.push(word.to_owned()),
        }
    }
    lines
}
