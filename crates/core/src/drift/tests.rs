#![allow(clippy::unwrap_used)]

use underpin_catalog::model::*;
use underpin_catalog::{Catalog, Name, RelationName};

use super::*;

fn name(text: &str) -> Name {
    Name::new(text)
}

fn public(text: &str) -> RelationName {
    RelationName::qualified("public", text)
}

fn text() -> Column {
    Column::of(TypeRef::built_in("text"))
}

/// A catalog of one table, altered.
fn with_table(table: &str, alter: impl FnOnce(&mut Table)) -> Catalog {
    let mut made = Table::ordinary();
    alter(&mut made);
    Catalog { major: 17, tables: [(public(table), made)].into(), ..Catalog::default() }
}

fn empty() -> Catalog {
    Catalog { major: 17, ..Catalog::default() }
}

fn index(part: KeyPart) -> Index {
    let mut key = IndexKey::column(name("a"), RelationName::qualified("pg_catalog", "text_ops"));
    key.part = part;
    Index {
        method: name("btree"),
        unique: false,
        nulls_not_distinct: false,
        deferred: false,
        keys: vec![key],
        included: Vec::new(),
        predicate: None,
        state: IndexState::Valid,
        clustered: false,
        constraint: None,
        part_of: None,
        options: Default::default(),
        tablespace: None,
        about: About::default(),
    }
}

fn column_index() -> Index {
    index(KeyPart::Column(name("a")))
}

fn unique(columns: &[&str]) -> Constraint {
    let columns = columns.iter().copied().map(name).collect();
    Constraint::of(ConstraintKind::Unique { columns, without_overlaps: false, index: name("t_a_key") })
}

fn compare(history: &Catalog, database: &Catalog) -> Drift {
    drift(&history.facts(), &database.facts(), &DriftSettings::default())
}

fn told(drift: &Drift) -> Vec<(&str, &str, bool)> {
    drift.deviations.iter().map(|one| (one.kind.as_str(), one.identity.as_str(), one.prisma_sees)).collect()
}

#[test]
fn what_belongs_to_a_table_is_told_with_it() {
    let there = with_table("a.b", |table| {
        table.columns.insert(name("c"), text());
        table.indexes.insert(name("i"), column_index());
        table.constraints.insert(name("u"), unique(&["c"]));
    });
    let found = compare(&empty(), &there);
    assert_eq!(told(&found), [("table", "public.\"a.b\"", true)]);
    assert_eq!(found.deviations[0].change, Change::OnlyInDatabase);
    let found = compare(&there, &empty());
    assert_eq!(found.deviations[0].change, Change::OnlyInHistory);
}

#[test]
fn a_domain_is_told_with_its_checks_and_a_type_by_its_form() {
    let check = Constraint::of(ConstraintKind::Check { expression: "VALUE > 0".to_owned() });
    let domain = TypeKind::Domain {
        base: TypeRef::built_in("int4"),
        collation: None,
        not_null: false,
        default: None,
        constraints: [(name("positive"), check)].into(),
    };
    let labels = TypeKind::Enum { labels: vec!["A".to_owned()] };
    let mut after = empty();
    for (own, kind) in [("d", domain), ("e", labels)] {
        after.types.insert(public(own), Type { kind, about: About::default() });
    }
    let found = compare(&empty(), &after);
    assert_eq!(told(&found), [("domain", "public.d", false), ("enum", "public.e", true)]);
}

#[test]
fn the_index_of_a_constraint_is_told_with_it() {
    let of = |columns: &[&str]| {
        with_table("t", |table| {
            table.constraints.insert(name("t_a_key"), unique(columns));
            let keys = columns.iter().map(|column| index(KeyPart::Column(name(column))).keys.remove(0));
            let index = Index { keys: keys.collect(), constraint: Some(name("t_a_key")), ..column_index() };
            table.indexes.insert(name("t_a_key"), index);
        })
    };
    let expected = [("constraint", "public.t.t_a_key", true)];
    assert_eq!(told(&compare(&with_table("t", |_| {}), &of(&["a"]))), expected);
    assert_eq!(told(&compare(&of(&["a"]), &of(&["a", "b"]))), expected);
    // A name of its own, and an index that is invalid.
    let mut invalid = of(&["a", "b"]);
    invalid.tables[0].indexes[0].state = IndexState::Invalid;
    assert_eq!(told(&compare(&of(&["a"]), &invalid)).len(), 2);
}

#[test]
fn what_a_column_refuses_is_told_once() {
    let before = with_table("t", |table| {
        table.columns.insert(name("a b"), text());
    });
    let after = with_table("t", |table| {
        table.columns.insert(name("a b"), Column { not_null: true, ..text() });
        let not_null = ConstraintKind::NotNull { column: Some(name("a b")) };
        table.constraints.insert(name("t_a_not_null"), Constraint::of(not_null));
    });
    assert_eq!(told(&compare(&before, &after)), [("column", "public.t.\"a b\"", true)]);
}

