//! How often the statements of a body run.

use crate::effect::{Effect, Reach};

use super::plpgsql::{Body, Entered, Piece, PieceKind};

/// What is known of a piece once its SQL was read.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Asked {
    /// It asks nothing but the system catalogs, or variables that hold such an answer.
    pub(super) catalogs: bool,
    /// It changes something, and fails where that was done before.
    pub(super) once_only: bool,
    /// It changes something.
    pub(super) changes: bool,
}

/// For each piece, how often it runs.
pub(super) fn reaches(body: &Body, asked: &[Asked]) -> Vec<Reach> {
    let guards = guards(body, asked);
    let undone = undone(body, asked);
    let mut scopes: Vec<Reach> = Vec::with_capacity(body.scopes.len());
    for (at, scope) in body.scopes.iter().enumerate() {
        let above = scope.parent.map_or(Reach::Once, |parent| scopes[parent]);
        let entered = match scope.entered {
            Entered::Always => Reach::Once,
            Entered::If(guard) => guards[guard],
            Entered::Perhaps => Reach::Perhaps,
            Entered::Repeatedly => Reach::Repeatedly,
        };
        scopes.push(above.max(entered).max(undone[at]));
    }
    let mut reaches: Vec<Reach> = Vec::with_capacity(body.pieces.len());
    // What may leave the body lets the rest run as often as it does not.
    for Piece { scope, after, .. } in &body.pieces {
        let unless_left = after.map_or(Reach::Once, |leave| match reaches[leave] {
            // Nobody comes behind a `RETURN` that is always reached.
            Reach::Once | Reach::Perhaps | Reach::Repeatedly => Reach::Perhaps,
            Reach::IfNeeded => Reach::IfNeeded,
        });
        reaches.push(scopes[*scope].max(unless_left));
    }
    reaches
}

fn guards(body: &Body, asked: &[Asked]) -> Vec<Reach> {
    let mut guards: Vec<Reach> = Vec::with_capacity(body.guards.len());
    for guard in &body.guards {
        let own = if asked[guard.piece].catalogs { Reach::IfNeeded } else { Reach::Perhaps };
        guards.push(guard.before.map_or(own, |before| guards[before].max(own)));
    }
    guards
}

/// For each scope, what its handlers do to it: an error undoes everything in the block. When the error is
/// that something is there (or gone) already, a block that does one thing was not needed; of several
/// things, those that were needed are undone with the one that was not.
fn undone(body: &Body, asked: &[Asked]) -> Vec<Reach> {
    let mut handled: Vec<Option<usize>> = Vec::with_capacity(body.scopes.len());
    for (at, scope) in body.scopes.iter().enumerate() {
        let own = scope.catches.is_some().then_some(at);
        handled.push(own.or_else(|| scope.parent.and_then(|parent| handled[parent])));
    }
    let mut changes = vec![(0_usize, 0_usize); body.scopes.len()];
    for (piece, asked) in body.pieces.iter().zip(asked) {
        if let Some(scope) = handled[piece.scope] {
            changes[scope].0 += usize::from(asked.changes);
            changes[scope].1 += usize::from(asked.once_only || piece.kind == PieceKind::Execute);
        }
    }
    body.scopes
        .iter()
        .zip(changes)
        .map(|(scope, (all, once_only))| match &scope.catches {
            None => Reach::Once,
            Some(errors)
                if errors.iter().all(|error| is_about_presence(error)) && (all <= 1 || once_only == 0) =>
            {
                Reach::IfNeeded
            }
            Some(_) => Reach::Perhaps,
        })
        .collect()
}

/// Conditions, and their SQLSTATEs, which say that something is there already or not there any more.
fn is_about_presence(error: &str) -> bool {
    matches!(
        error,
        "duplicate_object"
            | "42710"
            | "duplicate_table"
            | "42P07"
            | "duplicate_column"
            | "42701"
            | "duplicate_schema"
            | "42P06"
            | "duplicate_function"
            | "42723"
            | "duplicate_database"
            | "42P04"
            | "undefined_object"
            | "42704"
            | "undefined_table"
            | "42P01"
            | "undefined_column"
            | "42703"
            | "undefined_function"
            | "42883"
            | "invalid_schema_name"
            | "3F000"
    )
}

/// Whether the effect fails where it was there before.
pub(super) fn is_once_only(effect: &Effect) -> bool {
    match effect {
        Effect::CreateTable(created) => !created.if_not_exists,
        Effect::AddColumn(added) => !added.if_not_exists,
        Effect::CreateIndex(created) => !created.if_not_exists,
        Effect::CreateView(created) => !created.replace && !created.if_not_exists,
        Effect::CreateRoutine { replace, .. } => !replace,
        Effect::CreateTrigger(created) => !created.replace,
        Effect::Create { if_not_exists, .. } | Effect::AddEnumValue { if_not_exists, .. } => !if_not_exists,
        Effect::DropTable { if_exists, .. }
        | Effect::DropColumn { if_exists, .. }
        | Effect::DropConstraint { if_exists, .. }
        | Effect::DropIndex { if_exists, .. }
        | Effect::DropTrigger { if_exists, .. }
        | Effect::Drop { if_exists, .. } => !if_exists,
        Effect::SetNotNull { .. }
        | Effect::DropNotNull { .. }
        | Effect::SetDefault { .. }
        | Effect::DropDefault { .. }
        | Effect::Comment { .. }
        | Effect::Grant { .. }
        | Effect::Set(_)
        | Effect::Select { .. } => false,
        _ => true,
    }
}
