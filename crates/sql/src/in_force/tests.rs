#![allow(clippy::unwrap_used)]

use super::*;
use crate::read;
use crate::sending::{Sender, sending};

/// The setting before each statement and behind the last one: what it is, `-` for unset, `?` for unknown.
fn told(text: &str, sender: Sender, name: &str, start: Settings) -> String {
    let statements = read(text).unwrap();
    let session = Session::new(start);
    let in_force = in_force(&statements, &sending(text, &statements, sender), &session);
    let mut all: Vec<&Settings> = in_force.before.iter().map(AsRef::as_ref).collect();
    all.push(&in_force.after.now);
    let shown = all.iter().map(|settings| match settings.get(name).map(|setting| &setting.value) {
        None => "-",
        Some(Value::Unknown) => "?",
        Some(Value::Text(text)) => text,
    });
    shown.collect::<Vec<_>>().join(" ")
}

fn lock_timeout(text: &str, sender: Sender) -> String {
    told(text, sender, "lock_timeout", Settings::default())
}

#[test]
fn a_setting_is_in_force_from_the_next_statement_to_the_end_of_the_session() {
    for sender in [Sender::PrismaWhole, Sender::PrismaSplit, Sender::Autocommit, Sender::Underpin] {
        assert_eq!(lock_timeout("SELECT 1; SET lock_timeout = '2s'; SELECT 2", sender), "- - 2s 2s");
        assert_eq!(lock_timeout("SET lock_timeout TO 2000; RESET lock_timeout", sender), "- 2000 -");
        assert_eq!(lock_timeout("SET lock_timeout = 1.5; SET lock_timeout TO DEFAULT", sender), "- 1.5 -");
        assert_eq!(lock_timeout("SET SESSION \"lock_timeout\" = 5; RESET ALL", sender), "- 5 -");
    }
}

#[test]
fn a_local_setting_needs_a_block_and_ends_with_it() {
    let text = "SET LOCAL lock_timeout = '1s'; SELECT 1; SELECT 2";
    assert_eq!(lock_timeout(text, Sender::PrismaWhole), "- 1s 1s -");
    assert_eq!(lock_timeout(text, Sender::PrismaSplit), "- - - -");
    // Its parser cannot read DO, so the file is sent whole and the setting holds.
    assert_eq!(lock_timeout(&format!("{text}; DO 'BEGIN END'"), Sender::PrismaSplit), "- 1s 1s 1s -");
    let block = "BEGIN; SET LOCAL lock_timeout = '1s'; SELECT 1; COMMIT; SELECT 2";
    assert_eq!(lock_timeout(block, Sender::PrismaSplit), "- - 1s 1s - -");
    // Behind COMMIT the rest of a message is a new transaction.
    assert_eq!(
        lock_timeout(
            "SET LOCAL lock_timeout = 1; COMMIT; SELECT 1; SET LOCAL lock_timeout = 2; SELECT 1",
            Sender::PrismaWhole
        ),
        "- 1 - - 2 -"
    );
    let statements = read(text).unwrap();
    let split = sending(text, &statements, Sender::PrismaSplit);
    assert_eq!(
        in_force(&statements, &split, &Session::default()).without_effect,
        [WithoutEffect { statement: 0, name: "lock_timeout".to_owned() }]
    );
}