#[test]
fn prisma_sees_columns_keys_and_plain_indexes_alone() {
    let before = with_table("t", |table| {
        table.indexes.insert(name("kept"), column_index());
    });
    let mut after = with_table("t", |table| {
        table.row_security = true;
        table.columns.insert(name("c"), text());
        let check = ConstraintKind::Check { expression: "a > 0".to_owned() };
        let foreign = ForeignKey {
            columns: vec![name("a")],
            referenced: public("u"),
            referenced_columns: vec![name("id")],
            match_kind: MatchKind::Simple,
            on_update: ReferentialAction::NoAction,
            on_delete: ReferentialAction::NoAction,
            on_delete_columns: Vec::new(),
            period: false,
        };
        table.constraints.insert(name("positive"), Constraint::of(check));
        table.constraints.insert(name("fk"), Constraint::of(ConstraintKind::ForeignKey(foreign)));
        table.indexes.insert(name("plain"), Index { included: vec![name("b")], ..column_index() });
        let partial = Index { predicate: Some("(b IS NULL)".to_owned()), ..column_index() };
        table.indexes.insert(name("partial"), partial);
        table.indexes.insert(name("expression"), index(KeyPart::Expression("lower(a)".to_owned())));
        table.indexes.insert(name("kept"), Index { clustered: true, ..column_index() });
    });
    let mut view = View::of(ViewKind::Plain);
    view.columns.insert(name("c"), text());
    after.views.insert(public("v"), view);
    let expected = [
        ("table", "public.t", false),
        ("column", "public.t.c", true),
        ("constraint", "public.t.fk", true),
        ("constraint", "public.t.positive", false),
        ("index", "public.expression", false),
        ("index", "public.kept", false),
        ("index", "public.partial", false),
        ("index", "public.plain", true),
        ("view", "public.v", false),
    ];
    assert_eq!(told(&compare(&before, &after)), expected);
    // The column of a view is the view's business.
    let mut wider = after.clone();
    wider.views[0].columns.insert(name("d"), text());
    assert_eq!(told(&compare(&after, &wider)), [("column", "public.v.d", false)]);
}

