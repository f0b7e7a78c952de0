//! What is parked, for people.

use jiff::Timestamp;
use underpin_core::rollout::gate::span;
use underpin_engine::parked::Parked;

/// A line for each.
pub(crate) fn list(all: &[Parked], now: Timestamp) -> String {
    let mut text = "Parked, and dropped for good by underpin purge NAME:".to_owned();
    for one in all {
        let until = match now < one.kept_until {
            true => format!("kept until {}", one.kept_until.strftime("%Y-%m-%d %H:%M UTC")),
            false => "its time is over".to_owned(),
        };
        let since = span(now.duration_since(one.parked_at));
        text.push_str(&format!(
            "\n  {}: {} {}, {since} old, {} kB, {until}",
            one.name,
            one.kind,
            what(one),
            one.bytes.div_euclid(1024)
        ));
    }
    text
}

/// The same, with the statements that bring each back.
pub(crate) fn with_ways_back(all: &[Parked], now: Timestamp) -> String {
    let mut text = list(all, now);
    for one in all {
        text.push_str(&format!("\n\nTo bring {} back:", what(one)));
        for statement in &one.back {
            text.push_str(&format!("\n  {};", statement.as_str()));
        }
    }
    text
}

/// What it was: `"public"."User"."legacy"`.
pub(crate) fn what(one: &Parked) -> String {
    match &one.column {
        Some(column) => format!("{}.\"{}\"", one.origin, column.replace('"', "\"\"")),
        None => one.origin.clone(),
    }
}