#[test]
fn a_rollback_takes_settings_back() {
    let of = |text| lock_timeout(text, Sender::Autocommit);
    assert_eq!(of("SET lock_timeout = 1; BEGIN; SET lock_timeout = 2; ROLLBACK; SELECT 1"), "- 1 1 2 1 1");
    assert_eq!(
        of("BEGIN; SET lock_timeout = 2; SET LOCAL lock_timeout = 3; COMMIT; SELECT 1"),
        "- - 2 3 2 2"
    );
    assert_eq!(
        of("BEGIN; SET LOCAL lock_timeout = 3; SET lock_timeout = 2; COMMIT; SELECT 1"),
        "- - 3 2 2 2"
    );
    assert_eq!(
        of(
            "BEGIN; SAVEPOINT a; SET LOCAL lock_timeout = 1; SAVEPOINT b; SET lock_timeout = 2; ROLLBACK TO b; \
            RELEASE a; COMMIT; SELECT 1"
        ),
        "- - - 1 1 2 1 1 - -"
    );
    assert_eq!(of("SET lock_timeout = 1; BEGIN; RESET lock_timeout; ROLLBACK"), "- 1 1 - 1");
    assert_eq!(
        of("SET lock_timeout = 1; BEGIN; SET LOCAL lock_timeout TO DEFAULT; SELECT 1; COMMIT"),
        "- 1 1 - - 1"
    );
    assert_eq!(of("BEGIN; SET lock_timeout = 2"), "- - 2");
    let whole = lock_timeout("SET lock_timeout = 1; SELECT 1; ROLLBACK; SELECT 1", Sender::PrismaWhole);
    assert_eq!(whole, "- 1 1 - -");
}

#[test]
fn reset_goes_back_to_what_the_connection_was_given() {
    let start = Settings::of_options("-c lock_timeout=5s");
    let of = |text| told(text, Sender::Autocommit, "lock_timeout", start.clone());
    assert_eq!(of("SET lock_timeout = 1; RESET lock_timeout; SELECT 1"), "5s 1 5s 5s");
    assert_eq!(of("SET lock_timeout = 1; RESET ALL; SELECT 1"), "5s 1 5s 5s");
    assert_eq!(of("SET lock_timeout = 1; DISCARD ALL; SELECT 1"), "5s 1 5s 5s");
    assert_eq!(of("SET lock_timeout = 1; DISCARD PLANS; SELECT 1"), "5s 1 1 1");
}

#[test]
fn set_config_is_read_where_it_is_plain() {
    let of = |text| lock_timeout(text, Sender::PrismaWhole);
    assert_eq!(of("SELECT set_config('lock_timeout', '2s', false); SELECT 1"), "- 2s 2s");
    assert_eq!(of("SELECT pg_catalog.SET_CONFIG('Lock_Timeout', '2s', true), 1; SELECT 1"), "- 2s -");
    assert_eq!(of("SELECT set_config('lock_timeout', 3::text, 'f'::bool); SELECT 1"), "- 3 3");
    assert_eq!(of("SELECT set_config('lock_timeout', (SELECT '1'), false); SELECT 1"), "- ? ?");
    assert_eq!(of("SELECT set_config('lock_timeout', '2s', false) FROM t; SELECT 1"), "- ? ?");
    assert_eq!(of("SELECT set_config('other', '2s', false); SELECT 1"), "- - -");
    assert_eq!(of("SELECT 'set_config'; SELECT 1"), "- - -");
    let statements = read("SELECT set_config('lock_timeout', '2s', true)").unwrap();
    let sent = sending("", &statements, Sender::PrismaSplit);
    assert_eq!(in_force(&statements, &sent, &Session::default()).without_effect.len(), 1);
}

#[test]
fn a_program_that_may_set_a_setting_leaves_it_unknown() {
    let of = |text| lock_timeout(text, Sender::PrismaWhole);
    assert_eq!(of("DO $$BEGIN SET LOCAL lock_timeout = '2s'; END$$; SELECT 1"), "- ? ?");
    assert_eq!(of("DO $$BEGIN PERFORM 1; END$$; SELECT 1"), "- - -");
    assert_eq!(
        of("CREATE FUNCTION f() RETURNS int SET lock_timeout = 1 AS 'SELECT 1' LANGUAGE sql; SELECT 1"),
        "- - -"
    );
}

