//! YAML with places: enough for workflows, compose files and manifests.
//!
//! Read line by line by its indentation: block mappings and lists, block scalars, quoted and plain
//! scalars, lists in brackets. Anchors are skipped, aliases, flow mappings and tags stay text. What it
//! misreads it misreads as text that holds no command.

use super::leaf::{Leaf, closing, list_as_command, unescaped};

/// All scalars of a text, in its order. The first key of each path is the number of its document.
pub(super) fn leaves(text: &str) -> Vec<Leaf> {
    let mut reader = Reader { text, at: 0, document: 0, open: Vec::new(), found: Vec::new() };
    while reader.at < text.len() {
        reader.line();
    }
    reader.found
}

/// Deeper than any file that people write.
const DEPTH_MAX: usize = 64;

/// A quote or bracket that is never closed must not be looked for to the end of the file, line after line.
const VALUE_BYTES_MAX: usize = 4 * 1024;

struct Reader<'a> {
    text: &'a str,
    at: usize,
    document: usize,
    /// Keys and list elements that are open, with their columns.
    open: Vec<Open>,
    found: Vec<Leaf>,
}

struct Open {
    column: usize,
    key: String,
    /// The element's number, for `-`.
    element: Option<usize>,
}

impl<'a> Reader<'a> {
    /// The line at `at`, up to its line feed, and where the next one begins.
    fn line_at(&self, at: usize) -> (&'a str, usize) {
        let rest = &self.text[at..];
        match rest.find('\n') {
            Some(end) => (&rest[..end], at + end + 1),
            None => (rest, self.text.len()),
        }
    }

    /// Where a value may end that goes on over lines.
    fn window(&self, at: usize) -> &'a str {
        let rest = &self.text[at..];
        &rest[..rest.floor_char_boundary(VALUE_BYTES_MAX)]
    }

    fn line(&mut self) {
        let (line, next) = self.line_at(self.at);
        let begin = self.at;
        self.at = next;
        let content = line.trim_start_matches(' ');
        if content.trim().is_empty() || content.starts_with('#') {
            return;
        }
        if line.starts_with("---") {
            self.document += usize::from(!self.found.is_empty());
            self.open.clear();
            return;
        }
        let mut column = line.len() - content.len();
        let mut content = content;
        while let Some(rest) =
            content.strip_prefix('-').filter(|rest| rest.is_empty() || rest.starts_with([' ', '\r']))
        {
            self.close(column, true);
            let element = match self.open.last() {
                Some(Open { column: same, element: Some(number), .. }) if *same == column => {
                    let number = number + 1;
                    self.open.pop();
                    number
                }
                _ => 0,
            };
            if self.open.len() >= DEPTH_MAX {
                return;
            }
            self.open.push(Open { column, key: element.to_string(), element: Some(element) });
            let inner = rest.trim_start_matches(' ');
            column += content.len() - inner.len();
            content = inner;
        }
        if content.trim().is_empty() || content.starts_with('#') {
            return;
        }
        match key_of(content) {
            Some((key, value)) => {
                self.close(column, false);
                if self.open.len() >= DEPTH_MAX {
                    return;
                }
                self.open.push(Open { column, key: key.to_owned(), element: None });
                self.scalar(begin + line.len() - value.len(), value, column);
            }
            None => {
                let column = self.open.last().map_or(0, |open| open.column);
                self.scalar(begin + line.len() - content.len(), content, column);
            }
        }
    }

    /// Ends what stands at `column` or to its right. A list may stand at the column of its key.
    fn close(&mut self, column: usize, for_element: bool) {
        while let Some(open) = self.open.last() {
            let stays = open.column < column || (open.column == column && for_element);
            if stays {
                return;
            }
            self.open.pop();
        }
    }

    /// A value that begins at `at` with `text`, the rest of its line. `column` is that of its key.
    fn scalar(&mut self, at: usize, text: &str, column: usize) {
        let value = text.trim_start();
        let at = at + text.len() - value.len();
        match value.chars().next() {
            None | Some('#') => {}
            Some('&') => {
                let rest = value.find(' ').map_or("", |end| &value[end..]);
                self.scalar(at + value.len() - rest.len(), rest, column);
            }
            Some(style @ ('|' | '>')) => self.block(column, style == '>'),
            Some(quote @ ('"' | '\'')) => {
                let inside = self.window(at + 1);
                let length = closing(inside, quote).unwrap_or(value.len() - 1);
                let inside = &inside[..length];
                let shown = if quote == '"' { unescaped(inside) } else { inside.to_owned() };
                self.leaf(at + 1, shown.replace('\n', " "));
                self.skip_to(at + 1 + length);
            }
            Some('[') => {
                let rest = self.window(at);
                let length = bracket(rest).unwrap_or(value.len());
                self.leaf(at, list_as_command(&rest[..length]).replace('\n', " "));
                self.skip_to(at + length);
            }
            Some(_) => {
                let end = value.find(" #").unwrap_or(value.len());
                self.leaf(at, value[..end].trim_end().to_owned());
            }
        }
    }

    /// The lines that are indented more than the key.
    fn block(&mut self, column: usize, folded: bool) {
        let begin = self.at;
        loop {
            let (line, next) = self.line_at(self.at);
            let indent = line.len() - line.trim_start_matches(' ').len();
            if self.at >= self.text.len() || (!line.trim().is_empty() && indent <= column) {
                break;
            }
            self.at = next;
        }
        let text = &self.text[begin..self.at];
        self.leaf(begin, if folded { text.replace('\n', " ") } else { text.to_owned() });
    }

    fn leaf(&mut self, at: usize, text: String) {
        let keys = self.open.iter().map(|open| open.key.clone());
        let path = std::iter::once(self.document.to_string()).chain(keys).collect();
        self.found.push(Leaf { path, at, text });
    }

    /// Goes on behind a value that took several lines.
    fn skip_to(&mut self, at: usize) {
        if at > self.at {
            self.at = self.line_at(at).1;
        }
    }
}

