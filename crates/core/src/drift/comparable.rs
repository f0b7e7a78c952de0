//! Two catalogs from two servers, made comparable: who owns the application's objects, what their
//! privileges are without it, and what belongs to the server and not to the schema.

use std::collections::BTreeSet;

use underpin_catalog::flat::{Catalog, Object, ObjectKey};

/// The role that owns the application's objects on one server. It is called differently on another one, and
/// that is no drift.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner(pub String);

/// Attributes that belong to a server: where it puts files, and how far an extension was updated there.
const OF_THE_SERVER: [(&str, &str); 4] = [
    ("table", "tablespace"),
    ("index", "tablespace"),
    ("extension", "version"),
    ("materialized view", "populated"),
];

/// What everybody may do with a new object of a kind; `acldefault` of PostgreSQL 14 to 18.
fn public_default(kind: &str) -> Option<&'static str> {
    match kind {
        "function" => Some("=X"),
        "type" | "enum" | "domain" | "range" => Some("=U"),
        _ => None,
    }
}

/// A catalog without what only its server explains.
pub fn comparable(catalog: &Catalog, owner: &Owner) -> Catalog {
    let mut made = Catalog::default();
    for (key, object) in catalog.objects() {
        made.insert(key.clone(), object_of(key, object, owner));
    }
    made
}

fn object_of(key: &ObjectKey, object: &Object, owner: &Owner) -> Object {
    let mut facts = object.0.clone();
    for (kind, attribute) in OF_THE_SERVER {
        if kind == key.kind {
            facts.remove(attribute);
        }
    }
    if facts.get("owner").is_some_and(|name| *name == owner.0) {
        facts.remove("owner");
    }
    let granted = facts.remove("acl").map(|acl| items(&acl, owner));
    let default: BTreeSet<String> = public_default(&key.kind).map(str::to_owned).into_iter().collect();
    let granted = granted.unwrap_or_else(|| default.clone());
    if granted != default {
        let granted: Vec<String> = granted.into_iter().collect();
        facts.insert("acl".to_owned(), granted.join(", "));
    }
    Object(facts)
}

/// `{app=arwdDxt/app,"a b"=r/app}` without what the owner itself may do, and without who granted.
fn items(acl: &str, owner: &Owner) -> BTreeSet<String> {
    let inner = acl.trim_start_matches('{').trim_end_matches('}');
    let mut quoted = false;
    let separate = inner.split(|character: char| {
        quoted ^= character == '"';
        character == ',' && !quoted
    });
    separate
        .filter(|item| !item.is_empty())
        .filter_map(|item| {
            let item = item.replace(['"', '\\'], "");
            let (grant, _) = item.rsplit_once('/').unwrap_or((&item, ""));
            let (grantee, privileges) = grant.rsplit_once('=')?;
            (grantee != owner.0).then(|| format!("{grantee}={privileges}"))
        })
        .collect()
}
