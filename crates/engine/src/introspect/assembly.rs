//! Puts the rows together, by oid, into the catalog.

use std::collections::{BTreeMap, HashMap};

use underpin_catalog::model::{
    Catalog, CompositeAttribute, Dependency, Firing, Identity, Table, UnreadableGrant, View,
};
use underpin_catalog::object::{ObjectKey, ObjectKind};
use underpin_catalog::{Name, RelationName};

use super::names::{Names, Place};
use super::queries::Answers;
use super::rows::{Letter, Settings};

/// Why the rows make no catalog.
#[derive(Debug)]
pub(super) enum Unassembled {
    /// Something is gone that was there when the snapshot was taken: the deparse functions look at
    /// the present.
    Changed,
    /// An access list is of a form that we do not know.
    Unreadable(UnreadableGrant),
}

impl From<UnreadableGrant> for Unassembled {
    fn from(error: UnreadableGrant) -> Self {
        Self::Unreadable(error)
    }
}

/// What a relation became.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Table,
    View,
    Sequence,
    Composite,
    Index,
}

/// A relation of the catalog.
#[derive(Clone, Debug)]
pub(super) struct Relation {
    pub(super) name: RelationName,
    pub(super) role: Role,
}

/// The catalog while it is made, and what is found in it by oid.
#[derive(Debug)]
pub(super) struct Assembly {
    pub(super) names: Names,
    pub(super) catalog: Catalog,
    pub(super) relations: HashMap<u32, Relation>,
    /// The columns of a relation by their numbers, in that order.
    pub(super) columns: HashMap<u32, Vec<(i16, Name)>>,
    /// The objects by class and oid, for their dependencies.
    pub(super) keys: HashMap<(u32, u32), ObjectKey>,
    /// The collations of columns by relation and number.
    pub(super) column_collations: HashMap<(u32, i16), u32>,
    /// The attributes of composite types by their relations, until the types are there.
    pub(super) composites: HashMap<u32, Vec<CompositeAttribute>>,
    /// The domains by oid.
    pub(super) domains: HashMap<u32, RelationName>,
    /// The table and the name of a constraint by its oid.
    pub(super) constraint_tables: HashMap<u32, (u32, Name)>,
    /// The sequences behind identity columns, until the columns are there.
    pub(super) identities: HashMap<(u32, i16), Identity>,
    /// The sequences that columns own, until the columns have their names.
    pub(super) owned_sequences: Vec<(RelationName, (u32, i16))>,
}

/// The catalog that the answers tell of.
pub(super) fn assemble(mut answers: Answers, major: u32) -> Result<Catalog, Unassembled> {
    let names = Names::of(&mut answers)?;
    let catalog = Catalog { major, ..Catalog::default() };
    let mut assembly = Assembly {
        names,
        catalog,
        relations: HashMap::new(),
        columns: HashMap::new(),
        keys: HashMap::new(),
        column_collations: HashMap::new(),
        composites: HashMap::new(),
        domains: HashMap::new(),
        constraint_tables: HashMap::new(),
        identities: HashMap::new(),
        owned_sequences: Vec::new(),
    };
    assembly.namespaces(&answers.namespaces)?;
    assembly.extensions(&answers.extensions);
    let rest = assembly.relations(answers.relations)?;
    assembly.views(answers.views)?;
    assembly.foreign_tables(answers.foreign_tables);
    assembly.inherits(&answers.inherits);
    assembly.sequences(&answers.sequences, &rest)?;
    let about_indexes = assembly.columns(answers.columns)?;
    assembly.owners_of_sequences()?;
    assembly.types(answers.types)?;
    assembly.indexes(answers.indexes, &rest, &about_indexes, &answers.inherits)?;
    assembly.constraints(answers.constraints)?;
    assembly.triggers(answers.triggers)?;
    assembly.rules(answers.rules)?;
    assembly.policies(answers.policies);
    assembly.routines(answers.routines, answers.aggregates)?;
    assembly.statistics(answers.statistics)?;
    assembly.event_triggers(answers.event_triggers);
    assembly.publications(
        answers.publications,
        answers.publication_tables,
        &answers.publication_namespaces,
    )?;
    assembly.default_privileges(&answers.default_privileges)?;
    for row in answers.unmodelled {
        let elsewhere = matches!(row.namespace.as_deref(), Some("pg_catalog" | "information_schema"));
        if !elsewhere && !assembly.names.is_member(row.class, row.oid) {
            assembly.unmodelled(&row.kind, row.identity);
        }
    }
    for row in answers.dependencies.iter().filter(|row| !row.is_member) {
        let dependent = assembly.keys.get(&(row.class, row.object));
        let on = assembly.keys.get(&(row.used_class, row.used));
        if let (Some(dependent), Some(on)) = (dependent, on)
            && dependent != on
        {
            let dependency = Dependency { dependent: dependent.clone(), on: on.clone() };
            assembly.catalog.dependencies.insert(dependency);
        }
    }
    Ok(assembly.catalog)
}

