//! A server's error, as Prisma's engine writes it into P3018 and the ledger's `logs`.

/// The fields of PostgreSQL's error message. Prisma prints all of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DatabaseError {
    /// The severity in the server's language, such as `ERROR`.
    pub severity: String,
    /// The severity in English, which servers since 9.6 send.
    pub parsed_severity: Option<String>,
    /// The SQLSTATE.
    pub code: String,
    /// The primary message.
    pub message: String,
    /// More about it.
    pub detail: Option<String>,
    /// What might help.
    pub hint: Option<String>,
    /// Where in the script, in characters from 1.
    pub position: Option<u32>,
    /// The call stack of the server's own languages.
    pub where_: Option<String>,
    /// The namespace concerned.
    pub schema: Option<String>,
    /// The table concerned.
    pub table: Option<String>,
    /// The column concerned.
    pub column: Option<String>,
    /// The data type concerned.
    pub datatype: Option<String>,
    /// The constraint concerned.
    pub constraint: Option<String>,
    /// The server's source file.
    pub file: Option<String>,
    /// The line in it.
    pub line: Option<u32>,
    /// The function in it.
    pub routine: Option<String>,
}

/// How many lines Prisma shows, the one with the error included.
const LINES_SHOWN: usize = 6;

impl DatabaseError {
    /// What stands behind `Database error:` in P3018: the message, the script up to the error's
    /// line when there is a position, and every field. The escape sequences that make the line
    /// numbers bold and the line red are stored in the ledger too.
    pub(super) fn rendered(&self, script: &str) -> String {
        let mut text = format!("{}: {}", self.severity, self.message);
        if let Some(detail) = &self.detail {
            text += &format!("\nDETAIL: {detail}");
        }
        if let Some(hint) = &self.hint {
            text += &format!("\nHINT: {hint}");
        }
        if let Some(position) = self.position {
            text += "\n\nPosition:\n";
            text += &lines_before(script, position);
        }
        format!("{text}\n\n{}", self.fields())
    }

    fn fields(&self) -> String {
        let text = |field: &Option<String>| match field {
            Some(text) => format!("Some({text:?})"),
            None => "None".to_owned(),
        };
        let number = |field: Option<u32>| match field {
            Some(number) => format!("Some({number})"),
            None => "None".to_owned(),
        };
        let parsed = self.parsed_severity.as_deref().map_or("None".to_owned(), |severity| {
            let (first, rest) = severity.split_at(severity.chars().next().map_or(0, char::len_utf8));
            format!("Some({first}{})", rest.to_lowercase())
        });
        let position = match self.position {
            Some(position) => format!("Some(Original({position}))"),
            None => "None".to_owned(),
        };
        format!(
            "DbError {{ severity: {:?}, parsed_severity: {parsed}, code: SqlState(E{}), message: {:?}, \
             detail: {}, hint: {}, position: {position}, where_: {}, schema: {}, table: {}, column: {}, \
             datatype: {}, constraint: {}, file: {}, line: {}, routine: {} }}",
            self.severity,
            self.code,
            self.message,
            text(&self.detail),
            text(&self.hint),
            text(&self.where_),
            text(&self.schema),
            text(&self.table),
            text(&self.column),
            text(&self.datatype),
            text(&self.constraint),
            text(&self.file),
            number(self.line),
            text(&self.routine),
        )
    }
}

fn lines_before(script: &str, position: u32) -> String {
    let characters = script.chars().take(position.saturating_sub(1) as usize);
    let error_line = characters.filter(|&c| c == '\n').count();
    let first = (error_line + 1).saturating_sub(LINES_SHOWN);
    let shown = script.split('\n').enumerate().skip(first).take(error_line + 1 - first);
    let lines: Vec<String> = shown
        .map(|(index, line)| {
            let number = index + 1;
            let line = line.trim_end_matches('\r');
            match index == error_line {
                true => format!("\x1b[1m{number:>3}\x1b[1;31m {line}\x1b[0m"),
                false if line.is_empty() => format!("\x1b[1m{number:>3}\x1b[0m"),
                false => format!("\x1b[1m{number:>3}\x1b[0m {line}"),
            }
        })
        .collect();
    lines.join("\n")
}
