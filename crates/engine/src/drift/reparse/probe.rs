//! How the text of an object is read by a server for a moment, and printed again.

use underpin_catalog::object::{ObjectKey, ObjectKind};
use underpin_catalog::{Literal, Name, RelationName, Sql, sql};

/// What a text is read into for a moment.
const PROBE: &str = "underpin_reparse";

/// How a text is read, and how it is printed then.
pub(super) struct Probe {
    pub(super) reading: Sql,
    pub(super) printing: Sql,
}

/// An expression over a row of a table or a view: a check, a condition or a key of an index, a generated
/// value. All of them are what a query may select. (The filter of a publication may not have the casts of
/// arrays that print differently.)
pub(super) fn of_row(relation: &str, text: &str) -> Option<Probe> {
    let relation = relation_of(relation)?;
    let probe = Name::new(PROBE);
    Some(Probe {
        reading: sql!(
            "CREATE TEMPORARY VIEW {} AS SELECT ({}) AS text FROM {}",
            probe,
            verbatim(text),
            relation
        ),
        printing: sql!("SELECT pg_get_viewdef({}::regclass)", Literal(&format!("pg_temp.{PROBE}"))),
    })
}

/// A check of a domain.
pub(super) fn of_domain(domain: &str, text: &str) -> Option<Probe> {
    let probe = Name::new(PROBE);
    Some(Probe {
        reading: sql!(
            "ALTER DOMAIN {} ADD CONSTRAINT {} CHECK ({}) NOT VALID",
            relation_of(domain)?,
            probe,
            verbatim(text)
        ),
        printing: sql!(
            "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = {}",
            Literal(PROBE)
        ),
    })
}

/// The text of an object itself. What is there under its name steps aside.
pub(super) fn of_object(key: &ObjectKey, attribute: &str, text: &str) -> Option<Probe> {
    match (&key.kind, attribute) {
        (ObjectKind::Column, "default") => of_default(key, text),
        (ObjectKind::Policy, "using" | "check") => of_policy(key, attribute, text),
        (ObjectKind::View | ObjectKind::MaterializedView, "definition") => of_view(key, text),
        (ObjectKind::Trigger | ObjectKind::Rule, "definition") => of_reaction(key, text),
        // The text replaces the function under its name, so it is the one that this transaction wrote.
        (ObjectKind::Routine, "definition") => Some(Probe {
            reading: verbatim(text),
            printing: sql!(
                "SELECT pg_get_functiondef(oid) FROM pg_proc WHERE xmin = pg_current_xact_id()::xid"
            ),
        }),
        (ObjectKind::Type, "default") => {
            let name = relation_of(&key.identity)?;
            Some(Probe {
                reading: sql!("ALTER DOMAIN {} SET DEFAULT {}", name, verbatim(text)),
                printing: sql!(
                    "SELECT typdefault FROM pg_type WHERE oid = {}::regtype",
                    Literal(&name.to_string())
                ),
            })
        }
        _ => None,
    }
}

fn of_default(key: &ObjectKey, text: &str) -> Option<Probe> {
    let (table, column) = within(key)?;
    Some(Probe {
        reading: sql!("ALTER TABLE ONLY {} ALTER COLUMN {} SET DEFAULT {}", table, column, verbatim(text)),
        printing: sql!(
            "SELECT pg_get_expr(d.adbin, d.adrelid) FROM pg_attrdef d
             JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
             WHERE a.attrelid = {}::regclass AND a.attname = {}",
            Literal(&table.to_string()),
            Literal(column.as_str())
        ),
    })
}

fn of_policy(key: &ObjectKey, attribute: &str, text: &str) -> Option<Probe> {
    let (table, policy) = within(key)?;
    let (clause, column) = match attribute {
        "using" => ("USING", "polqual"),
        _ => ("WITH CHECK", "polwithcheck"),
    };
    Some(Probe {
        reading: sql!("ALTER POLICY {} ON {} {} ({})", policy, table, verbatim(clause), verbatim(text)),
        printing: sql!(
            "SELECT pg_get_expr({}, polrelid) FROM pg_policy WHERE polrelid = {}::regclass AND polname = {}",
            verbatim(column),
            Literal(&table.to_string()),
            Literal(policy.as_str())
        ),
    })
}

fn of_view(key: &ObjectKey, text: &str) -> Option<Probe> {
    let view = relation_of(&key.identity)?;
    let query = verbatim(text.trim_end_matches(';'));
    Some(Probe {
        reading: match key.kind {
            ObjectKind::View => sql!("CREATE OR REPLACE VIEW {} AS {}", view, query),
            _ => sql!(
                "DROP MATERIALIZED VIEW {} CASCADE; CREATE MATERIALIZED VIEW {} AS {} WITH NO DATA",
                view,
                view,
                query
            ),
        },
        printing: sql!("SELECT pg_get_viewdef({}::regclass)", Literal(&view.to_string())),
    })
}

fn of_reaction(key: &ObjectKey, text: &str) -> Option<Probe> {
    let (relation, own) = within(key)?;
    let of = Literal(&relation.to_string()).to_string();
    let (word, printing) = match key.kind {
        ObjectKind::Trigger => (
            "TRIGGER",
            sql!(
                "SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgrelid = {}::regclass AND tgname = {}",
                verbatim(&of),
                Literal(own.as_str())
            ),
        ),
        _ => (
            "RULE",
            sql!(
                "SELECT pg_get_ruledef(oid) FROM pg_rewrite WHERE ev_class = {}::regclass AND rulename = {}",
                verbatim(&of),
                Literal(own.as_str())
            ),
        ),
    };
    Some(Probe {
        reading: sql!("DROP {} {} ON {}; {}", verbatim(word), own, relation, verbatim(text)),
        printing,
    })
}

/// The relation that an object belongs to, and its own name.
fn within(key: &ObjectKey) -> Option<(RelationName, Name)> {
    Some((relation_of(key.owner())?, key.names().pop()?))
}

/// A name with its namespace, out of an identity.
fn relation_of(identity: &str) -> Option<RelationName> {
    let names = ObjectKey::new(ObjectKind::Table, identity).names();
    let [namespace, name] = names.try_into().ok()?;
    Some(RelationName { namespace: Some(namespace), name })
}

/// Text that a server printed.
fn verbatim(text: &str) -> Sql {
    Sql::verbatim(text)
}
