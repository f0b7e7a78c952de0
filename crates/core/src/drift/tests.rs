#![allow(clippy::unwrap_used)]

use super::*;

/// Kind, identity and attributes.
type Written<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)]);

fn catalog(objects: &[Written<'_>]) -> Catalog {
    let mut catalog = Catalog::default();
    for (kind, identity, facts) in objects {
        let facts = facts.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        catalog.insert(ObjectKey { kind: (*kind).into(), identity: (*identity).into() }, Object(facts));
    }
    catalog
}

fn told(drift: &Drift) -> Vec<(&str, &str, bool)> {
    drift.deviations.iter().map(|one| (one.kind.as_str(), one.identity.as_str(), one.prisma_sees)).collect()
}

#[test]
fn what_belongs_to_a_table_is_told_with_it() {
    let there = catalog(&[
        ("table", "public.\"a.b\"", &[]),
        ("column", "public.\"a.b\".c", &[("type", "text")]),
        (
            "index",
            "public.i",
            &[
                ("table", "public.\"a.b\""),
                ("definition", "CREATE INDEX i ON public.\"a.b\" USING btree (c)"),
            ],
        ),
    ]);
    let none = Catalog::default();
    let found = drift(&none, &there, &DriftSettings::default());
    assert_eq!(told(&found), [("table", "public.\"a.b\"", true)]);
    assert_eq!(found.deviations[0].change, Change::OnlyInDatabase);
    let found = drift(&there, &none, &DriftSettings::default());
    assert_eq!(found.deviations[0].change, Change::OnlyInHistory);
}

#[test]
fn the_index_of_a_constraint_is_told_with_it() {
    let table = ("table", "public.t", &[] as &[_]);
    let before = catalog(&[table]);
    let after = catalog(&[
        table,
        ("constraint", "public.t.t_a_key", &[("definition", "UNIQUE (a)")]),
        (
            "index",
            "public.t_a_key",
            &[
                ("table", "public.t"),
                ("definition", "CREATE UNIQUE INDEX t_a_key ON public.t USING btree (a)"),
            ],
        ),
    ]);
    assert_eq!(
        told(&drift(&before, &after, &DriftSettings::default())),
        [("constraint", "public.t.t_a_key", true)]
    );
}

#[test]
fn what_a_column_refuses_is_told_once() {
    let table = ("table", "public.t", &[] as &[_]);
    let before = catalog(&[table, ("column", "public.t.\"a b\"", &[])]);
    let after = catalog(&[
        table,
        ("column", "public.t.\"a b\"", &[("not_null", "true")]),
        ("constraint", "public.t.t_a_not_null", &[("definition", "NOT NULL \"a b\"")]),
    ]);
    let found = drift(&before, &after, &DriftSettings::default());
    assert_eq!(told(&found), [("column", "public.t.\"a b\"", true)]);
}

#[test]
fn prisma_sees_columns_keys_and_plain_indexes_alone() {
    let table = ("table", "public.t", &[("row_security", "false")] as &[_]);
    let index = |definition| [("table", "public.t"), ("definition", definition)];
    let after = catalog(&[
        ("table", "public.t", &[("row_security", "true")]),
        ("column", "public.t.c", &[("type", "text")]),
        ("constraint", "public.t.positive", &[("definition", "CHECK ((a > 0))")]),
        ("constraint", "public.t.fk", &[("definition", "FOREIGN KEY (a) REFERENCES public.u(id)")]),
        ("index", "public.plain", &index("CREATE INDEX plain ON public.t USING btree (a) INCLUDE (b)")),
        (
            "index",
            "public.partial",
            &index("CREATE INDEX partial ON public.t USING btree (a) WHERE (b IS NULL)"),
        ),
        ("index", "public.expression", &index("CREATE INDEX expression ON public.t USING btree (lower(a))")),
        ("trigger", "public.t.touch", &[]),
    ]);
    let found = drift(&catalog(&[table]), &after, &DriftSettings::default());
    let expected = [
        ("table", "public.t", false),
        ("column", "public.t.c", true),
        ("constraint", "public.t.fk", true),
        ("constraint", "public.t.positive", false),
        ("index", "public.expression", false),
        ("index", "public.partial", false),
        ("index", "public.plain", true),
        ("trigger", "public.t.touch", false),
    ];
    assert_eq!(told(&found), expected);
}

#[test]
fn owners_are_called_differently_and_grants_are_compared_without_them() {
    let of = |owner: &str, acl: &[(&str, &str)]| {
        let mut facts = vec![("owner", owner)];
        facts.extend_from_slice(acl);
        catalog(&[("table", "public.t", &facts), ("function", "public.f()", &facts)])
    };
    let compare = |a: &Catalog, b: &Catalog| {
        let (a, b) = (comparable(a, &Owner("postgres".into())), comparable(b, &Owner("app".into())));
        drift(&a, &b, &DriftSettings::default())
    };
    assert!(compare(&of("postgres", &[]), &of("app", &[])).is_clean());
    // The first GRANT writes the owner's own rights out.
    let granted = of("app", &[("acl", "{app=arwdDxt/app,reader=r/app}")]);
    let same = of("postgres", &[("acl", "{reader=r/postgres,postgres=arwdDxt/postgres}")]);
    assert!(compare(&same, &granted).is_clean());
    let found = compare(&of("postgres", &[]), &granted);
    let Change::Differs { attributes } = &found.deviations[1].change else { panic!("{found:?}") };
    assert_eq!((attributes[0].name.as_str(), attributes[0].database.as_deref()), ("acl", Some("reader=r")));
    // Nobody but the owner may call it any more: an empty list differs from none.
    let closed = catalog(&[("function", "public.f()", &[("owner", "app"), ("acl", "{app=X/app}")])]);
    let open = catalog(&[("function", "public.f()", &[("owner", "postgres")])]);
    assert_eq!(compare(&open, &closed).deviations.len(), 1);
    // Somebody else's table is told.
    assert_eq!(compare(&of("postgres", &[]), &of("intruder", &[])).deviations.len(), 2);
}

#[test]
fn what_may_differ_is_said_with_its_reason_and_must_be_there() {
    let ignore = |object: &str| Ignore { object: object.to_owned(), because: "the platform's".to_owned() };
    let settings =
        DriftSettings { ignore: vec![ignore("extension pg_*"), ignore("* audit.*"), ignore("table x")] };
    let after = catalog(&[
        ("extension", "pg_stat_statements", &[]),
        ("table", "audit.log", &[]),
        ("function", "audit.note()", &[]),
        ("extension", "citext", &[]),
    ]);
    let found = drift(&Catalog::default(), &after, &settings);
    assert_eq!(told(&found), [("extension", "citext", false)]);
    assert_eq!(found.ignored.len(), 3);
    assert_eq!(found.unused_ignores, ["table x"]);
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
