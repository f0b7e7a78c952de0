#![allow(clippy::unwrap_used)]

use super::cast;
use super::*;
use crate::model::{
    Column, Constraint, ConstraintKind, ForeignKey, MatchKind, Namespace, ReferentialAction, Table, Type,
    TypeKind, TypeRef,
};

fn named(text: &str) -> Name {
    Name::new(text)
}

fn column(internal: &str, formatted: &str) -> Column {
    Column::of(TypeRef::built_in(internal).with_modifiers_of(formatted))
}

fn catalog(tables: &[(&str, &[(&str, Column)])]) -> Catalog {
    let mut catalog = Catalog { major: 18, ..Catalog::default() };
    catalog.namespaces.insert(named("public"), Namespace::default());
    for (name, columns) in tables {
        let mut table = Table::ordinary();
        table.columns.extend(columns.iter().map(|(name, column)| (named(name), column.clone())));
        catalog.tables.insert(RelationName::qualified("public", *name), table);
    }
    catalog
}

fn statements(before: &Catalog, after: &Catalog) -> Vec<String> {
    let way = between(before, after, &named("owner"));
    way.changes.iter().map(|change| change.statement.to_string()).collect()
}

#[test]
fn nothing_is_done_between_equal_catalogs() {
    let one = catalog(&[("t", &[("a", column("int4", "integer"))])]);
    assert_eq!(statements(&one, &one.clone()), [""; 0]);
}

