//! JSON with places: enough for `package.json`, `vercel.json` and `railway.json`, comments and trailing
//! commas included, as their readers allow them.
//!
//! It reports what it could read. A file that is no JSON is somebody else's problem: the tool that
//! owns it will say so.

use super::leaf::{Leaf, closing, unescaped};

/// Deeper than any file that people write; what lies below is left out.
const DEPTH_MAX: usize = 64;

/// All strings, numbers and words of a text, in its order.
pub(super) fn leaves(text: &str) -> Vec<Leaf> {
    let mut reader = Reader { text, at: 0, path: Vec::new(), found: Vec::new() };
    reader.value();
    reader.found
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    path: Vec<String>,
    found: Vec<Leaf>,
}

impl Reader<'_> {
    /// One value; `None` where the text stops making sense.
    fn value(&mut self) -> Option<()> {
        self.blanks();
        match self.peek()? {
            '{' => self.members('}'),
            '[' => self.members(']'),
            '"' => {
                let (at, text) = self.string()?;
                self.found.push(Leaf { path: self.path.clone(), at, text });
                Some(())
            }
            _ => {
                let rest = &self.text[self.at..];
                let length = rest.find([',', '}', ']', '\n']).unwrap_or(rest.len());
                // A bracket that closes nothing; to go on would be to stay here.
                (length > 0).then_some(())?;
                let text = rest[..length].to_owned();
                self.found.push(Leaf { path: self.path.clone(), at: self.at, text });
                self.at += length;
                Some(())
            }
        }
    }

    fn members(&mut self, end: char) -> Option<()> {
        self.at += 1;
        let mut index = 0_usize;
        loop {
            self.blanks();
            match self.peek()? {
                ',' => self.at += 1,
                other if other == end => {
                    self.at += 1;
                    return Some(());
                }
                _ => {
                    let key = if end == '}' {
                        let (_, key) = self.string()?;
                        self.blanks();
                        (self.peek()? == ':').then_some(())?;
                        self.at += 1;
                        key
                    } else {
                        index += 1;
                        (index - 1).to_string()
                    };
                    (self.path.len() < DEPTH_MAX).then_some(())?;
                    self.path.push(key);
                    self.value()?;
                    self.path.pop();
                }
            }
        }
    }

    /// A string's inside and where it begins.
    fn string(&mut self) -> Option<(usize, String)> {
        (self.peek()? == '"').then_some(())?;
        let begin = self.at + 1;
        let length = closing(&self.text[begin..], '"')?;
        self.at = begin + length + 1;
        Some((begin, unescaped(&self.text[begin..begin + length])))
    }

    fn blanks(&mut self) {
        loop {
            let rest = &self.text[self.at..];
            let blank = rest.len() - rest.trim_start().len();
            self.at += blank;
            let rest = &rest[blank..];
            let comment = if rest.starts_with("//") {
                rest.find('\n').unwrap_or(rest.len())
            } else if rest.starts_with("/*") {
                rest.find("*/").map_or(rest.len(), |end| end + 2)
            } else {
                return;
            };
            self.at += comment;
        }
    }

    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_have_their_keys_and_places() {
        let text = r#"{ "scripts": { "start": "node \"x\"", }, // why
            "files": ["a", "b"], "n": 3 }"#;
        let found = leaves(text);
        let shown: Vec<_> = found.iter().map(|leaf| (leaf.path.join("."), leaf.value())).collect();
        let expected = [("scripts.start", "node  \"x \""), ("files.0", "a"), ("files.1", "b"), ("n", "3")];
        assert_eq!(shown, expected.map(|(path, value)| (path.to_owned(), value)));
        assert!(text[found[0].at..].starts_with("node"));
    }

    #[test]
    fn what_is_no_json_ends() {
        for text in
            ["", "{", "{\"a\"", "[[[[", "{\"a\": \"b", "[}", "{\"a\": ]", "\u{feff}{}", &"[".repeat(10_000)]
        {
            leaves(text);
        }
    }
}
