//! Namespaces, extensions, extended statistics, event triggers, publications, default privileges.

use std::collections::HashMap;

use underpin_catalog::Name;
use underpin_catalog::model::{
    DefaultPrivileges, EventTrigger, Extension, Namespace, Privileges, Publication, PublishedTable,
    Statistics,
};
use underpin_catalog::object::{ObjectKey, ObjectKind};

use super::assembly::{Assembly, Unassembled, deparsed, firing, letter};
use super::names::{Place, class, grants, usual};
use super::rows::{
    DefaultPrivilegesRow, EventTriggerRow, ExtensionRow, NamespaceRow, PublicationNamespaceRow,
    PublicationRow, PublicationTableRow, StatisticsRow,
};

/// The namespace that initdb makes for everybody. `prisma migrate reset` drops it and makes it anew, which
/// changes its owner, its privileges and its comment to those of any other namespace.
const PUBLIC: &str = "public";
const COMMENT_OF_PUBLIC: &str = "standard public schema";

impl Assembly {
    /// The namespaces, without those of extensions.
    pub(super) fn namespaces(&mut self, rows: &[NamespaceRow]) -> Result<(), Unassembled> {
        for row in rows {
            let Place::Here(name) = self.names.place(row.oid) else { continue };
            let mut about =
                self.names.about((class::NAMESPACE, row.oid), row.owner, &row.acl, usual::NAMESPACE)?;
            if row.name == PUBLIC {
                about.owner = None;
                if row.acl == row.initial {
                    about.privileges = Privileges::Usual;
                }
                about.comment = about.comment.filter(|comment| comment != COMMENT_OF_PUBLIC);
            }
            self.catalog.namespaces.insert(name, Namespace { about });
        }
        Ok(())
    }

    /// The extensions.
    pub(super) fn extensions(&mut self, rows: &[ExtensionRow]) {
        for row in rows {
            let extension = Extension {
                version: row.version.clone(),
                namespace: self.names.namespace(row.namespace),
                relocatable: row.is_relocatable,
            };
            self.catalog.extensions.insert(Name::new(row.name.clone()), extension);
        }
    }

    /// Extended statistics.
    pub(super) fn statistics(&mut self, rows: Vec<StatisticsRow>) -> Result<(), Unassembled> {
        for row in rows {
            let Some(table) = self.relation(row.relation).cloned() else { continue };
            let class = (class::STATISTICS, row.oid);
            let Some(name) = self.placed(class, "statistics object", row.namespace, row.name) else {
                continue;
            };
            self.keys.insert(class, ObjectKey::of(ObjectKind::Statistics, &name));
            let statistics = Statistics {
                table,
                definition: deparsed(row.definition)?,
                target: row.target,
                about: self.names.owned(class, row.owner),
            };
            self.catalog.statistics.insert(name, statistics);
        }
        Ok(())
    }

    /// Event triggers.
    pub(super) fn event_triggers(&mut self, rows: Vec<EventTriggerRow>) {
        for row in rows {
            let class = (class::EVENT_TRIGGER, row.oid);
            if self.names.is_member(class.0, class.1) {
                continue;
            }
            let name = Name::new(row.name);
            self.keys.insert(class, ObjectKey::global(ObjectKind::EventTrigger, &name));
            let trigger = EventTrigger {
                event: row.event,
                tags: row.tags.into_iter().flatten().collect(),
                function: self.without_arguments(row.function_namespace, row.function),
                fires: firing(row.fires),
                about: self.names.owned(class, row.owner),
            };
            self.catalog.event_triggers.insert(name, trigger);
        }
    }

    /// Publications with their tables and namespaces. A table that is no part of the catalog is left
    /// out of them too.
    pub(super) fn publications(
        &mut self,
        rows: Vec<PublicationRow>,
        tables: Vec<PublicationTableRow>,
        namespaces: &[PublicationNamespaceRow],
    ) -> Result<(), Unassembled> {
        let mut by_oid = HashMap::new();
        for row in rows {
            let class = (class::PUBLICATION, row.oid);
            if self.names.is_member(class.0, class.1) {
                continue;
            }
            let operations = [
                ("insert", row.is_insert),
                ("update", row.is_update),
                ("delete", row.is_delete),
                ("truncate", row.is_truncate),
            ];
            let name = Name::new(row.name);
            self.keys.insert(class, ObjectKey::global(ObjectKind::Publication, &name));
            let publication = Publication {
                all_tables: row.all_tables,
                operations: operations.into_iter().filter(|(_, told)| *told).map(|(word, _)| word).collect(),
                via_root: row.via_root,
                generated_columns: (letter(row.generated_columns) == 's').then_some("stored"),
                about: self.names.owned(class, row.owner),
                ..Publication::default()
            };
            by_oid.insert(row.oid, name.clone());
            self.catalog.publications.insert(name, publication);
        }
        for row in tables {
            let Some(table) = self.relation(row.relation).cloned() else { continue };
            let columns = self.column_list(row.relation, row.columns.as_deref().unwrap_or_default())?;
            let published = PublishedTable { columns, filter: row.filter };
            if let Some(publication) =
                by_oid.get(&row.publication).and_then(|name| self.catalog.publications.get_mut(name))
            {
                publication.tables.insert(table, published);
            }
        }
        for row in namespaces {
            let Place::Here(namespace) = self.names.place(row.namespace) else { continue };
            if let Some(publication) =
                by_oid.get(&row.publication).and_then(|name| self.catalog.publications.get_mut(name))
            {
                publication.namespaces.insert(namespace);
            }
        }
        Ok(())
    }

    /// Default privileges.
    pub(super) fn default_privileges(&mut self, rows: &[DefaultPrivilegesRow]) -> Result<(), Unassembled> {
        for row in rows {
            let namespace = match (row.namespace, self.names.place(row.namespace)) {
                (0, _) => None,
                (_, Place::Here(name) | Place::OfExtension(name)) => Some(name),
                (_, Place::Elsewhere) => continue,
            };
            let objects = match letter(row.kind) {
                'r' => "tables",
                'S' => "sequences",
                'f' => "functions",
                'T' => "types",
                'n' => "schemas",
                _ => "large objects",
            };
            let (role, grants) = (self.names.role(row.role), grants(&row.acl)?);
            self.catalog.default_privileges.push(DefaultPrivileges { role, namespace, objects, grants });
        }
        Ok(())
    }
}
