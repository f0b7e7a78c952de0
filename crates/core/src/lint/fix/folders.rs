//! What the migrations are called that a file is split into.
//!
//! `20260101120000_orders` is followed by `20260101120001_orders_2`, a second later, as if somebody had made
//! it then. Prisma applies folders in an order that has changed with 6.6 (collation, before that bytes), and
//! nobody knows which version a colleague has: the new ones stand right behind the first in both.

use std::str::FromStr;

use underpin_prisma::FolderOrder;

/// PostgreSQL's ledger takes 255 characters, Prisma itself 200 bytes (P3010).
const BYTES_MAX: usize = 200;

/// The names of `count` folders, the first as it is.
pub(super) fn folders(
    name: &str,
    existing: &[String],
    order: FolderOrder,
    count: usize,
) -> Result<Vec<String>, String> {
    if count <= 1 {
        return Ok(vec![name.to_owned()]);
    }
    let numbered = (2..=count).map(|number| format!("{name}_{}", padded(number, count))).collect();
    let stood = stamped(name, count).map(|names| stand(name, names, existing, order));
    match stood {
        Some(Ok(names)) => Ok(names),
        // Less than so many seconds are left before the next one: the same instant then.
        _ => stand(name, numbered, existing, order),
    }
}

/// The names, if they stand right behind the first.
fn stand(
    name: &str,
    behind: Vec<String>,
    existing: &[String],
    order: FolderOrder,
) -> Result<Vec<String>, String> {
    let mut names = vec![name.to_owned()];
    names.extend(behind);
    if let Some(long) = names.iter().find(|name| name.len() > BYTES_MAX) {
        return Err(format!(
            "the name {long} is longer than the {BYTES_MAX} bytes that Prisma takes; give the migration a shorter one"
        ));
    }
    let others: Vec<&str> = existing.iter().map(String::as_str).filter(|other| *other != name).collect();
    if let Some(taken) = names.iter().find(|name| others.contains(&name.as_str())) {
        return Err(format!("there is a migration {taken} already, which its second part would be called"));
    }
    let wanted: Vec<&str> = names.iter().map(String::as_str).collect();
    for order in orders(order, &others, name) {
        let mut all: Vec<&str> = others.iter().chain(&wanted).copied().collect();
        order.sort(&mut all, |name| name);
        let from = all.iter().position(|other| *other == name).unwrap_or(0);
        if all.get(from..from + wanted.len()) != Some(wanted.as_slice()) {
            let between = all[from..].iter().find(|other| !wanted.contains(other)).unwrap_or(&name);
            return Err(format!(
                "its parts would not stand right behind it: {between} comes between; rename {name} so that there is room"
            ));
        }
    }
    Ok(names)
}

/// The orders to be held: the project's own, and the other one unless the two disagree already about the
/// folders that are there.
fn orders(own: FolderOrder, others: &[&str], name: &str) -> Vec<FolderOrder> {
    let mut orders = vec![FolderOrder::Collation, FolderOrder::Bytes];
    orders.retain(|order| *order == own || agree(others, name));
    orders
}

/// Whether both orders put the folders in the same row.
fn agree(others: &[&str], name: &str) -> bool {
    let sorted = |order: FolderOrder| {
        let mut all: Vec<&str> = others.iter().copied().chain([name]).collect();
        order.sort(&mut all, |name| name);
        all
    };
    sorted(FolderOrder::Collation) == sorted(FolderOrder::Bytes)
}

/// The names with the seconds counted on, when the name begins with an instant as Prisma writes it.
fn stamped(name: &str, count: usize) -> Option<Vec<String>> {
    let (stamp, rest) = (name.get(..14)?, name.get(14..)?);
    if !stamp.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let iso = format!(
        "{}-{}-{}T{}:{}:{}",
        &stamp[..4],
        &stamp[4..6],
        &stamp[6..8],
        &stamp[8..10],
        &stamp[10..12],
        &stamp[12..]
    );
    let first = jiff::civil::DateTime::from_str(&iso).ok()?;
    let mut instant = first;
    (2..=count)
        .map(|number| {
            instant = instant.checked_add(jiff::SignedDuration::from_secs(1)).ok()?;
            let separator = if rest.is_empty() { "_part" } else { "" };
            Some(format!("{}{rest}{separator}_{number}", instant.strftime("%Y%m%d%H%M%S")))
        })
        .collect()
}

/// `02` of twelve: without the zero, 10 would stand before 2.
fn padded(number: usize, count: usize) -> String {
    format!("{number:0width$}", width = count.to_string().len())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn named(name: &str, others: &[&str], count: usize) -> Result<Vec<String>, String> {
        let existing: Vec<String> = others.iter().chain([&name]).map(|name| (*name).to_owned()).collect();
        folders(name, &existing, FolderOrder::Collation, count)
    }

    #[test]
    fn seconds_are_counted_on() {
        assert_eq!(
            named("20261231235958_add_Index", &["20260101000000_init"], 3).unwrap(),
            ["20261231235958_add_Index", "20261231235959_add_Index_2", "20270101000000_add_Index_3"]
        );
        assert_eq!(named("20260101000000", &[], 2).unwrap(), ["20260101000000", "20260101000001_part_2"]);
        assert_eq!(named("20260101000000_a", &[], 1).unwrap(), ["20260101000000_a"]);
    }

    #[test]
    fn names_without_an_instant_are_numbered() {
        let twelve = named("init", &["more"], 12).unwrap();
        assert_eq!((twelve[1].as_str(), twelve[11].as_str()), ("init_02", "init_12"));
        // The thirteenth month is no month.
        assert_eq!(named("20261301000000_a", &[], 2).unwrap(), ["20261301000000_a", "20261301000000_a_2"]);
    }

    #[test]
    fn nothing_may_come_between() {
        let next = ["20260101000001_b"];
        assert_eq!(named("20260101000000_a", &next, 2).unwrap()[1], "20260101000001_a_2");
        // The third would stand behind b, so all keep the instant of the first.
        assert_eq!(
            named("20260101000000_a", &next, 3).unwrap(),
            ["20260101000000_a", "20260101000000_a_2", "20260101000000_a_3"]
        );
        let refused = named("20260101000000_a", &["20260101000000_a_1"], 2).unwrap_err();
        assert!(refused.contains("20260101000000_a_1 comes between"), "{refused}");
        assert!(named("init", &["init_2"], 2).is_err(), "the name is taken");
        let long = "a".repeat(199);
        assert!(named(&long, &[], 2).unwrap_err().contains("200 bytes"));
    }
}
