//! Two catalogs from two servers, made comparable: who owns the application's objects, what others may do
//! with them, and what belongs to the server and not to the database.

use std::collections::BTreeSet;

use underpin_catalog::Name;
use underpin_catalog::model::{Catalog, Grant, Privileges, ViewKind};
use underpin_catalog::object::ObjectKind;

/// A catalog without what only its server explains. `owner` is the role that owns the application's objects
/// in the live database; on this server the roles `called` stand for it as well.
///
/// Left out are what the owner itself may do and who granted a right: the first `GRANT` writes both, and
/// they follow from who executed it. Of the namespace `public` all rights are left out, which depend on the
/// version that the database was made by. Tablespaces are where a server has its disks, and whether a
/// materialized view has its rows yet is data.
pub fn comparable(mut catalog: Catalog, owner: &Name, called: &[Name]) -> Catalog {
    let stands_for_owner = |role: &Name| role == owner || called.contains(role);
    catalog.for_each_about(|kind, about| {
        if about.owner.as_ref().is_some_and(stands_for_owner) {
            about.owner = None;
        }
        if let Privileges::Granted(granted) = &about.privileges {
            let others = of_others(granted, owner, stands_for_owner);
            let usual = others == of_everybody(&kind, owner);
            about.privileges = if usual { Privileges::Usual } else { Privileges::Granted(others) };
        }
    });
    if let Some(public) = catalog.namespaces.get_mut(&Name::new("public")) {
        public.about.privileges = Privileges::Usual;
    }
    for table in catalog.tables.values_mut() {
        table.tablespace = None;
        for index in table.indexes.values_mut() {
            index.tablespace = None;
        }
        for policy in table.policies.values_mut() {
            policy.roles = std::mem::take(&mut policy.roles)
                .into_iter()
                .map(|role| if stands_for_owner(&role) { owner.clone() } else { role })
                .collect();
        }
    }
    for view in catalog.views.values_mut() {
        for index in view.indexes.values_mut() {
            index.tablespace = None;
        }
        if let ViewKind::Materialized { populated, tablespace, .. } = &mut view.kind {
            *populated = true;
            *tablespace = None;
        }
    }
    for defaults in &mut catalog.default_privileges {
        if stands_for_owner(&defaults.role) {
            defaults.role = owner.clone();
        }
        defaults.grants = of_others(&defaults.grants, owner, stands_for_owner);
    }
    catalog
}

/// The rights of everybody but the owner, as if the owner had granted them.
fn of_others(
    granted: &BTreeSet<Grant>,
    owner: &Name,
    stands_for_owner: impl Fn(&Name) -> bool,
) -> BTreeSet<Grant> {
    let others = granted.iter().filter(|grant| !grant.grantee.as_ref().is_some_and(&stands_for_owner));
    others.map(|grant| Grant { grantor: owner.clone(), ..grant.clone() }).collect()
}

/// What `PUBLIC` may do with a new object of a kind; `acldefault` of PostgreSQL 13 to 18.
fn of_everybody(kind: &ObjectKind, owner: &Name) -> BTreeSet<Grant> {
    let privilege = match kind {
        ObjectKind::Routine => "EXECUTE",
        ObjectKind::Type => "USAGE",
        _ => return BTreeSet::new(),
    };
    BTreeSet::from([Grant { grantee: None, privilege, grantable: false, grantor: owner.clone() }])
}
