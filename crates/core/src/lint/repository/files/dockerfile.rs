//! Dockerfiles: `RUN` is the build, `CMD` and `ENTRYPOINT` are the start.

use super::super::RepositoryFile;
use super::super::leaf::list_as_command;
use super::super::place::{Place, Stage, for_development, runs_once, watches};
use super::{Text, is_for_development};

pub(super) fn texts(file: &RepositoryFile) -> Vec<Text> {
    if is_for_development(file) {
        return Vec::new();
    }
    let mut found = Vec::new();
    let mut in_development = false;
    let mut for_migrations = false;
    for instruction in instructions(&file.text) {
        let (stage, shown) = match instruction.keyword.to_ascii_uppercase().as_str() {
            "FROM" => {
                // `FROM base AS dev`: nothing of that stage is in the image of another target.
                let name = instruction.text.to_lowercase();
                let name = name.split(" as ").nth(1).unwrap_or_default();
                in_development = for_development(name);
                for_migrations = runs_once(name);
                continue;
            }
            // An image of its own for migrations is started once for a release.
            "CMD" | "ENTRYPOINT" if for_migrations => (Stage::Release, "the image for migrations"),
            "RUN" => (Stage::Build, "a build of the image"),
            "CMD" | "ENTRYPOINT" => (Stage::Start, "each start of the container"),
            _ => continue,
        };
        if in_development || watches(&instruction.text) {
            continue;
        }
        found.push(Text {
            at: instruction.at,
            text: instruction.text,
            place: Place::new(stage, shown),
            conditions: Vec::new(),
        });
    }
    found
}

struct Instruction<'a> {
    keyword: &'a str,
    at: usize,
    /// What follows the keyword, as long as in the file: lines that go on are one, comments are blank.
    text: String,
}

fn instructions(text: &str) -> Vec<Instruction<'_>> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let line = line_at(text, at);
        let trimmed = line.trim_start();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            at += line.len();
            continue;
        }
        let keyword_at = at + line.len() - trimmed.len();
        let keyword = trimmed.split_whitespace().next().unwrap_or_default();
        let begin = keyword_at + keyword.len();
        let mut end = at + line.len();
        let mut body = text[begin..end].to_owned();
        while end < text.len() && body.trim_end().ends_with('\\') {
            let next = line_at(text, end);
            end += next.len();
            if next.trim_start().starts_with('#') {
                // A comment between lines that go on; the instruction is not over.
                let keep = body.trim_end().len();
                let blank = " ".repeat(body.len() - keep + next.len() - 1);
                body.truncate(keep - 1);
                body.push(' ');
                body.push_str(&blank);
                body.push('\\');
            } else {
                // Both the backslash and the line feed become blanks.
                let keep = body.trim_end().len();
                let blank = " ".repeat(body.len() - keep + 1);
                body.truncate(keep - 1);
                body.push_str(&blank);
                body.push_str(next);
            }
        }
        if let Some(name) = here_document(&body) {
            // What stands in the document is what runs.
            let blank = " ".repeat(body.len());
            body = blank;
            while end < text.len() {
                let next = line_at(text, end);
                end += next.len();
                if next.trim() == name {
                    break;
                }
                body.push_str(next);
            }
        }
        let body = match body.trim_start().starts_with('[') {
            true => list_as_command(&body),
            false => body,
        };
        found.push(Instruction { keyword, at: begin, text: body });
        at = end;
    }
    found
}

fn line_at(text: &str, at: usize) -> &str {
    let rest = &text[at..];
    &rest[..rest.find('\n').map_or(rest.len(), |end| end + 1)]
}

/// The word of `RUN <<WORD`.
fn here_document(body: &str) -> Option<String> {
    let rest = body.trim_start().strip_prefix("<<")?.trim_start_matches('-');
    let word: String =
        rest.chars().filter(|sign| !"\"'".contains(*sign)).take_while(|sign| !sign.is_whitespace()).collect();
    (!word.is_empty()).then_some(word)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn instructions_keep_the_places_of_their_words() {
        let text = "FROM a AS b\n# RUN no\nRUN x && \\\n  # why\n  npx prisma db push\nCMD [\"npx\", \"prisma\"]\nRUN <<EOF\nnpx prisma z\nEOF\n";
        let found = instructions(text);
        let keywords: Vec<_> = found.iter().map(|one| one.keyword).collect();
        assert_eq!(keywords, ["FROM", "RUN", "CMD", "RUN"]);
        for (instruction, word) in found.iter().skip(1).zip(["npx", "npx", "npx"]) {
            let at = instruction.text.find(word).unwrap();
            assert!(text[instruction.at + at..].starts_with(word), "{:?}", instruction.text);
        }
        assert!(found[1].text.contains("x &&") && !found[1].text.contains("why"));
    }
}
