//! Which functions give the same for every row of one statement, by name.
//!
//! The name is all that a migration tells: which of several functions of that name is called depends on
//! types. So a name of PostgreSQL's own counts as steady only when every function of that name, on every
//! major that is supported, is immutable or stable (`provolatile`). `routines.txt` has what the servers say;
//! `./run generate routines` writes it. A name that only newer majors have is in it when it is volatile
//! there, and else not: on an older server it can only be somebody's own function.

use std::collections::HashSet;
use std::sync::LazyLock;

use underpin_catalog::RelationName;

/// What the servers say, a line for each name.
const ROUTINES: &str = include_str!("routines.txt");

static STEADY: LazyLock<HashSet<&str>> =
    LazyLock::new(|| marked("steady ").chain([STEADY_BUT_FOR_ONE]).collect());
static VOLATILE: LazyLock<HashSet<&str>> =
    LazyLock::new(|| marked("volatile ").filter(|name| *name != STEADY_BUT_FOR_ONE).collect());

/// `AT TIME ZONE`. One of seven functions of the name is volatile and one server has it so: for `time with
/// time zone`, on 14. Defaults in UTC are everyday, and values of that type are not.
const STEADY_BUT_FOR_ONE: &str = "timezone";

/// Steady functions of extensions that migrations use: `pgcrypto`, `uuid-ossp`, `unaccent`, `pg_trgm`. Like
/// all functions of extensions they live in whatever namespace the extension was put into.
const STEADY_OF_EXTENSIONS: &[&str] = &[
    "armor",
    "crypt",
    "dearmor",
    "decrypt",
    "digest",
    "encrypt",
    "hmac",
    "similarity",
    "unaccent",
    "uuid_generate_v3",
    "uuid_generate_v5",
    "uuid_nil",
    "uuid_ns_dns",
    "uuid_ns_oid",
    "uuid_ns_url",
    "uuid_ns_x500",
    "word_similarity",
];

/// Volatile ones of `pgcrypto` and `uuid-ossp`. They draw a number and do nothing else.
const VOLATILE_OF_EXTENSIONS: &[&str] =
    &["gen_random_bytes", "gen_salt", "uuid_generate_v1", "uuid_generate_v1mc", "uuid_generate_v4"];

/// Volatile functions of PostgreSQL's own that read no table and change at most a sequence or a setting.
/// Others end sessions, hold advisory locks or write files.
const HARMLESS: &[&str] = &[
    "clock_timestamp",
    "currval",
    "gen_random_uuid",
    "lastval",
    "nextval",
    "pg_database_size",
    "pg_indexes_size",
    "pg_relation_size",
    "pg_sleep",
    "pg_table_size",
    "pg_total_relation_size",
    "random",
    "set_config",
    "setseed",
    "setval",
    "timeofday",
    "uuidv4",
    "uuidv7",
];

/// Whether the function gives the same for every row of one statement, as far as we know.
pub(super) fn is_steady(function: &RelationName) -> bool {
    let name = function.name.as_str();
    (is_built_in(function) && STEADY.contains(name)) || STEADY_OF_EXTENSIONS.contains(&name)
}

/// Whether it is known that it may not.
pub(super) fn is_volatile(function: &RelationName) -> bool {
    let name = function.name.as_str();
    (is_built_in(function) && VOLATILE.contains(name)) || VOLATILE_OF_EXTENSIONS.contains(&name)
}

/// Whether a query may call it without more happening than the query says.
pub(super) fn is_harmless(function: &RelationName) -> bool {
    let name = function.name.as_str();
    is_steady(function)
        || (is_built_in(function) && HARMLESS.contains(&name))
        || VOLATILE_OF_EXTENSIONS.contains(&name)
}

/// Whether the name can be one of PostgreSQL's own: `pg_catalog` is searched first.
fn is_built_in(function: &RelationName) -> bool {
    function.namespace.as_ref().is_none_or(|namespace| namespace.as_str() == "pg_catalog")
}

fn marked(mark: &str) -> impl Iterator<Item = &'static str> {
    ROUTINES.lines().filter_map(move |line| line.strip_prefix(mark))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_in_a_users_namespace_is_the_users() {
        assert!(is_steady(&RelationName::bare("lower")));
        assert!(is_steady(&RelationName::qualified("pg_catalog", "lower")));
        assert!(!is_steady(&RelationName::qualified("app", "lower")));
        assert!(is_steady(&RelationName::qualified("extensions", "digest")));
        assert!(is_volatile(&RelationName::qualified("extensions", "uuid_generate_v4")));
    }

    #[test]
    fn what_is_harmless_by_hand_is_known_to_be_volatile() {
        for name in HARMLESS {
            assert!(VOLATILE.contains(name), "{name} is steady, or nobody's");
        }
        for name in STEADY_OF_EXTENSIONS.iter().chain(VOLATILE_OF_EXTENSIONS) {
            assert!(!STEADY.contains(name) && !VOLATILE.contains(name), "{name} is PostgreSQL's own");
        }
    }

    #[test]
    fn no_name_is_both() {
        assert!(STEADY.len() > 1000 && VOLATILE.len() > 50);
        assert!(STEADY.is_disjoint(&VOLATILE));
    }
}