#[test]
fn other_forms_of_set_have_names_too() {
    let of = |text, name| told(text, Sender::Autocommit, name, Settings::default());
    assert_eq!(
        of("SET TIME ZONE 'UTC'; SET TimeZone TO 'Europe/Paris'; SET TIME ZONE LOCAL", "TimeZone"),
        "- UTC Europe/Paris -"
    );
    assert_eq!(
        of("SET TIME ZONE 0; SET TIME ZONE INTERVAL '+00:00' HOUR TO MINUTE", "timezone"),
        "- 0 +00:00"
    );
    assert_eq!(
        of("SET search_path TO a, \"B\", 'c,d', \"$user\"", "search_path"),
        "- a, \"B\", \"c,d\", \"$user\""
    );
    assert_eq!(of("SET SCHEMA 'app'", "search_path"), "- app");
    assert_eq!(of("SET ROLE admin; RESET ROLE", "role"), "- admin -");
    let serializable = "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ ONLY";
    assert_eq!(of(serializable, "default_transaction_isolation"), "- serializable");
    assert_eq!(of(serializable, "default_transaction_read_only"), "- on");
    assert_eq!(
        of("BEGIN; SET TRANSACTION READ WRITE; SELECT 1; COMMIT", "transaction_read_only"),
        "- - off off -"
    );
}

#[test]
fn what_a_file_leaves_behind_is_told_apart() {
    let text = "SET lock_timeout = '1s'; SET LOCAL statement_timeout = 1; SET search_path = a";
    let statements = read(text).unwrap();
    let session = Session::new(Settings::default().with("search_path", "a"));
    let first = in_force(&statements, &sending(text, &statements, Sender::PrismaWhole), &session);
    let left: Vec<_> =
        first.after.changed_since(&session).map(|(name, setting)| (name, setting.since)).collect();
    assert_eq!(left, [("lock_timeout", Since::EarlierFile)]);
    let text = "RESET lock_timeout; SELECT 1";
    let statements = read(text).unwrap();
    let second = in_force(&statements, &sending(text, &statements, Sender::PrismaWhole), &first.after);
    assert_eq!(second.before[0].limit("lock_timeout"), Limit::Ms(1000));
    assert_eq!(second.before[1].limit("lock_timeout"), Limit::Default);
    assert_eq!(second.before[1].search_path().unwrap(), [Name::new("a")]);
}

#[test]
fn times_are_read_as_the_server_reads_them() {
    for (text, ms) in [
        ("2s", Some(2_000)),
        ("2000", Some(2_000)),
        ("0", Some(0)),
        (" 1 min ", Some(60_000)),
        ("1.5s", Some(1_500)),
        (".5s", Some(500)),
        ("1e3", Some(1_000)),
        ("1e-1 s", Some(100)),
        ("100us", Some(0)),
        ("1500us", Some(2)),
        ("2500us", Some(2)),
        ("1h", Some(3_600_000)),
        ("1d", Some(86_400_000)),
        ("0x10", Some(16)),
        ("010", Some(8)),
        ("+5", Some(5)),
        ("2S", None),
        ("2 seconds", None),
        ("", None),
        ("s", None),
        ("-1", None),
        ("25d", None),
        ("089", None),
        ("off", None),
    ] {
        assert_eq!(milliseconds(text), ms, "{text}");
    }
}

#[test]
fn lists_and_options_are_read_as_the_server_reads_them() {
    let names = |text| {
        namespaces(text).map(|names| names.iter().map(|name| name.as_str().to_owned()).collect::<Vec<_>>())
    };
    assert_eq!(names("a, \"B\"\"c\" ,D").unwrap(), ["a", "B\"c", "d"]);
    assert_eq!(names("\"\"").unwrap(), [""]);
    assert_eq!(names("").unwrap(), [""; 0]);
    assert!(names("a,").is_none() && names("a b").is_none() && names("\"a").is_none());
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(
        startup_options("-c lock_timeout=5s -cstatement_timeout=1min --search-path=a,\\ b -B 5 -c geqo=off"),
        [
            pair("lock_timeout", "5s"),
            pair("statement_timeout", "1min"),
            pair("search_path", "a, b"),
            pair("geqo", "off")
        ]
    );
}