#[test]
fn names_are_quoted_and_qualified_whatever_is_in_them() {
    let before = catalog(&[("t", &[("a", column("int4", "integer"))])]);
    let odd = "a\"; DROP TABLE x; --";
    let after = catalog(&[("t", &[("a", column("int4", "integer")), (odd, column("text", "text"))])]);
    assert_eq!(
        statements(&before, &after),
        [r#"ALTER TABLE "public"."t" ADD COLUMN "a""; DROP TABLE x; --" text"#]
    );
}

#[test]
fn what_may_have_been_renamed_is_asked_and_not_guessed() {
    let before = catalog(&[("t", &[("a", column("text", "text"))])]);
    let after = catalog(&[("t", &[("b", column("text", "text")), ("c", column("text", "text"))])]);
    let way = between(&before, &after, &named("owner"));
    assert_eq!(way.renames.len(), 1);
    assert_eq!(way.renames[0].to.len(), 2);
    assert!(way.changes.iter().any(|change| change.loss == Loss::Contents));
}

#[test]
fn a_new_value_is_committed_for_those_that_use_it() {
    let of = |labels: &[&str]| {
        let mut catalog = catalog(&[]);
        let labels = labels.iter().map(|label| (*label).to_owned()).collect();
        let kind = TypeKind::Enum { labels };
        let name = RelationName::qualified("public", "e");
        catalog.types.insert(name.clone(), Type { kind, about: Default::default() });
        (catalog, name)
    };
    let ((before, _), (mut after, name)) = (of(&["a"]), of(&["a", "it's"]));
    let committed = |after: &Catalog| {
        between(&before, after, &named("owner")).changes.iter().any(|change| change.committed)
    };
    assert!(!committed(&after), "nobody uses it");
    let mut table = Table::ordinary();
    let default = Some("'it''s'::public.e".to_owned());
    table.columns.insert(named("c"), Column { default, ..Column::of(TypeRef::of(name)) });
    after.tables.insert(RelationName::qualified("public", "t"), table);
    assert!(committed(&after));
}

#[test]
fn who_needs_nothing_that_moves_is_not_looked_into_and_nothing_is_missed() {
    let int = || column("int4", "integer");
    let public = |name: &str| RelationName::qualified("public", name);
    let mut before = catalog(&[
        ("t", &[("id", int()), ("old", int())]),
        ("child", &[("t", int())]),
        ("grandchild", &[("child", int())]),
        ("typed", &[("kind", Column::of(TypeRef::of(public("kind"))))]),
        ("above", &[("id", int())]),
        ("part", &[("id", int())]),
        ("alone", &[("id", int())]),
    ]);
    for (table, column, referenced) in [("child", "t", "t"), ("grandchild", "child", "child")] {
        let foreign = Constraint::of(ConstraintKind::ForeignKey(ForeignKey {
            columns: vec![named(column)],
            referenced: public(referenced),
            referenced_columns: vec![named("id")],
            match_kind: MatchKind::default(),
            on_update: ReferentialAction::default(),
            on_delete: ReferentialAction::default(),
            on_delete_columns: Vec::new(),
            period: false,
        }));
        before.tables.get_mut(&public(table)).unwrap().constraints.insert(named("fk"), foreign);
    }
    before.tables.get_mut(&public("part")).unwrap().inherits.push(public("above"));
    let labels = |labels: &[&str]| {
        let labels = labels.iter().map(|label| (*label).to_owned()).collect();
        Type { kind: TypeKind::Enum { labels }, about: Default::default() }
    };
    before.types.insert(public("kind"), labels(&["a", "b"]));
    let idle_behind = |change: &dyn Fn(&mut Catalog)| {
        let mut after = before.clone();
        change(&mut after);
        let idle = idle(&before, &after);
        let all = without(HashSet::new(), &before, &after, &named("owner"));
        assert_eq!(between(&before, &after, &named("owner")), all);
        let mut names: Vec<&str> = idle.into_iter().map(|name| name.name.as_str()).collect();
        names.sort_unstable();
        names.join(" ")
    };
    let column_goes = |catalog: &mut Catalog| {
        catalog.tables[&public("t")].columns.shift_remove(&named("old"));
    };
    assert_eq!(idle_behind(&|_| {}), "above alone child grandchild part t typed");
    assert_eq!(idle_behind(&column_goes), "above alone grandchild part typed");
    let value_goes = |catalog: &mut Catalog| {
        catalog.types.insert(public("kind"), labels(&["a"]));
    };
    assert_eq!(idle_behind(&value_goes), "above alone child grandchild part t");
    let parent_grows = |catalog: &mut Catalog| {
        catalog.tables[&public("above")].columns.insert(named("new"), int());
    };
    assert_eq!(idle_behind(&parent_grows), "alone child grandchild t typed");
    let another_order = |catalog: &mut Catalog| catalog.tables[&public("t")].columns.swap_indices(0, 1);
    assert_eq!(idle_behind(&another_order), "above alone grandchild part typed");
}

#[test]
fn a_conversion_says_what_it_keeps() {
    let said = |before: (&str, &str), after: (&str, &str)| {
        let (before, after) = (column(before.0, before.1), column(after.0, after.1));
        let cast = cast::between(&named("c"), &before, &after, false);
        let class = cast.loss.map_or("lossless", |loss| loss.class());
        format!("{class}{}", cast.using)
    };
    for (before, after, expected) in [
        (("int4", "integer"), ("int8", "bigint"), r#"lossless USING "c"::bigint"#),
        (("int8", "bigint"), ("int4", "integer"), r#"lossless-if USING "c"::integer"#),
        (("varchar", "character varying(5)"), ("varchar", "character varying(9)"), "lossless"),
        (("varchar", "character varying(9)"), ("varchar", "character varying(5)"), "lossless-if"),
        (("varchar", "character varying(9)"), ("text", "text"), "lossless"),
        // Not to varchar(5) itself, which would cut.
        (("int4", "integer"), ("varchar", "character varying(5)"), r#"lossless-if USING "c"::text"#),
        (("text", "text"), ("int4", "integer"), r#"lossless-if USING "c"::integer"#),
        (("bytea", "bytea"), ("uuid", "uuid"), r#"lossless-if USING "c"::text::uuid"#),
        (("json", "json"), ("jsonb", "jsonb"), r#"loses-precision USING "c"::jsonb"#),
        (("numeric", "numeric(10,2)"), ("numeric", "numeric(12,2)"), "lossless"),
        (("numeric", "numeric(10,2)"), ("numeric", "numeric(11,3)"), "lossless"),
        (("numeric", "numeric(10,2)"), ("numeric", "numeric(10,3)"), "lossless-if"),
        (("numeric", "numeric(10,2)"), ("numeric", "numeric(10,1)"), "loses-precision"),
        (
            ("timestamp", "timestamp without time zone"),
            ("timestamp", "timestamp(3) without time zone"),
            "loses-precision",
        ),
        (
            ("timestamp", "timestamp(3) without time zone"),
            ("timestamp", "timestamp without time zone"),
            "lossless",
        ),
    ] {
        assert_eq!(said(before, after), expected, "{before:?} to {after:?}");
    }
}

#[test]
fn conditions_add_up_and_the_worst_counts() {
    let condition = |text: &str| Loss::NothingIf(text.to_owned());
    let both = Loss::of_all(vec![condition("a"), Loss::Nothing, condition("b")]);
    assert_eq!(both, condition("a, and b"));
    assert_eq!(Loss::of_all(vec![condition("a"), Loss::Contents]), Loss::Contents);
}
