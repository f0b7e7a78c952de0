//! Settings that a file means to make and does not, or makes and does not mean: `setting-without-effect`,
//! `setting-leaks`, `long-lock-timeout`.

use underpin_sql::in_force::{Limit, Setting};

use super::super::case::{Case, FileCase, Seen};
use super::super::finding::{Blocks, Finding, Severity};

pub(super) fn without_effect(file: &FileCase<'_>, _: &[Seen], found: &mut Vec<Finding>) {
    for one in &file.in_force.without_effect {
        let message = format!(
            "{} is set for a transaction that there is not: PostgreSQL warns (25P01), and the next statement runs \
             without it",
            one.name
        );
        found.push(
            file.tell_at(one.statement, "setting-without-effect", Severity::Danger, message)
                .about(one.name.clone())
                .failing("25P01")
                .instead("write SET without LOCAL and RESET it at the end of the file, or put BEGIN and COMMIT around")
                .done(),
        );
    }
}

pub(super) fn leaks(file: &FileCase<'_>, _: &[Seen], found: &mut Vec<Finding>) {
    let Some(before) = file.in_force.before.first() else { return };
    let of = |setting: Option<&Setting>| setting.map(|setting| setting.value.clone());
    for (name, setting) in file.in_force.after.now.iter() {
        if of(before.get(name)) == Some(setting.value.clone()) {
            continue;
        }
        let severity = match name {
            "search_path"
            | "session_replication_role"
            | "role"
            | "row_security"
            | "check_function_bodies" => Severity::Danger,
            _ => Severity::Caution,
        };
        let message = format!(
            "{name} stays set when the file ends: Prisma runs all pending files in one session, so the next ones run \
             with it, and alone without"
        );
        // The last statement that changed it: before it, the setting was another.
        let before = &file.in_force.before;
        let is_other = |at: &usize| of(before[*at].get(name)) != Some(setting.value.clone());
        let at = (0..before.len()).rev().find(is_other).unwrap_or_default();
        found.push(
            file.tell_at(at, "setting-leaks", severity, message)
                .about(name.to_owned())
                .instead(format!("end the file with RESET {name}"))
                .done(),
        );
    }
}

/// While somebody holds a lock in the way, the application waits for as long as the `lock_timeout` says. Told
/// once for a file.
pub(super) fn long_lock_timeout(case: &Case<'_>, found: &mut Vec<Finding>) {
    let Limit::Ms(limit) = case.in_force().limit("lock_timeout") else { return };
    let claims = case.acts.iter().flat_map(|act| &act.locks).filter(|claim| claim.mode.blocks_application());
    let Some(first) = claims.max_by_key(|claim| claim.mode) else { return };
    let settings = case.file.around.settings;
    let budget = match Blocks::of(first.mode) {
        Blocks::ReadsAndWrites => settings.reads_may_wait_ms.min(settings.writes_may_wait_ms),
        Blocks::Writes | Blocks::Maintenance => settings.writes_may_wait_ms,
    };
    if limit <= budget {
        return;
    }
    let message = format!(
        "lock_timeout is {} here: while another transaction uses {}, the application waits behind this statement for \
         as long",
        milliseconds(limit),
        case.shown(&first.relation),
    );
    found.push(
        case.tell("long-lock-timeout", Severity::Caution, message)
            .about(case.shown(&first.relation))
            .locking([first])
            .instead(format!(
                "set lock_timeout to at most {budget} ms, the budget of the settings, and try again more often"
            ))
            .done(),
    );
}

/// A limit as it is written: `5s`, `500ms`.
fn milliseconds(limit: u64) -> String {
    match limit.is_multiple_of(1_000) {
        true => format!("{}s", limit / 1_000),
        false => format!("{limit}ms"),
    }
}
