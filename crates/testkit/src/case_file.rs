//! Tests that are read as pages: Markdown whose headings name cases and whose fences are their inputs and
//! expectations.
//!
//! A section owns the fences up to the next heading and inherits those of the headings above it, so that a
//! fixture is written once for a page. What the fences mean is the reader's business; this one knows
//! headings (`#` to `######`) and fences (three or more backticks or tildes, an info string), and puts new
//! expectations where the old ones stood, every other byte kept.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// A page, split into its sections.
#[derive(Clone, Debug)]
pub struct CaseFile {
    path: PathBuf,
    text: String,
    /// The first one is the page before its first heading, of level 0.
    sections: Vec<Section>,
}

/// A heading and what follows it up to the next one.
#[derive(Clone, Debug)]
pub struct Section {
    /// The heading's text; empty before the first heading.
    pub title: String,
    /// 1 for `#`; 0 before the first heading.
    pub level: usize,
    /// The line of the heading, from 1.
    pub line: usize,
    /// Its own fences, in their order.
    pub fences: Vec<Fence>,
    /// What it says between heading and fences, trimmed.
    pub prose: String,
    parent: Option<usize>,
}

/// A fenced block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fence {
    /// What stands after the opening backticks, trimmed: `sql`, `sql setup`, `observed`.
    pub info: String,
    /// The lines between, each with its line feed.
    pub text: String,
    /// The line of the opening backticks, from 1.
    pub line: usize,
    /// Where `text` stands in the page, in bytes.
    span: Range<usize>,
}

impl CaseFile {
    /// Reads a page.
    ///
    /// # Panics
    /// When it cannot be read, or a fence is not closed.
    pub fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path);
        let text = text.unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()));
        Self::parse(path, text)
    }

    /// Every page (`*.md`) of a folder, in the order of their names.
    ///
    /// # Panics
    /// When the folder cannot be read or has none: nothing would be tested.
    pub fn all_in(folder: &Path) -> Vec<Self> {
        let listed = std::fs::read_dir(folder);
        let listed = listed.unwrap_or_else(|error| panic!("cannot list {}: {error}", folder.display()));
        let mut paths: Vec<_> = listed.filter_map(|entry| Some(entry.ok()?.path())).collect();
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
        paths.sort();
        assert!(!paths.is_empty(), "{} has no page", folder.display());
        paths.iter().map(|path| Self::read(path)).collect()
    }

    /// A page from its text; `path` is for messages and [`Self::rewrite`].
    ///
    /// # Panics
    /// When a fence is not closed.
    pub fn parse(path: &Path, text: String) -> Self {
        let sections = sections(&text, path);
        Self { path: path.to_path_buf(), text, sections }
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file's name without `.md`.
    pub fn name(&self) -> &str {
        self.path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default()
    }

    /// All sections in their order.
    pub fn sections(&self) -> &[Section] {
        &self.sections
    }

    /// The sections with a fence of this info string of their own, in their order: the cases.
    pub fn cases<'a>(&'a self, info: &'a str) -> impl Iterator<Item = &'a Section> {
        self.sections.iter().filter(move |section| section.own(info).is_some())
    }

    /// The fences of this info string that hold for a section: those of the page, of each heading above it,
    /// and its own, outermost first.
    pub fn inherited<'a>(&'a self, section: &'a Section, info: &str) -> Vec<&'a Fence> {
        let mut line: Vec<&Section> = Vec::new();
        let mut next = Some(section);
        while let Some(section) = next {
            line.push(section);
            next = section.parent.map(|parent| &self.sections[parent]);
        }
        let fences = line.into_iter().rev().flat_map(|section| &section.fences);
        fences.filter(|fence| fence.info == info).collect()
    }

    /// The fence of this info string that is nearest to a section: its own, else that of the heading above.
    pub fn nearest<'a>(&'a self, section: &'a Section, info: &str) -> Option<&'a Fence> {
        self.inherited(section, info).pop()
    }

    /// The page with other texts in some fences. A text gets the line feed at its end that it lacks.
    pub fn with(&self, replacements: &[(&Fence, String)]) -> String {
        let mut replacements: Vec<_> = replacements.iter().collect();
        replacements.sort_by_key(|(fence, _)| fence.span.start);
        let mut page = String::new();
        let mut copied = 0;
        for (fence, text) in replacements {
            page.push_str(&self.text[copied..fence.span.start]);
            page.push_str(text);
            if !text.is_empty() && !text.ends_with('\n') {
                page.push('\n');
            }
            copied = fence.span.end;
        }
        page.push_str(&self.text[copied..]);
        page
    }

    /// Writes [`Self::with`] to the page's own place.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn rewrite(&self, replacements: &[(&Fence, String)]) {
        let written = std::fs::write(&self.path, self.with(replacements));
        written.unwrap_or_else(|error| panic!("cannot write {}: {error}", self.path.display()));
    }

    /// `add-column.md:17 "with a default"`, for messages.
    pub fn place(&self, section: &Section) -> String {
        format!("{self}:{} \"{}\"", section.line, section.title)
    }
}

