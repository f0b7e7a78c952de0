//! Shell text as simple commands, with the conditions around them.
//!
//! Not a shell: nothing is expanded, and what only a shell could know (a variable, a function) stays a
//! word. Comments and here-documents hold no commands. A word behind `-c` is read as shell text again.

use std::ops::Range;

use super::leaf::{closing, unescaped};

/// A simple command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Command {
    /// Its words without quotes, keywords and assignments included.
    pub(super) words: Vec<Word>,
    /// The conditions that have to hold before it runs, as they are written: what stands between `if`
    /// and `then`, and tests in front of `&&`.
    pub(super) conditions: Vec<String>,
}

/// A word with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word {
    /// Without its quotes.
    pub(super) text: String,
    /// Its bytes, quotes included.
    pub(super) bytes: Range<usize>,
}

/// How often text may be quoted in text.
const DEPTH_MAX: usize = 4;

/// The commands of a text.
pub(super) fn commands(text: &str) -> Vec<Command> {
    let mut found = Vec::new();
    read(text, 0, 0, &[], &mut found);
    found
}

impl Command {
    /// The first word that is neither a keyword nor an assignment: the program.
    pub(super) fn program(&self) -> Option<usize> {
        const BEFORE: [&str; 14] = [
            "then", "else", "do", "if", "elif", "while", "until", "!", "{", "time", "exec", "sudo",
            "command", "nohup",
        ];
        self.words.iter().position(|word| !BEFORE.contains(&word.text.as_str()) && !is_assignment(&word.text))
    }
}

fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty() && name.chars().all(|sign| sign.is_ascii_alphanumeric() || sign == '_')
    })
}

/// Reads a text that begins at `offset` of the whole.
fn read(text: &str, offset: usize, depth: usize, around: &[String], found: &mut Vec<Command>) {
    let mut state = State { around: around.to_vec(), ..State::default() };
    let mut lexer = Lexer { text, at: 0 };
    while let Some(token) = lexer.token() {
        match token {
            Token::Word(bytes) => {
                let raw = &text[bytes.clone()];
                state
                    .words
                    .push(Word { text: unquoted(raw), bytes: bytes.start + offset..bytes.end + offset });
            }
            Token::End(end) => state.end(end, found),
        }
    }
    state.end(End::Line, found);
    if depth >= DEPTH_MAX {
        return;
    }
    // Of this text; those of inner texts are read by their own reading.
    let inner: Vec<(Word, Vec<String>)> = found
        .iter()
        .flat_map(|command| quoted_commands(command).map(|word| (word.clone(), command.conditions.clone())))
        .filter(|(word, _)| word.bytes.start >= offset && word.bytes.end <= offset + text.len())
        .collect();
    for (word, conditions) in inner {
        let local = word.bytes.start - offset + 1..word.bytes.end - offset - 1;
        let inside = unescaped(&text[local.clone()]);
        // A text that was read on this level is not read again on the next one.
        let mut deeper = Vec::new();
        read(&inside, offset + local.start, depth + 1, &conditions, &mut deeper);
        found.extend(deeper);
    }
}

/// Words that are shell text themselves: behind `-c`, and the arguments of programs that start others.
fn quoted_commands(command: &Command) -> impl Iterator<Item = &Word> {
    const STARTERS: [&str; 12] = [
        "concurrently",
        "start-server-and-test",
        "ssh",
        "eval",
        "node",
        "tsx",
        "docker",
        "docker-compose",
        "kubectl",
        "heroku",
        "fly",
        "dotenv",
    ];
    let starts = command.words.iter().any(|word| STARTERS.contains(&word.text.as_str()));
    command.words.iter().enumerate().filter_map(move |(at, word)| {
        let behind_c = at > 0 && {
            let before = command.words[at - 1].text.as_str();
            before.starts_with('-') && !before.starts_with("--") && before.ends_with('c')
        };
        let quoted = word.bytes.len() == word.text.len() + 2 && word.text.contains(char::is_whitespace);
        (quoted && (behind_c || starts)).then_some(word)
    })
}

