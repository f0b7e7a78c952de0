#![allow(clippy::unwrap_used)]

use super::*;

fn name(text: &str) -> RelationName {
    RelationName::qualified("public", text)
}

fn table(text: &str, rows: u64, heap_bytes: u64) -> TableStats {
    TableStats { rows: Some(rows), heap_bytes, ..TableStats::empty(&name(text)) }
}

fn of(tables: Vec<TableStats>) -> Stats {
    let tables = tables.into_iter().map(|table| (table.name.clone(), table)).collect();
    Stats { tables, ..Stats::none() }
}

fn declared(text: &str) -> BTreeMap<String, TableSettings> {
    toml::from_str(text).unwrap()
}

#[test]
fn a_file_that_is_written_is_read_back() {
    let index = IndexStats { name: Name::new("User_pkey"), bytes: 42_000_000, is_valid: true };
    let user = TableStats {
        indexes: vec![index],
        writes_per_s: Some(3.5),
        analyzed_at: Some("2026-03-01T04:00:00Z".parse().unwrap()),
        ..table("User", 2_000_000, 234_000_000)
    };
    let stats = Stats {
        server_version: Some(ServerVersion::from_number(170_005)),
        extensions: BTreeMap::from([("citext".to_owned(), "1.6".to_owned())]),
        ..of(vec![user])
    };
    assert_eq!(Stats::from_json(&stats.to_json()).unwrap(), stats);
}

#[test]
fn a_file_of_another_version_or_form_is_refused_with_a_reason() {
    assert_eq!(Stats::from_json(r#"{ "version": 2, "news": [] }"#), Err(StatsError::Version(2)));
    let misspelt = Stats::from_json("{\n  \"version\": 1,\n  \"tabels\": []\n}").unwrap_err();
    assert!(misspelt.to_string().starts_with("line 3: unknown field `tabels`"), "{misspelt}");
    assert!(Stats::from_json("").is_err() && Stats::from_json("[]").is_err());

    let twice = of(vec![table("User", 1, 1)]).to_json();
    let user = &twice[twice.find('[').unwrap()..];
    let entry = &twice[twice.rfind("    {").unwrap()..twice.rfind("    }").unwrap() + 5];
    let twice = twice.replace(entry, &format!("{entry},\n{entry}"));
    let error = Stats::from_json(&twice).unwrap_err().to_string();
    assert!(error.contains("table public.User is listed twice"), "{error} in {user}");
}

#[test]
fn a_partitioned_table_is_the_sum_of_its_parts() {
    let part = |text, of, rows| TableStats {
        partition_of: Some(name(of)),
        writes_per_s: Some(2.0),
        ..table(text, rows, 1_000)
    };
    let parent = |text| TableStats { kind: RelationKind::Partitioned, ..TableStats::empty(&name(text)) };
    let nested = TableStats { partition_of: Some(name("Event")), ..parent("Event_2026") };
    let stats = of(vec![
        parent("Event"),
        part("Event_2025", "Event", 10),
        nested,
        part("Event_2026_01", "Event_2026", 5),
        table("Other", 7, 70),
    ]);
    let event = stats.table(&name("Event")).unwrap();
    assert_eq!((event.rows, event.heap_bytes, event.writes_per_s), (Some(15), 2_000, Some(4.0)));
    assert_eq!(stats.table(&name("Event_2025")).unwrap().rows, Some(10));
}

#[test]
fn a_table_that_claims_to_be_a_part_of_itself_ends() {
    let circle = TableStats {
        kind: RelationKind::Partitioned,
        partition_of: Some(name("Event")),
        ..TableStats::empty(&name("Event"))
    };
    assert_eq!(of(vec![circle]).table(&name("Event")).unwrap().heap_bytes, 0);
}

#[test]
fn one_part_that_was_never_analyzed_leaves_the_rows_unknown() {
    let parent = TableStats { kind: RelationKind::Partitioned, ..TableStats::empty(&name("Event")) };
    let unknown = TableStats {
        partition_of: Some(name("Event")),
        heap_bytes: 5_000,
        ..TableStats::empty(&name("Event_new"))
    };
    let event = of(vec![parent, unknown]).table(&name("Event")).unwrap();
    assert_eq!((event.rows, event.heap_bytes), (None, 5_000));
}

#[test]
fn what_a_person_says_wins_and_what_follows_from_it_too() {
    let index = IndexStats { name: Name::new("User_pkey"), bytes: 400, is_valid: true };
    let user = TableStats { indexes: vec![index], ..table("User", 100, 20_000) };
    let text = "User = { rows = 1_000 }\n\"audit.Log\" = { heap_mb = 117, heat = \"cold\" }\n";
    let stats = of(vec![user]).with_declared(&declared(text), &Name::new("public"));

    let user = stats.table(&name("User")).unwrap();
    assert_eq!((user.rows, user.heap_bytes, user.index_bytes()), (Some(1_000), 200_000, 4_000));
    assert_eq!((user.source, user.heat(Blocks::Writes)), (Source::Settings, None));

    let log = stats.table(&RelationName::qualified("audit", "Log")).unwrap();
    assert_eq!((log.rows, log.heat(Blocks::ReadsAndWrites)), (Some(1_048_576), Some(Heat::Cold)));
}

#[test]
fn heat_alone_leaves_the_source_of_the_size() {
    let stats = of(vec![table("User", 100, 20_000)])
        .with_declared(&declared("User = { heat = \"hot\" }"), &Name::new("public"));
    let user = stats.table(&name("User")).unwrap();
    assert_eq!((user.source, user.heat(Blocks::Writes)), (Source::File, Some(Heat::Hot)));
}

#[test]
fn heat_counts_those_who_would_wait() {
    let read = TableStats { writes_per_s: Some(0.001), reads_per_s: Some(50.0), ..table("Plan", 10, 8_192) };
    assert_eq!(read.heat(Blocks::Writes), Some(Heat::Cold));
    assert_eq!(read.heat(Blocks::ReadsAndWrites), Some(Heat::Hot));
    assert_eq!(Heat::of(0.5), Heat::Warm);
    assert_eq!(table("Plan", 1, 1).heat(Blocks::Writes), None);
}

#[test]
fn rates_of_less_than_a_day_are_no_rates() {
    let idle = TableStats { writes_per_s: Some(0.0), reads_per_s: Some(0.0), ..table("User", 10, 8_192) };
    let at = |text: &str| Some(text.parse().unwrap());
    let mut stats = of(vec![idle]);
    (stats.counted_since, stats.taken_at) = (at("2026-03-01T00:00:00Z"), at("2026-03-01T04:00:00Z"));
    assert_eq!(stats.table(&name("User")).unwrap().heat(Blocks::Writes), None);
    stats.taken_at = at("2026-03-02T00:00:00Z");
    assert_eq!(stats.table(&name("User")).unwrap().heat(Blocks::Writes), Some(Heat::Cold));
}
