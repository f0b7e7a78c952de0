//! What a version of Prisma makes of a file, told to people: messages, transactions, the statement that flips
//! it, and what in the file cannot work in that form.
//!
//! The facts are `underpin_sql`'s ([`sending`], [`in_force`]); here they are chosen and worded. Whether
//! something of it is bad, and how bad, is lint's business.

use serde::Serialize;
use underpin_prisma::PrismaVersion;
use underpin_sql::in_force::{Session, Value, in_force};
use underpin_sql::sending::{
    Block, Cut, End, RemarkKind, Sender, Sending, Unreadable, sending, stands_alone, unreadable,
};
use underpin_sql::{Effect, Statement, SyntaxError, read_to_judge};

/// Statements are shown up to here, in characters.
const SHOWN_MAX: usize = 60;

/// How this version of Prisma sends files.
pub fn sender(version: PrismaVersion) -> Sender {
    match version.splits_scripts() {
        true => Sender::PrismaSplit,
        false => Sender::PrismaWhole,
    }
}

/// What becomes of a file.
#[derive(Clone, Debug, Serialize)]
pub struct Explanation {
    /// How it is sent, in a sentence.
    pub summary: String,
    /// What that means for a file that fails half-way, in a sentence.
    pub outcome: String,
    /// How it is cut into messages.
    pub cut: Cut,
    /// How many transactions it becomes.
    pub transactions: usize,
    /// The statements, in order.
    pub statements: Vec<Explained>,
    /// All statements that the parser of Prisma since 7.4 cannot read, whichever version was asked about.
    pub unreadable: Vec<Unreadable>,
    /// Settings that are others behind the file than before it: the session of `migrate deploy` keeps them
    /// for the files that follow.
    pub left_behind: Vec<LeftBehind>,
}

/// A statement of the file.
#[derive(Clone, Debug, Serialize)]
pub struct Explained {
    /// The line of its first word, from 1.
    pub line: u32,
    /// Its beginning, on one line, without constants.
    pub text: String,
    /// Its transaction, from 1.
    pub transaction: usize,
    /// What it finds itself in.
    pub block: Block,
    /// Nothing of it stays.
    pub undone: bool,
    /// What is to be said about it.
    pub notes: Vec<Note>,
}

/// What is to be said about a statement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Note {
    /// The server refuses it here: nothing behind it runs.
    pub refused: bool,
    /// The SQLSTATE of the server's error or warning, if it says anything.
    pub sqlstate: Option<&'static str>,
    /// A sentence.
    pub text: String,
}

/// A setting that a file leaves behind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LeftBehind {
    /// Its name.
    pub name: String,
    /// Its value; `null` when the file does not tell it.
    pub value: Option<String>,
}

/// Tells what `version` makes of the file `text` in a session, which becomes that of the next file.
///
/// # Errors
/// When PostgreSQL's grammar refuses the text.
pub fn explain(
    text: &str,
    version: PrismaVersion,
    session: &mut Session,
) -> Result<Explanation, SyntaxError> {
    let statements = read_to_judge(text)?;
    let sent = sending(text, &statements, sender(version));
    let settings = in_force(&statements, &sent, session);
    let mut explained: Vec<Explained> = (0..statements.len())
        .map(|at| {
            let standing = sent.statements[at];
            Explained {
                line: statements[at].line,
                text: shown(&statements[at].text),
                transaction: standing.transaction + 1,
                block: standing.block,
                undone: standing.undone,
                notes: Vec::new(),
            }
        })
        .collect();
    for (at, note) in notes(&statements, &sent) {
        explained[at].notes.push(note);
    }
    for without in &settings.without_effect {
        explained[without.statement].notes.push(Note {
            refused: false,
            // `set_config(…, true)` is silent.
            sqlstate: matches!(statements[without.statement].effects.as_slice(), [Effect::Set(_)])
                .then_some("25P01"),
            text: format!(
                "{} is not in force for any statement: there is no transaction block",
                without.name
            ),
        });
    }
    let left_behind = settings
        .after
        .changed_since(session)
        .map(|(name, setting)| LeftBehind {
            name: name.to_owned(),
            value: match &setting.value {
                Value::Text(text) => Some(text.clone()),
                Value::Unknown => None,
            },
        })
        .collect();
    *session = settings.after;
    Ok(Explanation {
        summary: summary(version, &statements, &sent),
        outcome: outcome(&sent),
        transactions: sent.transactions.len(),
        cut: sent.cut,
        statements: explained,
        unreadable: unreadable(text, &statements),
        left_behind,
    })
}

fn summary(version: PrismaVersion, statements: &[Statement], sent: &Sending) -> String {
    let line = |at: usize| statements.get(at).map_or(1, |statement| statement.line);
    match &sent.cut {
        _ if statements.is_empty() => "the file has no statement".to_owned(),
        _ if statements.len() == 1 => format!("Prisma {version} sends the one statement by itself"),
        Cut::Whole => format!("Prisma {version} sends the file whole, as one message"),
        Cut::Fallback(unreadable) => format!(
            "Prisma {version} sends the file whole, as one message, because its parser cannot read line {}: \
             {} (line {}, column {})",
            line(unreadable.statement),
            unreadable.message,
            unreadable.line,
            unreadable.column
        ),
        Cut::Statements => format!("Prisma {version} sends each statement by itself"),
        Cut::StatementsAssumed { not_asked } => format!(
            "Prisma {version} is taken to send each statement by itself; the statement on line {} is too large \
             or too deep to ask its parser, and if it cannot read it the file is sent whole",
            line(*not_asked)
        ),
    }
}