#[derive(Default)]
struct State {
    words: Vec<Word>,
    /// Conditions of the text around this one.
    around: Vec<String>,
    /// Conditions of `if` blocks that are open; `None` while it is being read.
    blocks: Vec<Option<String>>,
    /// Tests in front of `&&`, for the rest of the line.
    tests: Vec<String>,
}

impl State {
    fn end(&mut self, end: End, found: &mut Vec<Command>) {
        let words = std::mem::take(&mut self.words);
        if let Some(first) = words.first().map(|word| word.text.clone()) {
            match first.as_str() {
                "if" | "while" | "until" => self.blocks.push(Some(join(&words[1..]))),
                "elif" => self.condition(&words[1..], true),
                "else" => self.otherwise(),
                "fi" | "done" => {
                    self.blocks.pop();
                }
                _ => {}
            }
            let is_test = matches!(first.as_str(), "[" | "[[" | "test") || first.starts_with('$');
            if is_test && end == End::And {
                self.tests.push(join(&words));
            } else if is_test && end == End::Or {
                self.tests.push(format!("not {}", join(&words)));
            } else {
                let blocks = self.blocks.iter().flatten();
                let conditions = self.around.iter().chain(blocks).chain(&self.tests).cloned().collect();
                found.push(Command { words, conditions });
            }
        }
        if end == End::Line {
            self.tests.clear();
        }
    }

    fn condition(&mut self, words: &[Word], replace: bool) {
        if replace {
            self.blocks.pop();
        }
        self.blocks.push(Some(join(words)));
    }

    fn otherwise(&mut self) {
        if let Some(Some(condition)) = self.blocks.last_mut() {
            *condition = format!("not {condition}");
        }
    }
}

fn join(words: &[Word]) -> String {
    words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ")
}

enum Token {
    Word(Range<usize>),
    End(End),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// `;`, a line feed, a bracket.
    Line,
    /// `&&`.
    And,
    /// `||`.
    Or,
    /// `|` and `&`.
    Beside,
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

impl Lexer<'_> {
    fn token(&mut self) -> Option<Token> {
        loop {
            let rest = &self.text[self.at..];
            let next = rest.chars().next()?;
            if rest.starts_with("\\\n") || rest.starts_with("\\\r\n") {
                self.at += rest.find('\n')? + 1;
            } else if next == '#' {
                self.at += rest.find('\n').unwrap_or(rest.len());
            } else if rest.starts_with("<<") && !rest.starts_with("<<<") {
                self.here_document();
            } else if next != '\n' && next.is_whitespace() {
                self.at += next.len_utf8();
            } else {
                break;
            }
        }
        let rest = &self.text[self.at..];
        let (length, end) = match rest {
            _ if rest.starts_with("&&") => (2, End::And),
            _ if rest.starts_with("||") => (2, End::Or),
            _ if rest.starts_with("$(") => (2, End::Line),
            _ if rest.starts_with(['\n', ';', '(', ')', '`']) => (1, End::Line),
            _ if rest.starts_with(['|', '&']) => (1, End::Beside),
            _ => return Some(Token::Word(self.word())),
        };
        self.at += length;
        Some(Token::End(end))
    }

    fn word(&mut self) -> Range<usize> {
        let begin = self.at;
        let mut quote = None;
        let mut escaped = false;
        for (at, character) in self.text[begin..].char_indices() {
            self.at = begin + at;
            match (quote, character) {
                _ if escaped => escaped = false,
                (None | Some('"'), '\\') => escaped = true,
                (Some(open), _) if open == character => quote = None,
                (Some(_), _) => {}
                (None, '"' | '\'') => quote = Some(character),
                (None, _) if character.is_whitespace() || ";()`|&".contains(character) => {
                    // `$(` ends the word before its dollar.
                    if character == '(' && at > 0 && self.text[..self.at].ends_with('$') && at > 1 {
                        self.at -= 1;
                    }
                    return begin..self.at.max(begin + 1);
                }
                (None, _) => {}
            }
        }
        self.at = self.text.len();
        begin..self.at
    }

