//! Owner, privileges and comment: what every kind of object has.

use std::collections::BTreeSet;

use super::part::list;
use crate::model::{About, Catalog, Grant, Privileges};
use crate::sql::{Literal, Sql};
use crate::{Name, sql};

/// What `ALTER`, `GRANT` and `COMMENT` call an object.
#[derive(Clone, Debug)]
pub(super) struct Called {
    /// The word of `ALTER … OWNER TO` and `COMMENT ON`, with the name behind it: `TABLE "public"."t"`.
    pub(super) altered: Sql,
    /// The same for `GRANT … ON`; a view is a table there.
    pub(super) granted: Sql,
    /// For usual privileges.
    pub(super) usual: Usual,
}

/// The kinds of objects by what everybody may do with them unless somebody says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Usual {
    /// Tables and views: nothing to others.
    Relation,
    Sequence,
    /// Everybody executes.
    Routine,
    /// Everybody uses.
    Type,
    Namespace,
    /// `public`, which initdb made and gave to everybody: to use, and to create in before 15.
    PublicNamespace,
    /// Nothing can be granted.
    Nothing,
}

impl Usual {
    /// All rights that there are.
    fn all(self, major: u32) -> Vec<&'static str> {
        match self {
            Self::Relation => {
                let mut all =
                    vec!["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"];
                if major >= 17 {
                    all.push("MAINTAIN");
                }
                all
            }
            Self::Sequence => vec!["SELECT", "UPDATE", "USAGE"],
            Self::Routine => vec!["EXECUTE"],
            Self::Type => vec!["USAGE"],
            Self::Namespace | Self::PublicNamespace => vec!["USAGE", "CREATE"],
            Self::Nothing => Vec::new(),
        }
    }

    /// What everybody may.
    fn of_public(self, major: u32) -> &'static [&'static str] {
        match self {
            Self::Routine => &["EXECUTE"],
            Self::Type => &["USAGE"],
            Self::PublicNamespace if major < 15 => &["USAGE", "CREATE"],
            Self::PublicNamespace => &["USAGE"],
            Self::Relation | Self::Sequence | Self::Namespace | Self::Nothing => &[],
        }
    }

    /// What nobody has to grant, as if the owner had.
    pub(super) fn grants(self, owner: &Name, major: u32) -> BTreeSet<Grant> {
        let grant = |grantee: Option<&Name>, privilege| Grant {
            grantee: grantee.cloned(),
            privilege,
            grantable: false,
            grantor: owner.clone(),
        };
        let own = self.all(major).into_iter().map(|privilege| grant(Some(owner), privilege));
        own.chain(self.of_public(major).iter().map(|privilege| grant(None, privilege))).collect()
    }

    /// What `ALTER DEFAULT PRIVILEGES` calls them.
    fn defaults_word(self) -> Option<&'static str> {
        match self {
            Self::Relation => Some("tables"),
            Self::Sequence => Some("sequences"),
            Self::Routine => Some("functions"),
            Self::Type => Some("types"),
            Self::Namespace => Some("schemas"),
            Self::PublicNamespace | Self::Nothing => None,
        }
    }
}