fn outcome(sent: &Sending) -> String {
    let left_open = sent.transactions.last().is_some_and(|last| last.end == End::LeftOpen);
    match (left_open, sent.transactions.len()) {
        (true, _) => "the file ends inside a transaction: Prisma reports success, and everything since its \
                      BEGIN, later migrations and their ledger rows included, is rolled back when it disconnects"
            .to_owned(),
        (false, 0) => "nothing is executed".to_owned(),
        (false, 1) => "1 transaction: all of it takes effect, or nothing".to_owned(),
        (false, many) => format!("{many} transactions: when one fails, those before it stay"),
    }
}

/// What the server, or the file itself, makes of single statements.
fn notes(statements: &[Statement], sent: &Sending) -> Vec<(usize, Note)> {
    let alone = statements.iter().enumerate().filter_map(|(at, statement)| {
        let why = match sent.statements[at].block {
            Block::None => return None,
            Block::Implicit => "several statements of one message are a transaction block",
            Block::Explicit => "it stands behind BEGIN",
        };
        stands_alone(statement).then(|| {
            let text = format!("refused in a transaction block (25001): {why}");
            (at, Note { refused: true, sqlstate: Some("25001"), text })
        })
    });
    let remarks = sent.remarks.iter().map(|remark| {
        let implicit = sent.statements[remark.statement].block == Block::Implicit;
        let more = match remark.kind {
            RemarkKind::CommitOutside if implicit => ", and commits what stands before it in the message",
            RemarkKind::RollbackOutside if implicit => ", and undoes what stands before it in the message",
            _ => "",
        };
        let text = format!("{}{more}", remark.kind);
        (remark.statement, Note { refused: remark.kind.is_refused(), sqlstate: remark.kind.sqlstate(), text })
    });
    let unreadable = match &sent.cut {
        Cut::Fallback(unreadable) => Some((
            unreadable.statement,
            Note {
                refused: false,
                sqlstate: None,
                text: format!("Prisma's parser cannot read this: {}", unreadable.message),
            },
        )),
        Cut::Whole | Cut::Statements | Cut::StatementsAssumed { .. } => None,
    };
    unreadable.into_iter().chain(remarks).chain(alone).collect()
}

/// The statement's beginning on one line. It ends before the first constant, which may be a password or
/// somebody's data.
fn shown(text: &str) -> String {
    let constant = text.find(['\'', '$']).unwrap_or(text.len());
    let words: Vec<&str> = text[..constant].split_whitespace().collect();
    let line = words.join(" ");
    let cut: String = line.chars().take(SHOWN_MAX).collect();
    if cut.len() < line.len() || constant < text.len() { format!("{} …", cut.trim_end()) } else { cut }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn of(text: &str, minor: u32) -> Explanation {
        explain(text, PrismaVersion::new(7, minor, 0), &mut Session::default()).unwrap()
    }

    #[test]
    fn the_version_and_the_parser_decide() {
        let text = "CREATE TABLE a (i int);\nCREATE INDEX CONCURRENTLY i ON a (i);\n";
        assert_eq!(of(text, 3).transactions, 1);
        assert_eq!(of(text, 3).statements[1].notes[0].sqlstate, Some("25001"));
        assert_eq!(of(text, 4).transactions, 2);
        assert!(of(text, 4).statements.iter().all(|statement| statement.notes.is_empty()));
        let flipped = of(&format!("{text}DO $$ BEGIN END $$;"), 4);
        assert_eq!(flipped.transactions, 1);
        assert_eq!(
            flipped.summary,
            "Prisma 7.4.0 sends the file whole, as one message, because its parser cannot read line 3: \
             Expected: an SQL statement, found: DO (line 3, column 1)"
        );
        assert!(flipped.statements[1].notes[0].refused);
        assert_eq!(of("-- nothing", 4).outcome, "nothing is executed");
    }

    #[test]
    fn the_session_goes_on_in_the_next_file() {
        let mut session = Session::default();
        let version = PrismaVersion::new(6, 19, 0);
        let first = explain("SET lock_timeout = '2s'; SELECT 1", version, &mut session).unwrap();
        let left = LeftBehind { name: "lock_timeout".to_owned(), value: Some("2s".to_owned()) };
        assert_eq!(first.left_behind, [left]);
        assert!(explain("SELECT 1", version, &mut session).unwrap().left_behind.is_empty());
    }

    #[test]
    fn no_constant_is_shown() {
        assert_eq!(shown("CREATE USER u\n  PASSWORD 'secret'"), "CREATE USER u PASSWORD …");
        assert_eq!(shown("DO $$ BEGIN END $$"), "DO …");
        assert_eq!(shown("SELECT 1"), "SELECT 1");
        assert_eq!(shown(&"é".repeat(70)).chars().count(), SHOWN_MAX + 2);
    }
}