/// A table and a function of an owner, with what was granted on both.
fn owned(owner: &str, granted: Option<&[(Option<&str>, &'static str)]>) -> Catalog {
    let privileges = granted.map_or(Privileges::Usual, |granted| {
        let grant = |(grantee, privilege): &(Option<&str>, &'static str)| Grant {
            grantee: grantee.map(name),
            privilege,
            grantable: false,
            grantor: name(owner),
        };
        Privileges::Granted(granted.iter().map(grant).collect())
    });
    let about = About { owner: Some(name(owner)), privileges, comment: None };
    let mut catalog = with_table("t", |table| table.about = about.clone());
    let routine = Routine {
        kind: RoutineKind::Function,
        language: name("sql"),
        body: RoutineBody::Definition("CREATE FUNCTION".to_owned()),
        about,
    };
    catalog.routines.insert(RoutineName { name: public("f"), arguments: Vec::new() }, routine);
    catalog
}

fn compare_owned(history: Catalog, database: Catalog) -> Drift {
    let app = name("app");
    compare(&comparable(history, &app, &[name("postgres")]), &comparable(database, &app, &[]))
}

#[test]
fn owners_are_called_differently_and_grants_are_compared_without_them() {
    assert!(compare_owned(owned("postgres", None), owned("app", None)).is_clean());
    // The first GRANT writes the owner's own rights out.
    let public_right = (None, "EXECUTE");
    let granted = owned("app", Some(&[(Some("app"), "INSERT"), (Some("reader"), "SELECT"), public_right]));
    let same =
        owned("postgres", Some(&[(Some("reader"), "SELECT"), (Some("postgres"), "UPDATE"), public_right]));
    assert!(compare_owned(same, granted.clone()).is_clean());
    let found = compare_owned(owned("postgres", None), granted);
    assert_eq!(told(&found), [("table", "public.t", false), ("function", "public.f()", false)]);
    let Change::Differs { attributes } = &found.deviations[1].change else { panic!("{found:?}") };
    assert_eq!(attributes[0].name, "privileges");
    let privileges = attributes[0].database.as_ref().unwrap().as_array().unwrap();
    assert_eq!(privileges.len(), 2, "{privileges:?}");
    // Nobody but the owner may call it any more: an empty list differs from none, for a function.
    let closed = owned("app", Some(&[(Some("app"), "EXECUTE")]));
    assert_eq!(told(&compare_owned(owned("postgres", None), closed)), [("function", "public.f()", false)]);
    // Somebody else's table is told.
    assert_eq!(compare_owned(owned("postgres", None), owned("intruder", None)).deviations.len(), 2);
    // A history that grants to the role that owns the database grants nothing.
    let to_itself = owned("postgres", Some(&[(Some("app"), "SELECT"), (None, "EXECUTE")]));
    let found = compare_owned(to_itself, owned("app", None));
    assert_eq!(told(&found), [("table", "public.t", false)], "PUBLIC may nothing with a new table");
}

#[test]
fn what_a_server_explains_is_no_drift() {
    let of = |owner: &str, tablespace: Option<Name>, reader: &str| {
        let mut catalog = with_table("t", |table| {
            table.tablespace = tablespace.clone();
            table.indexes.insert(name("i"), Index { tablespace: tablespace.clone(), ..column_index() });
            let policy = Policy {
                command: PolicyCommand::All,
                permissive: true,
                roles: BTreeSet::from([name(owner)]),
                using: None,
                check: None,
                about: About::default(),
            };
            table.policies.insert(name("p"), policy);
        });
        let kind =
            ViewKind::Materialized { populated: tablespace.is_none(), access_method: None, tablespace };
        catalog.views.insert(public("m"), View::of(kind));
        let grant = |grantee: &str| Grant {
            grantee: Some(name(grantee)),
            privilege: "SELECT",
            grantable: false,
            grantor: name(owner),
        };
        catalog.default_privileges.push(DefaultPrivileges {
            role: name(owner),
            namespace: None,
            objects: "tables",
            grants: BTreeSet::from([grant(owner), grant(reader)]),
        });
        let about =
            About { privileges: Privileges::Granted(BTreeSet::from([grant(reader)])), ..About::default() };
        catalog.namespaces.insert(name("public"), Namespace { about });
        catalog
    };
    let live = of("app", Some(name("fast")), "reader");
    assert!(compare_owned(of("postgres", None, "reader"), live.clone()).is_clean());
    let other = compare_owned(of("postgres", None, "other"), live);
    assert_eq!(told(&other), [("default privileges", "of app on tables", false)]);
}

#[test]
fn what_does_not_count_is_told_apart() {
    let collation = |own: &str| ObjectKey::new(ObjectKind::Unmodelled("collation".to_owned()), own);
    let mut before = with_table("t", |table| {
        for column in ["a", "b", "c"] {
            table.columns.insert(name(column), text());
        }
    });
    before.unmodelled.extend([collation("public.german"), collation("public.odd")]);
    let mut after = before.clone();
    after.tables[0].columns.swap_indices(0, 2);
    after.unmodelled.remove(&collation("public.odd"));
    let found = compare(&before, &after);
    assert_eq!(told(&found), [("collation", "public.odd", false)]);
    assert_eq!(found.reordered, ["public.t"]);
    assert_eq!(found.not_compared, [collation("public.german")]);
    // A column in between moves the others, and leaves their order.
    let mut wider = before.clone();
    wider.tables[0].columns.shift_insert(1, name("between"), text());
    assert_eq!(compare(&before, &wider).reordered, Vec::<String>::new());
    let ignore = Ignore { object: "collation *german".to_owned(), because: "known".to_owned() };
    let settings = DriftSettings { ignore: vec![ignore] };
    let found = drift(&before.facts(), &before.facts(), &settings);
    assert_eq!(
        (found.not_compared.as_slice(), found.unused_ignores.as_slice()),
        (&[collation("public.odd")][..], &[][..])
    );
}

#[test]
fn what_may_differ_is_said_with_its_reason_and_must_be_there() {
    let ignore = |object: &str| Ignore { object: object.to_owned(), because: "the platform's".to_owned() };
    let settings =
        DriftSettings { ignore: vec![ignore("extension pg_*"), ignore("* audit.*"), ignore("table x")] };
    let mut after = owned("app", None);
    after.tables = [(RelationName::qualified("audit", "log"), Table::ordinary())].into();
    for extension in ["pg_stat_statements", "citext"] {
        after.extensions.insert(
            name(extension),
            Extension { version: "1".to_owned(), namespace: name("public"), relocatable: true },
        );
    }
    let found = drift(&empty().facts(), &after.facts(), &settings);
    assert_eq!(told(&found), [("extension", "citext", false), ("function", "public.f()", false)]);
    assert_eq!(found.ignored.len(), 2);
    assert_eq!(found.unused_ignores, ["table x"]);
    // The version is the server's.
    let mut older = after.clone();
    older.extensions[0].version = "2".to_owned();
    assert!(compare(&after, &older).is_clean());
}

#[test]
fn a_pattern_is_the_whole_name() {
    for (pattern, text, fits) in [
        ("table a", "table a", true),
        ("table a", "table ab", false),
        ("table a*", "table ab", true),
        ("*b*d", "abcd", true),
        ("*b*d", "abcde", false),
        ("a*a", "a", false),
        ("*", "", true),
    ] {
        assert_eq!(matches(pattern, text), fits, "{pattern} {text}");
    }
}

#[test]
fn an_ignore_without_a_reason_is_an_error() {
    let error =
        crate::settings::Settings::from_toml("[drift]\nignore = [{ object = \"x\", because = \" \" }]\n");
    assert!(error.unwrap_err().message.contains("the reason for ignoring x is empty"));
}
