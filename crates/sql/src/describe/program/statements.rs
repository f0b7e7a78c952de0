//! What the pieces of a body do.

use std::collections::BTreeMap;

use pg_query::protobuf::node::Node as NodeEnum;

use super::composed::{Composed, composed};
use super::plpgsql::{Body, Piece, PieceKind};
use super::reach::{Asked, is_once_only, reaches};
use super::{DEPTH_MAX, catalogs, read_do};
use underpin_catalog::RelationName;

use crate::effect::{Effect, Program, ProgramStatement};
use crate::expression::Contents;
use crate::parser;

/// The program that a PL/pgSQL body is. `at` is where the body begins in the text of the statement that
/// carries it, when it stands there as it is.
pub(super) fn program(body: &Body, at: Option<usize>, depth: usize) -> Program {
    let mut reader = Reader { at, depth, found: Vec::new(), asked: Vec::new(), answers: BTreeMap::new() };
    let mut opaque = Vec::new();
    for (number, piece) in body.pieces.iter().enumerate() {
        let asked = reader.piece(number, piece, &mut opaque);
        reader.asked.push(asked);
    }
    let reaches = reaches(body, &reader.asked);
    let statements = reader.found.into_iter().map(|found| ProgramStatement {
        effects: found.effects,
        relations: found.relations,
        bytes: at.map(|at| {
            let span = &body.pieces[found.piece].span;
            at + span.start..at + span.end
        }),
        reach: reaches[found.piece],
    });
    let statements: Vec<_> = statements.collect();
    let commits = body.commits || statements.iter().flat_map(|statement| &statement.effects).any(commits);
    opaque.dedup();
    Program { commits, statements, opaque }
}

fn commits(effect: &Effect) -> bool {
    matches!(effect, Effect::Do(inner) if inner.commits)
}

struct Found {
    piece: usize,
    effects: Vec<Effect>,
    relations: Vec<RelationName>,
}

struct Reader {
    at: Option<usize>,
    depth: usize,
    found: Vec<Found>,
    asked: Vec<Asked>,
    /// Variables, and whether their value is an answer of the system catalogs.
    answers: BTreeMap<String, bool>,
}

impl Reader {
    fn piece(&mut self, number: usize, piece: &Piece, opaque: &mut Vec<String>) -> Asked {
        let asked = match piece.kind {
            PieceKind::Leave => Asked::default(),
            PieceKind::Expression => self.expression(number, piece, opaque),
            PieceKind::Statement => {
                let asked = self.sql(number, &piece.sql, Some(piece), opaque);
                // Every statement says in it whether there were rows.
                self.answers.insert("found".to_owned(), asked.catalogs);
                asked
            }
            PieceKind::Execute => match composed(&piece.sql) {
                Composed::Constant(text) => self.sql(number, &text, None, opaque),
                Composed::Begins(beginning) => {
                    opaque.push(format!("EXECUTE of a statement that begins with \"{beginning}\""));
                    Asked { changes: true, once_only: true, catalogs: false }
                }
                Composed::Unknown => {
                    opaque.push("EXECUTE of a statement that it composes".to_owned());
                    Asked { changes: true, once_only: true, catalogs: false }
                }
            },
        };
        for variable in &piece.assigns {
            self.answers.insert(variable.clone(), asked.catalogs);
        }
        asked
    }

    /// A condition or a value. Without a call, a sub-select or a `FROM` it asks variables at most.
    fn expression(&mut self, number: usize, piece: &Piece, opaque: &mut Vec<String>) -> Asked {
        if piece.sql.contains('(') || piece.words.contains("from") {
            let asked = self.sql(number, &piece.sql, Some(piece), opaque);
            if asked.catalogs || asked.changes || self.found.last().is_some_and(|found| found.piece == number)
            {
                return asked;
            }
        }
        let mut answers = piece.words.iter().filter_map(|word| self.answers.get(word));
        Asked { catalogs: answers.clone().count() > 0 && answers.all(|answer| *answer), ..Asked::default() }
    }

    /// SQL, one statement or the several of a constant that `EXECUTE` takes.
    fn sql(&mut self, number: usize, sql: &str, piece: Option<&Piece>, opaque: &mut Vec<String>) -> Asked {
        let Ok(parsed) = parser::parse(sql) else {
            opaque.push(format!("a statement that cannot be read, \"{}\"", beginning(sql)));
            return Asked { changes: true, once_only: true, catalogs: false };
        };
        let mut all = Asked::default();
        for raw in parsed.protobuf.stmts {
            let Some(node) = raw.stmt.and_then(|node| node.node) else { continue };
            let from = usize::try_from(raw.stmt_location).unwrap_or(0);
            let length = usize::try_from(raw.stmt_len).ok().filter(|length| *length > 0);
            let text = sql.get(from..).unwrap_or(sql);
            let text = length.and_then(|length| text.get(..length)).unwrap_or(text);
            let (effects, catalogs) = self.effects(&node, text, piece);
            all.catalogs |= catalogs;
            if effects.is_empty() {
                continue;
            }
            let changes =
                |effect: &Effect| !matches!(effect, Effect::Select { calls, .. } if calls.is_empty());
            all.changes |= effects.iter().any(changes);
            all.once_only |= effects.iter().any(is_once_only);
            let mut relations = Contents::of(&node).relations;
            relations.retain(|relation| !catalogs::contains(relation));
            self.found.push(Found { piece: number, effects, relations: relations.into_iter().collect() });
        }
        all.catalogs &= !all.changes && self.found.last().is_none_or(|found| found.piece != number);
        all
    }

    /// What a statement does, and whether it asks the system catalogs. A query of nothing else does
    /// nothing that anybody could notice.
    fn effects(&self, node: &NodeEnum, text: &str, piece: Option<&Piece>) -> (Vec<Effect>, bool) {
        if let NodeEnum::DoStmt(statement) = node {
            // The inner statement stands in the body as it is, unless it was composed.
            let at = piece.and(self.at).and_then(|at| Some(at + piece?.span.start));
            return if self.depth < DEPTH_MAX {
                (vec![Effect::Do(read_do(statement, text.trim_start(), at, self.depth + 1))], false)
            } else {
                let opaque = vec!["DO blocks inside each other".to_owned()];
                (vec![Effect::Do(Program { opaque, ..Program::default() })], false)
            };
        }
        let mut effects = crate::describe::describe(node, text.trim());
        let mut asks = false;
        for effect in &mut effects {
            if let Effect::Select { reads, .. } = effect {
                let before = reads.len();
                reads.retain(|relation| !catalogs::contains(relation));
                asks |= reads.len() < before;
            }
        }
        if let NodeEnum::SelectStmt(_) = node {
            asks |= Contents::of(node).functions.iter().any(|function| catalogs::is_question(&function.name));
        }
        effects.retain(|effect| !is_nothing(effect));
        (effects, asks)
    }
}

fn is_nothing(effect: &Effect) -> bool {
    matches!(effect, Effect::Select { reads, calls, locks_rows: false, sequences, .. }
        if reads.is_empty() && calls.is_empty() && sequences.is_empty())
}

/// Enough of a text to recognise it.
pub(super) fn beginning(text: &str) -> String {
    text.split_whitespace().take(4).collect::<Vec<_>>().join(" ").chars().take(60).collect()
}