/// A right that somebody has, whoever gave it.
type Right = (Option<Name>, &'static str);

/// Who may what, and whether they may grant it on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Rights(std::collections::BTreeMap<Right, bool>);

impl Rights {
    fn usual(usual: Usual, owner: Option<&Name>, major: u32) -> Self {
        let mut rights = Self::default();
        if let Some(owner) = owner {
            for privilege in usual.all(major) {
                rights.0.insert((Some(owner.clone()), privilege), false);
            }
        }
        for privilege in usual.of_public(major) {
            rights.0.insert((None, privilege), false);
        }
        rights
    }

    /// What an object of the catalog gives. The namespace `public` has no owner that counts: what its
    /// grantor has is left out.
    pub(super) fn of(about: &About, usual: Usual, major: u32) -> Self {
        match &about.privileges {
            Privileges::Usual => Self::usual(usual, about.owner.as_ref(), major),
            Privileges::Granted(grants) => {
                let own = |grant: &&Grant| {
                    usual != Usual::PublicNamespace || grant.grantee.as_ref() != Some(&grant.grantor)
                };
                let right = |grant: &Grant| ((grant.grantee.clone(), grant.privilege), grant.grantable);
                Self(grants.iter().filter(own).map(right).collect())
            }
        }
    }

    /// What a column gives. Its owner has nothing that counts.
    pub(super) fn of_column(about: &About) -> Self {
        match &about.privileges {
            Privileges::Usual => Self::default(),
            Privileges::Granted(grants) => Self::from_grants(grants),
        }
    }

    /// What a new object of the executing role gives, default privileges included.
    pub(super) fn at_birth(usual: Usual, role: &Name, namespace: Option<&Name>, catalog: &Catalog) -> Self {
        let mut rights = Self::usual(usual, Some(role), catalog.major);
        let Some(word) = usual.defaults_word() else { return rights };
        let of_role = |place: Option<&Name>| {
            catalog.default_privileges.iter().find(|default| {
                default.role == *role && default.objects == word && default.namespace.as_ref() == place
            })
        };
        if let Some(everywhere) = of_role(None) {
            rights = Self::default();
            rights.add(&everywhere.grants);
        }
        if let Some(here) = namespace.and_then(|name| of_role(Some(name))) {
            rights.add(&here.grants);
        }
        rights
    }

    /// These grants as rights.
    pub(super) fn from_grants(grants: &BTreeSet<Grant>) -> Self {
        let mut rights = Self::default();
        rights.add(grants);
        rights
    }

    fn add(&mut self, grants: &BTreeSet<Grant>) {
        for grant in grants {
            let grantable = self.0.entry((grant.grantee.clone(), grant.privilege)).or_default();
            *grantable |= grant.grantable;
        }
    }

    /// The same after the object was given to another owner, who takes the place of the first.
    pub(super) fn given(self, from: &Name, to: &Name) -> Self {
        let mut rights = Self::default();
        for ((grantee, privilege), grantable) in self.0 {
            let grantee = if grantee.as_ref() == Some(from) { Some(to.clone()) } else { grantee };
            *rights.0.entry((grantee, privilege)).or_default() |= grantable;
        }
        rights
    }

    /// The rights that are taken away on the way to `after`.
    pub(super) fn lost<'a>(&'a self, after: &'a Self) -> impl Iterator<Item = &'a Right> {
        self.0.keys().filter(|right| !after.0.contains_key(*right))
    }

    /// The same without those that a `REVOKE` on the whole table takes along.
    pub(super) fn without<'a>(mut self, lost: impl Iterator<Item = &'a Right>) -> Self {
        for right in lost {
            self.0.remove(right);
        }
        self
    }

    /// `REVOKE` and `GRANT` that lead from these rights to others. `columns` is what stands behind each
    /// right: nothing, or a column in parentheses.
    pub(super) fn changes(
        &self,
        after: &Self,
        on: &Sql,
        columns: Option<&Sql>,
        session: Session<'_>,
    ) -> Vec<Sql> {
        let mut statements = Vec::new();
        let worded = |privileges: &[&'static str]| {
            list(privileges.iter().map(|privilege| match columns {
                Some(columns) => sql!("{} {}", Sql::verbatim(*privilege), columns),
                None => Sql::verbatim(*privilege),
            }))
        };
        let grantees: BTreeSet<&Option<Name>> =
            self.0.keys().chain(after.0.keys()).map(|right| &right.0).collect();
        for grantee in grantees {
            let who = grantee.as_ref().map_or_else(|| sql!("PUBLIC"), |name| session.role(name));
            let of = |rights: &Self, wanted: &dyn Fn(&Right, bool) -> bool| -> Vec<&'static str> {
                let mine = rights.0.iter().filter(|(right, _)| right.0 == *grantee);
                mine.filter(|(right, grantable)| wanted(right, **grantable))
                    .map(|(right, _)| right.1)
                    .collect()
            };
            let gone = of(self, &|right, _| !after.0.contains_key(right));
            if !gone.is_empty() {
                statements.push(sql!("REVOKE {} ON {} FROM {}", worded(&gone), on, who));
            }
            let narrowed = of(self, &|right, grantable| grantable && after.0.get(right) == Some(&false));
            if !narrowed.is_empty() {
                statements.push(sql!("REVOKE GRANT OPTION FOR {} ON {} FROM {}", worded(&narrowed), on, who));
            }
            let plain = of(after, &|right, grantable| !grantable && !self.0.contains_key(right));
            if !plain.is_empty() {
                statements.push(sql!("GRANT {} ON {} TO {}", worded(&plain), on, who));
            }
            let grantable = of(after, &|right, grantable| grantable && self.0.get(right) != Some(&true));
            if !grantable.is_empty() {
                statements.push(sql!("GRANT {} ON {} TO {} WITH GRANT OPTION", worded(&grantable), on, who));
            }
        }
        statements
    }
}

