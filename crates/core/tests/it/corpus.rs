//! Real migrations, planned as if every table that they name were large and in use.

use std::collections::{BTreeMap, BTreeSet};

use underpin_catalog::{Name, RelationName, ServerVersion};
use underpin_core::plan::{Mode, Policy, ReasonCode, plan};
use underpin_sql::{Action, Effect, RelationFacts, Statement, Surroundings, Transaction, mentioned, read};
use underpin_testkit::corpus::histories;

/// Every table that the file does not create is there, large, and has a primary key.
fn everything_is_large(statements: &[Statement]) -> Surroundings {
    let mut around = Surroundings::empty(ServerVersion::of_major(17), Name::new("public"));
    for named in mentioned(statements).relations {
        let relation = match &named.namespace {
            Some(_) => named,
            None => RelationName { namespace: Some(Name::new("public")), name: named.name },
        };
        let facts = RelationFacts {
            bytes: Some(10 << 30),
            primary_key: vec![Name::new("id")],
            ..RelationFacts::empty_table()
        };
        around.relations.insert(relation, facts);
    }
    for created in statements.iter().flat_map(|statement| &statement.effects) {
        if let Effect::CreateTable(created) = created
            && !created.if_not_exists
        {
            let own = around.resolve(&created.table);
            around.relations.remove(&own);
        }
    }
    around
}

fn all() -> impl Iterator<Item = (String, Vec<Statement>)> {
    histories().into_iter().flat_map(|history| {
        let files: Vec<_> = history
            .names
            .iter()
            .filter_map(|name| Some((format!("{}/{name}", history.name), read(&history.sql(name)).ok()?)))
            .collect();
        files
    })
}

#[test]
fn every_plan_is_sound_and_the_same_when_made_again() {
    let mut reasons = BTreeMap::<ReasonCode, usize>::new();
    let (mut files, mut twinned, mut refused) = (0, 0, 0);
    for (name, statements) in all() {
        let around = everything_is_large(&statements);
        let planned = plan(&statements, &around, &Policy::default());
        assert_eq!(planned, plan(&statements, &around, &Policy::default()), "{name}");
        let ids: BTreeSet<_> = planned.steps.iter().map(|step| step.id.clone()).collect();
        assert_eq!(ids.len(), planned.steps.len(), "{name}: ids differ");
        for step in &planned.steps {
            if let Action::Execute { sql } | Action::BuildIndex { sql, .. } = &step.action {
                assert_eq!(read(sql.as_str()).unwrap().len(), 1, "{name}: {sql}");
            }
            assert!(!step.intent.is_empty(), "{name}");
        }
        files += 1;
        twinned += usize::from(planned.twinned);
        refused += usize::from(!planned.refusals.is_empty());
        for refusal in planned.refusals {
            assert!(!refusal.why.is_empty() && !refusal.way_out.is_empty());
            *reasons.entry(refusal.code).or_default() += 1;
        }
    }
    assert_eq!(files, 2037);
    // A change here is a change of what teams experience: look at the files before changing the numbers.
    assert_eq!((twinned, refused), (437, 317), "{reasons:?}");
}

#[test]
fn on_an_empty_database_nothing_is_changed() {
    for (name, statements) in all() {
        let around = Surroundings::empty(ServerVersion::of_major(17), Name::new("public"));
        let planned = plan(&statements, &around, &Policy::default());
        assert!(!planned.twinned, "{name}");
        assert!(
            planned.refusals.iter().all(|refusal| refusal.code == ReasonCode::TransactionControl),
            "{name}: {:?}",
            planned.refusals
        );
        let written = plan(&statements, &around, &Policy { mode: Mode::AsWritten, ..Policy::default() });
        let steps = |plan: &underpin_core::plan::FilePlan| {
            plan.steps.iter().map(|step| step.id.clone()).collect::<Vec<_>>()
        };
        if planned.settings.is_empty() {
            assert_eq!(steps(&planned), steps(&written), "{name}");
        }
        if planned.is_plain() {
            assert!(planned.steps.iter().all(|step| step.transaction == Transaction::Shared), "{name}");
        }
    }
}