/// Holds every case of these pages, a section with a fence `expectation`, against what `judge` finds, and
/// answers how many there are. With `UNDERPIN_BLESS` set it writes what was found into the pages instead.
///
/// # Panics
/// When there is no case, or one is not as its page says: with all of them, page and finding.
pub fn hold(pages: &[CaseFile], expectation: &str, judge: impl Fn(&CaseFile, &Section) -> String) -> usize {
    let bless = std::env::var_os("UNDERPIN_BLESS").is_some();
    let mut wrong = Vec::new();
    let mut cases = 0;
    for page in pages {
        let mut rewritten = Vec::new();
        for section in page.sections() {
            let Some(expected) = section.own(expectation) else { continue };
            cases += 1;
            let found = judge(page, section);
            if found != expected.text {
                let place = page.place(section);
                wrong.push(format!("{place}:\n--- page\n{}--- found\n{found}", expected.text));
                rewritten.push((expected, found));
            }
        }
        if bless && !rewritten.is_empty() {
            page.rewrite(&rewritten);
        }
    }
    assert!(cases > 0, "no page has a case with `{expectation}`");
    assert!(bless || wrong.is_empty(), "{} of {cases} cases differ\n\n{}", wrong.len(), wrong.join("\n"));
    cases
}

impl fmt::Display for CaseFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.md", self.name())
    }
}

impl Section {
    /// Its own first fence of this info string.
    pub fn own(&self, info: &str) -> Option<&Fence> {
        self.fences.iter().find(|fence| fence.info == info)
    }
}

/// A fence whose end was not seen yet.
struct Open {
    mark: char,
    length: usize,
    info: String,
    line: usize,
    begin: usize,
}

fn sections(text: &str, path: &Path) -> Vec<Section> {
    let mut sections = vec![Section::new(String::new(), 0, 1, None)];
    let mut open: Option<Open> = None;
    let mut end = 0;
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let (begin, number) = (end, number + 1);
        end += line.len();
        let bare = line.trim_end();
        if let Some(fence) = &open {
            if closes(bare, fence) {
                let done = Fence {
                    info: fence.info.clone(),
                    text: text[fence.begin..begin].to_owned(),
                    line: fence.line,
                    span: fence.begin..begin,
                };
                last(&mut sections).fences.push(done);
                open = None;
            }
        } else if let Some((mark, length, info)) = opening(bare) {
            open = Some(Open { mark, length, info: info.to_owned(), line: number, begin: end });
        } else if let Some((level, title)) = heading(bare) {
            let parent = sections.iter().rposition(|section| section.level < level);
            sections.push(Section::new(title.to_owned(), level, number, parent));
        } else {
            last(&mut sections).prose.push_str(line);
        }
    }
    if let Some(fence) = open {
        panic!("{}:{}: the fence is not closed", path.display(), fence.line);
    }
    for section in &mut sections {
        section.prose = section.prose.trim().to_owned();
    }
    sections
}

fn last(sections: &mut [Section]) -> &mut Section {
    sections.last_mut().expect("a page begins with the section before its first heading")
}

impl Section {
    fn new(title: String, level: usize, line: usize, parent: Option<usize>) -> Self {
        Self { title, level, line, fences: Vec::new(), prose: String::new(), parent }
    }
}

fn run_of(line: &str, mark: char) -> usize {
    line.chars().take_while(|c| *c == mark).count()
}

fn opening(line: &str) -> Option<(char, usize, &str)> {
    let mark = line.chars().next().filter(|mark| matches!(mark, '`' | '~'))?;
    let length = run_of(line, mark);
    (length >= 3).then(|| (mark, length, line[length..].trim()))
}

fn closes(line: &str, fence: &Open) -> bool {
    let length = run_of(line, fence.mark);
    length >= fence.length && length == line.len()
}

fn heading(line: &str) -> Option<(usize, &str)> {
    let level = run_of(line, '#');
    let title = line[level..].strip_prefix(' ')?;
    (1..=6).contains(&level).then(|| (level, title.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "intro\n\n# Page\n\n```sql setup\nCREATE TABLE a ();\n```\n\nWords.\n\n## One\n\n\
        ```sql\n# no heading\n```\n\n```observed\nold\n```\n\n### Deeper\n\n````md\n```sql\n```\n````\n\n## Two\n\n\
        ~~~sql\nSELECT 1;\n~~~\n";

    fn page() -> CaseFile {
        CaseFile::parse(Path::new("folder/page.md"), PAGE.to_owned())
    }

    #[test]
    fn headings_name_cases_that_inherit_fences() {
        let page = page();
        let titles: Vec<_> = page.sections().iter().map(|section| section.title.as_str()).collect();
        assert_eq!(titles, ["", "Page", "One", "Deeper", "Two"]);
        let cases: Vec<_> = page.cases("sql").map(|section| page.place(section)).collect();
        assert_eq!(cases, ["page.md:11 \"One\"", "page.md:28 \"Two\""]);
        let deeper = &page.sections()[3];
        assert_eq!(deeper.own("sql"), None);
        assert_eq!(deeper.own("md").unwrap().text, "```sql\n```\n");
        assert_eq!(page.nearest(deeper, "sql").unwrap().text, "# no heading\n");
        let two = &page.sections()[4];
        assert_eq!(page.inherited(two, "sql").len(), 1, "a sibling's fence is not inherited");
        assert_eq!(page.nearest(two, "sql setup").unwrap().text, "CREATE TABLE a ();\n");
        assert_eq!(page.sections()[1].prose, "Words.");
    }

    #[test]
    fn an_expectation_is_replaced_in_its_place() {
        let page = page();
        let observed = page.sections()[2].own("observed").unwrap();
        assert_eq!(page.with(&[]), PAGE);
        assert_eq!(page.with(&[(observed, "new".to_owned())]), PAGE.replace("old", "new"));
        assert_eq!(page.with(&[(observed, String::new())]), PAGE.replace("old\n", ""));
    }

    #[test]
    #[should_panic(expected = "page.md:1: the fence is not closed")]
    fn a_fence_without_end_is_refused() {
        CaseFile::parse(Path::new("page.md"), "```sql\nSELECT 1;\n".to_owned());
    }
}