/// The key of a line and what stands behind its colon.
fn key_of(content: &str) -> Option<(&str, &str)> {
    let quote = content.chars().next().filter(|first| *first == '"' || *first == '\'');
    let (key, rest) = match quote {
        Some(quote) => {
            let length = closing(&content[1..], quote)?;
            (&content[1..=length], content[length + 2..].strip_prefix(':')?)
        }
        None => {
            let end = content
                .match_indices(':')
                .map(|(at, _)| at)
                .find(|at| content[at + 1..].chars().next().is_none_or(char::is_whitespace))?;
            let key = &content[..end];
            // `- echo "a: b"` is no key, and `${{ a: b }}` neither.
            let plain = !key.contains(['"', '\'', '[', '{', '`']);
            plain.then_some((key.trim_end(), &content[end + 1..]))?
        }
    };
    (rest.is_empty() || rest.starts_with(char::is_whitespace)).then_some((key, rest))
}

/// Where a list in brackets ends, behind its bracket.
fn bracket(list: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut quote = None;
    for (at, character) in list.char_indices() {
        match (quote, character) {
            (Some(open), _) if open == character => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(character),
            (None, '[') => depth += 1,
            (None, ']') => {
                depth -= 1;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            (None, _) => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Vec<String> {
        leaves(text).iter().map(|leaf| format!("{}={}", leaf.path.join("."), leaf.value())).collect()
    }

    #[test]
    fn a_workflow_is_read_with_its_lists_and_blocks() {
        let text = "on: [push, pull_request] # both\njobs:\n  a:\n    env: &env\n      X: \"1\"\n    steps:\n    - uses: x@v1\n    - name: m\n      run: |\n        npx prisma migrate deploy\n        echo done: yes\n    - run: 'b'\n  c:\n    steps:\n      - run: d\n";
        assert_eq!(
            shown(text),
            [
                "0.on=push  pull_request",
                "0.jobs.a.env.X=1",
                "0.jobs.a.steps.0.uses=x@v1",
                "0.jobs.a.steps.1.name=m",
                "0.jobs.a.steps.1.run=npx prisma migrate deploy\n        echo done: yes",
                "0.jobs.a.steps.2.run=b",
                "0.jobs.c.steps.0.run=d",
            ]
        );
        for leaf in leaves(text) {
            assert_eq!(text[leaf.at..leaf.at + leaf.text.len()].len(), leaf.text.len());
        }
    }

    #[test]
    fn values_over_several_lines_are_one_command() {
        let text = "services:\n  web:\n    command: >\n      sh -c \"a &&\n      b\"\n    entrypoint:\n      [\"sh\", \"-c\",\n       \"c && d\"]\n    other: \"x\n      y\"\n    last: z\n";
        let found = shown(text);
        assert_eq!(found[0], "0.services.web.command=sh -c \"a &&       b\"");
        assert!(found[1].ends_with("\"c && d\""), "{found:?}");
        assert_eq!(found[2..], ["0.services.web.other=x       y", "0.services.web.last=z"]);
    }

    #[test]
    fn documents_are_counted() {
        assert_eq!(shown("---\na: 1\n---\na: 2\n"), ["0.a=1", "1.a=2"]);
    }

    #[test]
    fn nonsense_ends() {
        for text in [
            "- - - -",
            "a: [",
            "a: \"",
            ": :",
            "-",
            "a: |",
            "\t\t",
            &"- ".repeat(5_000),
            "]: [] ]]",
            &"a: [\n".repeat(20_000),
        ] {
            leaves(text);
        }
    }
}