/// Who executes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Session<'a> {
    /// The role that owned what was made where the catalogs were read.
    pub(super) role: &'a Name,
}

impl Session<'_> {
    /// A role as a statement names it. The executing one has another name where the statement is executed.
    pub(super) fn role(self, name: &Name) -> Sql {
        if name == self.role { sql!("CURRENT_USER") } else { sql!("{}", name) }
    }
}

/// `COMMENT ON`, when the comment changes.
pub(super) fn comment(called: &Sql, before: Option<&String>, after: Option<&String>) -> Option<Sql> {
    let text = after.map_or_else(|| sql!("NULL"), |text| sql!("{}", Literal(text)));
    (before != after).then(|| sql!("COMMENT ON {} IS {}", called, text))
}

/// Owner, privileges and comment of an object that was just made by the executing role.
pub(super) fn at_birth(
    called: &Called,
    about: &About,
    namespace: Option<&Name>,
    before: &Catalog,
    session: Session<'_>,
) -> Vec<Sql> {
    let mut statements = Vec::new();
    let mut born = Rights::at_birth(called.usual, session.role, namespace, before);
    if let Some(owner) = about.owner.as_ref().filter(|owner| *owner != session.role) {
        statements.push(sql!("ALTER {} OWNER TO {}", called.altered, owner));
        born = born.given(session.role, owner);
    }
    if called.usual != Usual::Nothing {
        let wanted = Rights::of(about, called.usual, before.major);
        statements.extend(born.changes(&wanted, &called.granted, None, session));
    }
    statements.extend(comment(&called.altered, None, about.comment.as_ref()));
    statements
}

/// What turns owner, privileges and comment into others.
pub(super) fn changes(
    called: &Called,
    before: &About,
    after: &About,
    major: u32,
    session: Session<'_>,
) -> Vec<Sql> {
    let mut statements = Vec::new();
    let mut rights = Rights::of(before, called.usual, major);
    if let (Some(old), Some(new)) = (&before.owner, &after.owner)
        && old != new
    {
        statements.push(sql!("ALTER {} OWNER TO {}", called.altered, session.role(new)));
        rights = rights.given(old, new);
    }
    if called.usual != Usual::Nothing {
        let wanted = Rights::of(after, called.usual, major);
        statements.extend(rights.changes(&wanted, &called.granted, None, session));
    }
    statements.extend(comment(&called.altered, before.comment.as_ref(), after.comment.as_ref()));
    statements
}

/// The grants that somebody else than the owner gave: a statement of ours would give them in the owner's name.
pub(super) fn foreign_grants(about: &About) -> impl Iterator<Item = &Grant> {
    let grants = match &about.privileges {
        Privileges::Usual => None,
        Privileges::Granted(grants) => Some(grants),
    };
    let owner = about.owner.as_ref();
    grants.into_iter().flatten().filter(move |grant| owner.is_some_and(|owner| grant.grantor != *owner))
}
