#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::difference::{Difference, differences, not_compared};
use crate::model::*;

fn name(text: &str) -> Name {
    Name::new(text)
}

fn public(text: &str) -> RelationName {
    RelationName::qualified("public", text)
}

fn options(text: &str) -> BTreeMap<String, String> {
    BTreeMap::from([(text.to_owned(), "1".to_owned())])
}

fn about() -> About {
    let grant =
        Grant { grantee: Some(name("app")), privilege: "SELECT", grantable: true, grantor: name("owner") };
    About {
        owner: Some(name("owner")),
        privileges: Privileges::Granted(BTreeSet::from([grant])),
        comment: Some("said".to_owned()),
    }
}

fn counts() -> SequenceOptions {
    SequenceOptions {
        type_ref: TypeRef::built_in("int8"),
        start: 1,
        increment: 1,
        min: 1,
        max: 9,
        cache: 1,
        cycle: true,
    }
}

fn routine() -> RoutineName {
    RoutineName { name: public("touch"), arguments: vec![TypeRef::built_in("int4")] }
}

fn constraint(kind: ConstraintKind) -> Constraint {
    Constraint {
        kind,
        deferral: Deferral::InitiallyDeferred,
        enforcement: Enforcement::NotValid,
        no_inherit: true,
        inherited_from: 1,
        declared_too: true,
        switched: vec!["RI_FKey_check_ins: disabled".to_owned()],
        about: about(),
    }
}

fn constraints() -> IndexMap<Name, Constraint> {
    let foreign = ForeignKey {
        columns: vec![name("b")],
        referenced: public("T"),
        referenced_columns: vec![name("a")],
        match_kind: MatchKind::Full,
        on_update: ReferentialAction::Cascade,
        on_delete: ReferentialAction::SetNull,
        on_delete_columns: vec![name("b")],
        period: true,
    };
    let (columns, index) = (vec![name("a")], name("T_pkey"));
    IndexMap::from([
        (name("c"), constraint(ConstraintKind::Check { expression: "a > 0".to_owned() })),
        (name("f"), constraint(ConstraintKind::ForeignKey(foreign))),
        (name("n"), constraint(ConstraintKind::NotNull { column: Some(name("a")) })),
        (
            name("p"),
            constraint(ConstraintKind::PrimaryKey {
                columns: columns.clone(),
                without_overlaps: true,
                index: index.clone(),
            }),
        ),
        (name("t"), constraint(ConstraintKind::Trigger)),
        (
            name("u"),
            constraint(ConstraintKind::Unique { columns, without_overlaps: true, index: index.clone() }),
        ),
        (name("x"), constraint(ConstraintKind::Exclusion { operators: vec!["=(a,b)".to_owned()], index })),
    ])
}

fn columns() -> IndexMap<Name, Column> {
    let whole = Column {
        type_ref: TypeRef::built_in("int8"),
        collation: Some(public("german")),
        not_null: true,
        default: Some("1".to_owned()),
        identity: Some(Identity {
            generated: IdentityKind::Always,
            sequence: public("T_a_seq"),
            options: counts(),
            about: about(),
        }),
        generated: Some(Generated { expression: "b + 1".to_owned(), stored: true }),
        storage: Some(Storage::Main),
        compression: Some("lz4"),
        statistics_target: Some(5),
        options: options("n_distinct"),
        inherited_from: 1,
        declared_too: true,
        about: about(),
    };
    IndexMap::from([(name("a"), whole), (name("b"), Column::of(TypeRef::built_in("text")))])
}

fn indexes() -> IndexMap<Name, Index> {
    let key = IndexKey {
        part: KeyPart::Column(name("a")),
        operator_class: RelationName::qualified("pg_catalog", "int8_ops"),
        operator_class_is_default: true,
        operator_class_options: options("siglen"),
        collation: Some(public("german")),
        order: SortOrder::DescendingNullsLast,
        statistics_target: None,
    };
    let expression = IndexKey {
        part: KeyPart::Expression("lower(b)".to_owned()),
        statistics_target: Some(9),
        ..key.clone()
    };
    let index = Index {
        method: name("btree"),
        unique: true,
        nulls_not_distinct: true,
        deferred: true,
        keys: vec![key, expression],
        included: vec![name("b")],
        predicate: Some("a > 1".to_owned()),
        state: IndexState::Invalid,
        clustered: true,
        constraint: Some(name("p")),
        part_of: Some(public("parent_idx")),
        options: options("fillfactor"),
        tablespace: Some(name("fast")),
        about: about(),
    };
    IndexMap::from([(name("T_pkey"), index)])
}

