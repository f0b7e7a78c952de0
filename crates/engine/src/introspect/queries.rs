//! Sends the queries, all at once: they are answered in their order in one round trip.

use tokio_postgres::{Client, Error};

use super::rows::*;

/// What the queries of one snapshot answered.
#[derive(Debug)]
pub(super) struct Answers {
    pub(super) snapshot: Vec<SnapshotRow>,
    pub(super) names: Vec<NameRow>,
    pub(super) usual_privileges: Vec<UsualPrivilegesRow>,
    pub(super) namespaces: Vec<NamespaceRow>,
    pub(super) extensions: Vec<ExtensionRow>,
    pub(super) relations: Vec<RelationRow>,
    pub(super) foreign_tables: Vec<ForeignTableRow>,
    pub(super) inherits: Vec<InheritsRow>,
    pub(super) columns: Vec<ColumnRow>,
    pub(super) constraints: Vec<ConstraintRow>,
    pub(super) indexes: Vec<IndexRow>,
    pub(super) sequences: Vec<SequenceRow>,
    pub(super) types: Vec<TypeRow>,
    pub(super) routines: Vec<RoutineRow>,
    pub(super) aggregates: Vec<AggregateRow>,
    pub(super) triggers: Vec<TriggerRow>,
    pub(super) rules: Vec<RuleRow>,
    pub(super) policies: Vec<PolicyRow>,
    pub(super) statistics: Vec<StatisticsRow>,
    pub(super) event_triggers: Vec<EventTriggerRow>,
    pub(super) publications: Vec<PublicationRow>,
    pub(super) publication_tables: Vec<PublicationTableRow>,
    pub(super) publication_namespaces: Vec<PublicationNamespaceRow>,
    pub(super) default_privileges: Vec<DefaultPrivilegesRow>,
    pub(super) comments: Vec<CommentRow>,
    pub(super) dependencies: Vec<DependencyRow>,
    pub(super) unmodelled: Vec<UnmodelledRow>,
    pub(super) views: Vec<ViewRow>,
}

/// One query and the first major that has what it asks for.
struct Query {
    text: &'static str,
    since: u32,
}

macro_rules! queries {
    ($($name:ident $(from $since:literal)?),* $(,)?) => {
        #[cfg(test)]
        const TEXTS: &[&str] = &[$(include_str!(concat!(stringify!($name), ".sql"))),*];

        /// Asks everything, in the transaction that the client is in. Rows are decoded as they come, so that
        /// what the server sent is not kept beside what became of it.
        ///
        /// # Errors
        /// The first that the server answered; the others follow from it.
        pub(super) async fn ask(client: &Client, major: u32) -> Result<Answers, Error> {
            // They are polled in this order, and the first poll sends.
            let ($($name),*) = tokio::try_join!(biased; $(one(client, major, &Query {
                text: include_str!(concat!(stringify!($name), ".sql")),
                since: 0 $(+ $since)?,
            })),*)?;
            Ok(Answers { $($name),* })
        }
    };
}

queries!(
    snapshot,
    names,
    usual_privileges,
    namespaces,
    extensions,
    relations,
    foreign_tables,
    inherits,
    columns,
    constraints,
    indexes,
    sequences,
    types,
    aggregates,
    triggers,
    policies,
    statistics,
    event_triggers,
    publications,
    publication_tables,
    publication_namespaces from 15,
    default_privileges,
    comments,
    dependencies,
    unmodelled,
    // These keep ACCESS SHARE on what they read until the transaction ends: then it ends at once.
    routines,
    rules,
    views,
);

async fn one<T: FromRow>(client: &Client, major: u32, query: &Query) -> Result<Vec<T>, Error> {
    if major < query.since {
        return Ok(Vec::new());
    }
    let rows = client.query_typed(&for_major(query.text, major), &[]).await?;
    rows.iter().map(T::of).collect()
}

/// The text for one major. A line that ends in `-- from N, else X` is X on older ones.
fn for_major(text: &str, major: u32) -> String {
    let mut made = String::with_capacity(text.len());
    for line in text.lines() {
        let gate = line.split_once("-- from ").and_then(|(code, gate)| {
            let (since, other) = gate.split_once(", else ")?;
            Some((code, since.parse::<u32>().ok()?, other))
        });
        made.push_str(match gate {
            Some((code, since, _)) if major >= since => code,
            Some((_, _, other)) => other,
            None => line,
        });
        made.push('\n');
    }
    made
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gated_line_is_the_other_on_older_majors() {
        let text = "SELECT\n    a.new AS x, -- from 15, else NULL AS x,\n    1 -- from the start\n";
        assert_eq!(for_major(text, 15), "SELECT\n    a.new AS x, \n    1 -- from the start\n");
        assert_eq!(for_major(text, 14), "SELECT\nNULL AS x,\n    1 -- from the start\n");
    }

    #[test]
    fn every_gate_is_read() {
        let gates: usize = TEXTS.iter().map(|text| text.matches("-- from ").count()).sum();
        assert!(gates > 5, "{gates}");
        for text in TEXTS {
            assert!(!for_major(text, 0).contains("-- from "), "{text}");
        }
    }
}
