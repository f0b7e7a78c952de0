//! From oids to names.

use std::collections::{BTreeSet, HashMap, HashSet};

use underpin_catalog::model::{About, Grant, Privileges, TypeRef, UnreadableGrant};
use underpin_catalog::{Name, RelationName};
use underpin_sql::parking;

use super::queries::Answers;
use super::rows::Acl;

/// The namespaces that are never part of a catalog: ours, and what is parked.
const OURS: [&str; 2] = ["underpin", parking::NAMESPACE];

/// The oids of the catalogs that descriptions and dependencies speak of. They are the same in every
/// version and every database.
pub(super) mod class {
    pub(crate) const TYPE: u32 = 1247;
    pub(crate) const ROUTINE: u32 = 1255;
    pub(crate) const RELATION: u32 = 1259;
    pub(crate) const DEFAULT: u32 = 2604;
    pub(crate) const CONSTRAINT: u32 = 2606;
    pub(crate) const NAMESPACE: u32 = 2615;
    pub(crate) const RULE: u32 = 2618;
    pub(crate) const TRIGGER: u32 = 2620;
    pub(crate) const POLICY: u32 = 3256;
    pub(crate) const STATISTICS: u32 = 3381;
    pub(crate) const EVENT_TRIGGER: u32 = 3466;
    pub(crate) const PUBLICATION: u32 = 6104;
}

/// The kinds of objects that have a usual access list, as `acldefault` calls them.
pub(super) mod usual {
    pub(crate) const NAMESPACE: &str = "n";
    pub(crate) const RELATION: &str = "r";
    pub(crate) const SEQUENCE: &str = "s";
    pub(crate) const ROUTINE: &str = "f";
    pub(crate) const TYPE: &str = "T";
}

/// Where an object lives.
#[derive(Clone, Debug)]
pub(super) enum Place {
    /// In a namespace of the application.
    Here(Name),
    /// In a namespace that belongs to an extension, without belonging to it itself.
    OfExtension(Name),
    /// In PostgreSQL's own, in ours, or in a temporary one: it is no part of the catalog.
    Elsewhere,
}

/// A type, as far as its uses ask.
#[derive(Debug)]
struct KnownType {
    reference: TypeRef,
    collation: u32,
    storage: i8,
}

/// What is known of oids that are not objects of the catalog, or not only.
#[derive(Debug)]
pub(super) struct Names {
    by_kind: HashMap<(&'static str, u32), RelationName>,
    usual_operator_classes: HashSet<u32>,
    types: HashMap<u32, KnownType>,
    usual_acls: HashMap<String, BTreeSet<Grant>>,
    comments: HashMap<(u32, u32, i32), String>,
    members: HashSet<(u32, u32)>,
}

/// The role that initdb makes has this oid.
const BOOTSTRAP: u32 = 10;

const KINDS: [&str; 7] =
    ["namespace", "role", "access method", "tablespace", "language", "collation", "operator class"];

impl Names {
    /// The names that the answers tell. Comments are moved out of them.
    pub(super) fn of(answers: &mut Answers) -> Result<Self, UnreadableGrant> {
        let namespaces: HashMap<u32, Name> = answers
            .names
            .iter()
            .filter(|row| row.kind == "namespace")
            .map(|row| (row.oid, Name::new(row.name.clone())))
            .collect();
        let mut by_kind = HashMap::new();
        let mut usual_operator_classes = HashSet::new();
        for row in std::mem::take(&mut answers.names) {
            let Some(kind) = KINDS.into_iter().find(|kind| *kind == row.kind) else { continue };
            if row.usual {
                usual_operator_classes.insert(row.oid);
            }
            let namespace = namespaces.get(&row.namespace).cloned();
            by_kind.insert((kind, row.oid), RelationName { namespace, name: Name::new(row.name) });
        }
        let mut types = HashMap::new();
        for row in &answers.types {
            let namespace = namespaces.get(&row.namespace).cloned();
            let reference = TypeRef::of(RelationName { namespace, name: Name::new(row.name.clone()) });
            if row.array != 0 {
                let array = TypeRef { array: true, ..reference.clone() };
                // Every array is stored as the longest of its kind may be.
                let storage = b'x' as i8;
                types.insert(row.array, KnownType { reference: array, collation: row.collation, storage });
            }
            types.insert(row.oid, KnownType { reference, collation: row.collation, storage: row.storage });
        }
        let comments = std::mem::take(&mut answers.comments);
        let members = answers.dependencies.iter().filter(|row| row.is_member);
        let mut names = Self {
            by_kind,
            usual_operator_classes,
            types,
            usual_acls: HashMap::new(),
            comments: comments.into_iter().map(|row| ((row.class, row.object, row.part), row.text)).collect(),
            members: members.map(|row| (row.class, row.object)).collect(),
        };
        for row in &answers.usual_privileges {
            names.usual_acls.insert(row.kind.clone(), grants(&row.acl)?);
        }
        Ok(names)
    }

    /// The name of an oid of one of [`KINDS`]. One that is gone is shown by its number, as PostgreSQL does.
    fn name(&self, kind: &'static str, oid: u32) -> RelationName {
        self.by_kind.get(&(kind, oid)).cloned().unwrap_or_else(|| RelationName::bare(oid.to_string()))
    }