fn triggers() -> IndexMap<Name, Trigger> {
    let trigger = Trigger {
        timing: TriggerTiming::Before,
        events: BTreeSet::from([TriggerEvent::Update]),
        for_each_row: true,
        columns: vec![name("a")],
        function: routine(),
        definition: "CREATE TRIGGER".to_owned(),
        constraint: true,
        fires: Firing::Always,
        inherited: true,
        about: about(),
    };
    IndexMap::from([(name("t"), trigger)])
}

fn rules() -> IndexMap<Name, Rule> {
    let rule = Rule { definition: "CREATE RULE".to_owned(), fires: Firing::Origin, about: about() };
    IndexMap::from([(name("r"), rule)])
}

fn table() -> Table {
    let policy = Policy {
        command: PolicyCommand::Select,
        permissive: true,
        roles: BTreeSet::from([name("app")]),
        using: Some("true".to_owned()),
        check: Some("false".to_owned()),
        about: about(),
    };
    Table {
        kind: TableKind::Partitioned { partition_key: "RANGE (a)".to_owned() },
        persistence: Persistence::Unlogged,
        columns: columns(),
        constraints: constraints(),
        indexes: indexes(),
        triggers: triggers(),
        rules: rules(),
        policies: IndexMap::from([(name("o"), policy)]),
        partition_of: Some(public("parent")),
        partition_bound: Some("DEFAULT".to_owned()),
        inherits: vec![public("older")],
        of_type: Some(public("pair")),
        access_method: Some(name("heap")),
        tablespace: Some(name("fast")),
        options: options("fillfactor"),
        row_security: true,
        force_row_security: true,
        replica_identity: ReplicaIdentity::Index(name("T_pkey")),
        about: about(),
    }
}

fn types() -> IndexMap<RelationName, Type> {
    let attribute = CompositeAttribute {
        name: name("x"),
        type_ref: TypeRef::built_in("text"),
        collation: Some(public("german")),
        comment: Some("said".to_owned()),
    };
    let range = RangeType {
        subtype: TypeRef::built_in("text"),
        operator_class: Some(public("ops")),
        collation: Some(public("german")),
        canonical: Some("public.canonical(public.range)".to_owned()),
        difference: Some("public.difference(text, text)".to_owned()),
        multirange: Some(public("ranges")),
    };
    let domain = TypeKind::Domain {
        base: TypeRef::built_in("text"),
        collation: Some(public("german")),
        not_null: true,
        default: Some("''::text".to_owned()),
        constraints: constraints().into_iter().take(1).collect(),
    };
    let kinds = [
        ("composite", TypeKind::Composite { attributes: vec![attribute] }),
        ("domain", domain),
        ("enum", TypeKind::Enum { labels: vec!["A".to_owned()] }),
        ("range", TypeKind::Range(range)),
    ];
    kinds.map(|(label, kind)| (public(label), Type { kind, about: about() })).into()
}