    /// Skips `<<WORD` and the lines up to the one that is `WORD`. The rest of the line stays.
    fn here_document(&mut self) {
        let rest = &self.text[self.at + 2..];
        let name = rest.trim_start_matches('-').trim_start();
        let name: String = name
            .chars()
            .filter(|sign| *sign != '"' && *sign != '\'')
            .take_while(|sign| !sign.is_whitespace())
            .collect();
        let Some(line_end) = rest.find('\n') else {
            self.at = self.text.len();
            return;
        };
        let mut at = self.at + 2 + line_end + 1;
        while at < self.text.len() {
            let line = self.text[at..].split('\n').next().unwrap_or_default();
            if line.trim() == name {
                // Its line feed ends the command.
                at += line.len();
                break;
            }
            at = (at + line.len() + 1).min(self.text.len());
        }
        self.at = at;
    }
}

/// A word without its quotes; what is escaped stays as it is.
fn unquoted(raw: &str) -> String {
    let quote = raw.chars().next().filter(|first| *first == '"' || *first == '\'');
    if let Some(quote) = quote
        && closing(&raw[1..], quote) == Some(raw.len().saturating_sub(2))
    {
        return raw[1..raw.len() - 1].to_owned();
    }
    raw.replace(['"', '\''], "")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Vec<String> {
        commands(text)
            .iter()
            .map(|command| {
                let mut line = join(&command.words);
                for condition in &command.conditions {
                    line.push_str(&format!(" <{condition}>"));
                }
                line
            })
            .collect()
    }

    #[test]
    fn commands_end_where_the_shell_ends_them() {
        assert_eq!(
            shown("npx prisma migrate deploy && node x; a | b \\\n  c # d && e\nf 'g h' \"i\""),
            ["npx prisma migrate deploy", "node x", "a", "b c", "f g h i"]
        );
        assert_eq!(shown("OUT=$(npx prisma migrate deploy 2>&1)")[1], "npx prisma migrate deploy 2>");
    }

    #[test]
    fn quoted_text_behind_c_is_read_again_at_its_place() {
        let text = "sh -c \"echo \\\"a b\\\" && npx prisma db push\"";
        let found = commands(text);
        let push = found.iter().find(|command| command.words[0].text == "npx").unwrap();
        assert_eq!(&text[push.words[0].bytes.start..push.words[3].bytes.end], "npx prisma db push");
        assert_eq!(shown("concurrently \"a b\" 'c d'")[1..], ["a b", "c d"]);
        assert_eq!(shown("bash -lc 'sh -c \"x y\"'"), ["bash -lc sh -c \"x y\"", "sh -c x y", "x y"]);
    }

    #[test]
    fn conditions_are_kept() {
        assert_eq!(
            shown("if [ \"$A\" = dev ]; then x y; else z; fi\nw"),
            [
                "if [ $A = dev ] <[ $A = dev ]>",
                "then x y <[ $A = dev ]>",
                "else z <not [ $A = dev ]>",
                "fi",
                "w",
            ]
        );
        assert_eq!(shown("[ -n \"$M\" ] && a && b; c"), ["a <[ -n $M ]>", "b <[ -n $M ]>", "c"]);
    }

    #[test]
    fn comments_and_here_documents_hold_no_commands() {
        assert_eq!(
            shown("# npx prisma migrate reset\ncat <<'EOF' > x\nnpx prisma db push\nEOF\nend"),
            ["cat", "end"]
        );
    }

    #[test]
    fn nonsense_ends() {
        for text in ["", "'", "\"", "\\", "<<", "<<A", "$(", "((((", "é\\", "a$(", "$", "sh -c \"\\\"\""] {
            commands(text);
        }
    }

    #[test]
    fn keywords_and_assignments_are_no_programs() {
        let found = commands("if A=1 sudo npx x");
        assert_eq!(found[0].words[found[0].program().unwrap()].text, "npx");
    }
}