impl Assembly {
    /// The qualified name of an object, unless it is no part of the catalog. One that lives in an
    /// extension's namespace without belonging to the extension is counted among the unmodelled:
    /// whether it is the application's or the extension's doing, nobody can tell.
    pub(super) fn placed(
        &mut self,
        (class, oid): (u32, u32),
        kind: &str,
        namespace: u32,
        name: String,
    ) -> Option<RelationName> {
        if self.names.is_member(class, oid) {
            return None;
        }
        match self.names.place(namespace) {
            Place::Here(namespace) => {
                Some(RelationName { namespace: Some(namespace), name: Name::new(name) })
            }
            Place::OfExtension(namespace) => {
                self.unmodelled(kind, format!("{}.{name}", namespace.as_str()));
                None
            }
            Place::Elsewhere => None,
        }
    }

    fn unmodelled(&mut self, kind: &str, identity: String) {
        let key = ObjectKey::new(ObjectKind::Unmodelled(kind.to_owned()), identity);
        self.catalog.unmodelled.insert(key);
    }

    /// The name of a relation of the catalog.
    pub(super) fn relation(&self, oid: u32) -> Option<&RelationName> {
        self.relations.get(&oid).map(|relation| &relation.name)
    }

    /// The table of this oid.
    pub(super) fn table(&mut self, oid: u32) -> Option<&mut Table> {
        let relation = self.relations.get(&oid).filter(|relation| relation.role == Role::Table)?;
        self.catalog.tables.get_mut(&relation.name)
    }

    /// The view of this oid.
    pub(super) fn view(&mut self, oid: u32) -> Option<&mut View> {
        let relation = self.relations.get(&oid).filter(|relation| relation.role == Role::View)?;
        self.catalog.views.get_mut(&relation.name)
    }

    /// The name of a column. Every number that a constraint or an index has is that of a column.
    pub(super) fn column(&self, relation: u32, number: i16) -> Result<Name, Unassembled> {
        let columns = self.columns.get(&relation).ok_or(Unassembled::Changed)?;
        let at = columns.binary_search_by_key(&number, |(number, _)| *number);
        at.map(|at| columns[at].1.clone()).map_err(|_| Unassembled::Changed)
    }

    /// The names of columns.
    pub(super) fn column_list(&self, relation: u32, numbers: &[i16]) -> Result<Vec<Name>, Unassembled> {
        numbers.iter().map(|number| self.column(relation, *number)).collect()
    }
}

/// A deparsed text that has to be there: the functions answer NULL for what is gone meanwhile.
pub(super) fn deparsed(text: Option<String>) -> Result<String, Unassembled> {
    text.ok_or(Unassembled::Changed)
}

/// `name=value` settings by name. Without a value, it is empty.
pub(super) fn settings(settings: Settings) -> BTreeMap<String, String> {
    let pair = |setting: String| match setting.split_once('=') {
        Some((name, value)) => (name.to_owned(), value.to_owned()),
        None => (setting, String::new()),
    };
    settings.into_iter().flatten().map(pair).collect()
}

/// A letter of the catalogs as a character; they are all ASCII.
pub(super) fn letter(letter: Letter) -> char {
    char::from(letter as u8)
}

/// `tgenabled` and `ev_enabled`.
pub(super) fn firing(fires: Letter) -> Firing {
    match letter(fires) {
        'D' => Firing::Disabled,
        'R' => Firing::Replica,
        'A' => Firing::Always,
        _ => Firing::Origin,
    }
}