/// One of every kind, in which no attribute is what is left out. Written without `..`, so that a new
/// field has to be thought of here.
fn everything() -> Catalog {
    let view = View {
        kind: ViewKind::Plain,
        definition: "SELECT 1".to_owned(),
        columns: columns(),
        indexes: IndexMap::new(),
        triggers: triggers(),
        rules: rules(),
        options: options("security_barrier"),
        about: about(),
    };
    let kept = ViewKind::Materialized {
        populated: true,
        access_method: Some(name("heap")),
        tablespace: Some(name("fast")),
    };
    let materialized = View { kind: kept, indexes: IndexMap::new(), ..view.clone() };
    let publication = Publication {
        all_tables: true,
        operations: BTreeSet::from(["insert"]),
        via_root: true,
        generated_columns: Some("stored"),
        tables: BTreeMap::from([(
            public("T"),
            PublishedTable { columns: vec![name("a")], filter: Some("true".to_owned()) },
        )]),
        namespaces: BTreeSet::from([name("public")]),
        about: about(),
    };
    Catalog {
        major: 18,
        namespaces: IndexMap::from([(name("public"), Namespace { about: about() })]),
        extensions: IndexMap::from([(
            name("citext"),
            Extension { version: "1.6".to_owned(), namespace: name("public"), relocatable: true },
        )]),
        types: types(),
        sequences: IndexMap::from([(
            public("numbers"),
            Sequence {
                options: counts(),
                persistence: Persistence::Permanent,
                owned_by: Some((public("T"), name("a"))),
                about: about(),
            },
        )]),
        tables: IndexMap::from([(public("T"), table())]),
        views: IndexMap::from([(public("v"), view), (public("m"), materialized)]),
        routines: IndexMap::from([
            (
                routine(),
                Routine {
                    kind: RoutineKind::Function,
                    language: name("sql"),
                    body: RoutineBody::Definition("CREATE FUNCTION".to_owned()),
                    about: about(),
                },
            ),
            (
                RoutineName { name: public("sum"), arguments: Vec::new() },
                Routine {
                    kind: RoutineKind::Aggregate,
                    language: name("internal"),
                    body: RoutineBody::Aggregate(options("sfunc")),
                    about: about(),
                },
            ),
        ]),
        statistics: IndexMap::from([(
            public("s"),
            Statistics {
                table: public("T"),
                definition: "CREATE STATISTICS".to_owned(),
                target: Some(7),
                about: about(),
            },
        )]),
        event_triggers: IndexMap::from([(
            name("e"),
            EventTrigger {
                event: "ddl_command_end".to_owned(),
                tags: BTreeSet::from(["CREATE TABLE".to_owned()]),
                function: routine(),
                fires: Firing::Origin,
                about: about(),
            },
        )]),
        publications: IndexMap::from([(name("p"), publication)]),
        default_privileges: vec![DefaultPrivileges {
            role: name("owner"),
            namespace: Some(name("public")),
            objects: "tables",
            grants: BTreeSet::new(),
        }],
        unmodelled: BTreeSet::from([ObjectKey::new(
            ObjectKind::Unmodelled("collation".to_owned()),
            "public.german",
        )]),
        dependencies: BTreeSet::from([Dependency {
            dependent: ObjectKey::new(ObjectKind::View, "public.v"),
            on: ObjectKey::new(ObjectKind::Table, "public.\"T\""),
        }]),
    }
}

#[test]
fn every_field_of_the_model_is_an_attribute() {
    let facts = everything().facts();
    let mut told = String::new();
    for (key, attributes) in facts.objects() {
        let names: Vec<&str> = attributes.names().collect();
        writeln!(told, "{key}: {}", names.join(" ")).unwrap();
    }
    // The names are those of the stable JSON form: one that goes or changes is a new version of it.
    let expected = include_str!("every_attribute.txt");
    assert_eq!(told, expected);
}

#[test]
fn each_attribute_changed_is_one_difference() {
    let before = everything().facts();
    let mut changed = 0;
    for (key, attributes) in before.objects() {
        for attribute in attributes.names() {
            let mut after = before.clone();
            after.get_mut(key).unwrap().set(attribute, Value::from("another"));
            let found = before.differences_to(&after);
            assert_eq!(found.len(), 1, "{key} {attribute}");
            assert_eq!((&found[0].key, found[0].attribute.as_deref()), (key, Some(attribute)));
            assert_eq!(before.hash() == after.hash(), found[0].is_note(), "{key} {attribute}");
            assert_eq!(before.hash_of(key) == after.hash_of(key), found[0].is_note());
            changed += 1;
        }
    }
    assert!(changed > 150, "{changed} attributes");
}

#[test]
fn an_object_on_one_side_alone_is_one_difference() {
    let whole = everything();
    let mut less = whole.clone();
    less.tables.clear();
    let found = differences(&whole, &less);
    assert!(found.iter().all(|difference| difference.attribute.is_none() && difference.after.is_none()));
    let table = found.iter().find(|difference| difference.key.kind == ObjectKind::Table).unwrap();
    assert_eq!(table.key.to_string(), "table public.\"T\"");
    assert_eq!(differences(&less, &whole).len(), found.len());
}