    /// The name of a role.
    pub(super) fn role(&self, oid: u32) -> Name {
        self.name("role", oid).name
    }

    /// The name of a language.
    pub(super) fn language(&self, oid: u32) -> Name {
        self.name("language", oid).name
    }

    /// The access method, unless nothing is stored.
    pub(super) fn access_method(&self, oid: u32) -> Option<Name> {
        (oid != 0).then(|| self.name("access method", oid).name)
    }

    /// The tablespace, unless it is the database's.
    pub(super) fn tablespace(&self, oid: u32) -> Option<Name> {
        (oid != 0).then(|| self.name("tablespace", oid).name)
    }

    /// The operator class, and whether it is one that its type has unless another is asked for.
    pub(super) fn operator_class(&self, oid: u32) -> (RelationName, bool) {
        (self.name("operator class", oid), self.usual_operator_classes.contains(&oid))
    }

    /// The collation, unless it is what it would be anyway.
    pub(super) fn collation(&self, oid: u32, otherwise: u32) -> Option<RelationName> {
        (oid != 0 && oid != otherwise).then(|| self.name("collation", oid))
    }

    /// Where objects of this namespace are.
    pub(super) fn place(&self, namespace: u32) -> Place {
        let name = self.name("namespace", namespace).name;
        let text = name.as_str();
        if text.starts_with("pg_") || text == "information_schema" || OURS.contains(&text) {
            Place::Elsewhere
        } else if self.is_member(class::NAMESPACE, namespace) {
            Place::OfExtension(name)
        } else {
            Place::Here(name)
        }
    }

    /// The name of a namespace.
    pub(super) fn namespace(&self, oid: u32) -> Name {
        self.name("namespace", oid).name
    }

    /// Whether an object belongs to an extension, or to the type that brought it along.
    pub(super) fn is_member(&self, class: u32, oid: u32) -> bool {
        self.members.contains(&(class, oid))
    }

    /// A type, with the modifiers that the server printed, if there are any.
    pub(super) fn type_of(&self, oid: u32, modified: Option<&str>) -> TypeRef {
        let reference = match self.types.get(&oid) {
            Some(known) => known.reference.clone(),
            None => TypeRef::of(RelationName::bare(oid.to_string())),
        };
        match modified {
            Some(text) => reference.with_modifiers_of(text),
            None => reference,
        }
    }

    /// The collation that values of a type have unless another is said; 0 without one.
    pub(super) fn collation_of_type(&self, oid: u32) -> u32 {
        self.types.get(&oid).map_or(0, |known| known.collation)
    }

    /// How values of a type are stored unless something else is said.
    pub(super) fn storage_of_type(&self, oid: u32) -> Option<i8> {
        self.types.get(&oid).map(|known| known.storage)
    }

    /// The comment on an object, or on a part of it.
    pub(super) fn comment(&self, class: u32, oid: u32, part: i32) -> Option<String> {
        self.comments.get(&(class, oid, part)).cloned()
    }

    /// Owner, privileges and comment of an object that has all three.
    pub(super) fn about(
        &self,
        (class, oid): (u32, u32),
        owner: u32,
        acl: &Acl,
        usual: &str,
    ) -> Result<About, UnreadableGrant> {
        let owner = self.role(owner);
        let privileges = self.privileges(acl, usual, &owner)?;
        Ok(About { owner: Some(owner), privileges, comment: self.comment(class, oid, 0) })
    }

    /// Owner and comment of an object on which nothing can be granted.
    pub(super) fn owned(&self, (class, oid): (u32, u32), owner: u32) -> About {
        About {
            owner: Some(self.role(owner)),
            privileges: Privileges::Usual,
            comment: self.comment(class, oid, 0),
        }
    }

    /// The comment on an object, or on a part of it, that has nothing else.
    pub(super) fn remarked(&self, class: u32, oid: u32) -> About {
        About { comment: self.comment(class, oid, 0), ..About::default() }
    }

    /// An access list, unless it says what its absence would.
    pub(super) fn privileges(
        &self,
        acl: &Acl,
        usual: &str,
        owner: &Name,
    ) -> Result<Privileges, UnreadableGrant> {
        if acl.is_none() {
            return Ok(Privileges::Usual);
        }
        let granted = grants(acl)?;
        let bootstrap = self.role(BOOTSTRAP);
        let renamed = |name: &Name| if *name == bootstrap { owner.clone() } else { name.clone() };
        let usual: BTreeSet<Grant> = self
            .usual_acls
            .get(usual)
            .into_iter()
            .flatten()
            .map(|grant| Grant {
                grantee: grant.grantee.as_ref().map(renamed),
                grantor: renamed(&grant.grantor),
                ..grant.clone()
            })
            .collect();
        Ok(if granted == usual { Privileges::Usual } else { Privileges::Granted(granted) })
    }
}

/// The grants of an access list.
pub(super) fn grants(acl: &Acl) -> Result<BTreeSet<Grant>, UnreadableGrant> {
    let mut found = BTreeSet::new();
    for item in acl.iter().flatten() {
        found.extend(Grant::of_aclitem(item)?);
    }
    Ok(found)
}
