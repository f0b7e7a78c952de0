//! A page of Markdown for a terminal: headings, paragraphs, lists and code, as our own pages use them.
//!
//! It reads well as it is, so little is changed: marks of headings and fences go, code is indented,
//! paragraphs fill the line. Tables stay as they are written.

/// The page in lines of at most `columns` characters, where words allow it.
pub(crate) fn render(markdown: &str, columns: usize, styled: bool) -> String {
    let mut out = String::new();
    let mut paragraph = String::new();
    let mut in_code = false;
    for line in markdown.lines() {
        let is_fence = line.starts_with("```");
        let stands_alone =
            is_fence || in_code || line.starts_with('#') || line.starts_with('|') || line.is_empty();
        if stands_alone || line.starts_with("- ") {
            fill(&mut out, &std::mem::take(&mut paragraph), columns);
        }
        if is_fence {
            in_code = !in_code;
        } else if in_code {
            push(&mut out, &format!("    {line}"));
        } else if let Some(heading) = line.strip_prefix('#') {
            let heading = heading.trim_start_matches('#').trim();
            push(
                &mut out,
                &if styled { format!("\u{1b}[1m{heading}\u{1b}[0m") } else { heading.to_uppercase() },
            );
        } else if stands_alone {
            push(&mut out, line);
        } else {
            if !paragraph.is_empty() {
                paragraph.push(' ');
            }
            paragraph.push_str(line);
        }
    }
    fill(&mut out, &paragraph, columns);
    out
}

/// A paragraph, or an item of a list with its further lines below its words.
fn fill(out: &mut String, paragraph: &str, columns: usize) {
    if paragraph.is_empty() {
        return;
    }
    let indent = if paragraph.starts_with("- ") { "  " } else { "" };
    let mut line = String::new();
    for word in paragraph.split_whitespace() {
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > columns {
            push(out, &line);
            line = indent.to_owned();
        } else if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    push(out, &line);
}

fn push(out: &mut String, line: &str) {
    out.push_str(line.trim_end());
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::render;

    const PAGE: &str = "# drop-table\n\nA table and its\nrows are gone.\n\n## Why\n\n- one thing that is\n  longer\n- two\n\n```sql\nDROP TABLE \"A\";\n\n-- # no heading\n```\n\n| a | b |\n|---|---|\n";

    #[test]
    fn a_page_reads_like_a_page() {
        assert_eq!(
            render(PAGE, 20, false),
            "DROP-TABLE\n\nA table and its rows\nare gone.\n\nWHY\n\n- one thing that is\n  longer\n- two\n\n    DROP TABLE \"A\";\n\n    -- # no heading\n\n| a | b |\n|---|---|\n"
        );
    }

    #[test]
    fn headings_are_bold_where_that_is_wanted() {
        let styled = render(PAGE, 80, true);
        assert!(styled.starts_with("\u{1b}[1mdrop-table\u{1b}[0m\n"), "{styled}");
        assert!(styled.contains("\n- one thing that is longer\n"), "{styled}");
    }
}