#[test]
fn the_order_of_columns_is_told_and_is_no_reason() {
    let before = everything();
    let mut after = before.clone();
    after.tables[&public("T")].columns.reverse();
    assert_eq!(before, after);
    let found = differences(&before, &after);
    let told: Vec<String> = found.iter().map(Difference::to_string).collect();
    assert_eq!(
        told,
        ["column public.\"T\".a: position 1, then 2", "column public.\"T\".b: position 2, then 1"]
    );
    assert!(found.iter().all(Difference::is_note));
    assert_eq!(before.facts().hash(), after.facts().hash());
}

#[test]
fn what_both_have_is_left_out_and_nothing_else() {
    let before = everything();
    let changes: [fn(&mut Catalog); 9] = [
        |_| {},
        |after| after.tables[&public("T")].columns.reverse(),
        |after| after.views[0].columns.reverse(),
        |after| after.tables[&public("T")].columns[0].default = None,
        |after| after.tables[&public("T")].indexes[0].unique = false,
        |after| after.tables.clear(),
        |after| after.types[0].about.comment = None,
        |after| after.routines.clear(),
        |after| after.unmodelled.clear(),
    ];
    for change in changes {
        let mut after = before.clone();
        change(&mut after);
        assert_eq!(differences(&before, &after), before.facts().differences_to(&after.facts()));
        assert_eq!(differences(&after, &before), after.facts().differences_to(&before.facts()));
    }
}

#[test]
fn rights_that_nobody_has_are_not_the_usual_ones() {
    let before = everything();
    let mut after = before.clone();
    after.namespaces[0].about.privileges = Privileges::Granted(BTreeSet::new());
    let mut usual = before.clone();
    usual.namespaces[0].about.privileges = Privileges::Usual;
    assert_eq!(differences(&after, &usual).len(), 1);
    assert_eq!(differences(&before, &after).len(), 1);
}

#[test]
fn the_hash_of_the_whole_is_of_its_major() {
    let eighteen = everything().facts();
    let seventeen = Catalog { major: 17, ..everything() }.facts();
    assert_ne!(eighteen.hash(), seventeen.hash());
    assert!(everything().facts().hash() == eighteen.hash() && eighteen.hash().len() == 64);
}

#[test]
fn what_is_not_modelled_is_named() {
    let facts = everything().facts();
    let named: Vec<String> = not_compared(&facts).map(ObjectKey::to_string).collect();
    assert_eq!(named, ["collation public.german"]);
}

#[test]
fn a_snapshot_is_json_with_a_line_for_each_object() {
    let facts = everything().facts();
    let text: String = facts.to_snapshot().collect();
    let read: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(read["postgresql"], 18);
    assert_eq!(read["hash"], facts.hash());
    let objects = read["objects"].as_array().unwrap();
    assert_eq!(objects.len() + 1, facts.len());
    let lines: Vec<&str> = text.lines().filter(|line| line.starts_with("{\"kind\"")).collect();
    assert_eq!(lines.len(), facts.len());
    assert_eq!(
        read["not_compared"],
        serde_json::json!([{ "kind": "collation", "identity": "public.german" }])
    );
    let table = objects.iter().find(|object| object["kind"] == "table").unwrap();
    assert_eq!(table["attributes"]["partition_of"], "public.parent");
    assert_eq!(table["hash"].as_str().unwrap().len(), 64);
    let empty = Facts { major: 17, ..Facts::default() };
    assert!(serde_json::from_str::<Value>(&empty.to_snapshot().collect::<String>()).is_ok());
}

/// The walk has to reach every owner: those of all kinds are as many as the facts that name one.
#[test]
fn every_owner_is_shown() {
    let mut catalog = everything();
    catalog.for_each_about(|_, about| *about = About::default());
    let facts = catalog.facts();
    for (key, attributes) in facts.objects() {
        let text = serde_json::to_string(attributes).unwrap();
        assert!(!text.contains("owner\"") && !text.contains("privileges"), "{key}: {text}");
        // An attribute of a composite has no owner and no privileges, and says its comment itself.
        assert_eq!(text.contains("comment"), key.identity == "public.composite", "{key}: {text}");
    }
}
