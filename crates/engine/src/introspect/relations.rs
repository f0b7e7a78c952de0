//! Tables, views and sequences, without what they own.

use std::collections::{BTreeMap, HashMap};

use underpin_catalog::model::{
    About, Identity, IdentityKind, Persistence, ReplicaIdentity, Sequence, SequenceOptions, Table, TableKind,
    View, ViewKind,
};
use underpin_catalog::object::{ObjectKey, ObjectKind};
use underpin_catalog::{Name, RelationName};

use super::assembly::{Assembly, Relation, Role, Unassembled, deparsed, letter, settings};
use super::names::{class, usual};
use super::rows::{ForeignTableRow, InheritsRow, Letter, RelationRow, SequenceRow, ViewRow};

/// Prisma's ledger, which describes the history and not the application.
const LEDGER: &str = "_prisma_migrations";

/// The rows that other parts ask for again.
pub(super) type Rest = HashMap<u32, RelationRow>;

impl Assembly {
    /// Tables, views, and the names of everything else. Answers the rows of sequences and indexes.
    pub(super) fn relations(&mut self, mut rows: Vec<RelationRow>) -> Result<Rest, Unassembled> {
        // Oids are given in the order of creation, until they wrap around.
        rows.sort_by_key(|row| row.oid);
        let mut toast_options = HashMap::new();
        for row in rows.iter_mut().filter(|row| letter(row.kind) == 't') {
            toast_options.insert(row.oid, settings(row.options.take()));
        }
        let mut rest = Rest::new();
        for mut row in rows {
            let (role, kind) = match letter(row.kind) {
                'r' | 'p' | 'f' => (Role::Table, "table"),
                'v' | 'm' => (Role::View, "view"),
                'S' => (Role::Sequence, "sequence"),
                'c' => (Role::Composite, "composite type"),
                'i' | 'I' => (Role::Index, "index"),
                _ => continue,
            };
            if row.name == LEDGER && role == Role::Table {
                continue;
            }
            let own = std::mem::take(&mut row.name);
            let name = if role == Role::Index {
                // It goes where its table goes; extensions count tables as theirs, and no indexes.
                RelationName { namespace: Some(self.names.namespace(row.namespace)), name: Name::new(own) }
            } else {
                let placed = self.placed((class::RELATION, row.oid), kind, row.namespace, own);
                let Some(name) = placed else { continue };
                name
            };
            self.relations.insert(row.oid, Relation { name: name.clone(), role });
            match role {
                Role::Table => {
                    self.keys.insert((class::RELATION, row.oid), ObjectKey::of(ObjectKind::Table, &name));
                    self.keys.insert((class::TYPE, row.row_type), ObjectKey::of(ObjectKind::Table, &name));
                    let toast = toast_options.remove(&row.toast).unwrap_or_default();
                    let table = self.table_of(row, toast)?;
                    self.catalog.tables.insert(name, table);
                }
                Role::View => {
                    let kind =
                        if letter(row.kind) == 'm' { ObjectKind::MaterializedView } else { ObjectKind::View };
                    self.keys.insert((class::TYPE, row.row_type), ObjectKey::of(kind.clone(), &name));
                    self.keys.insert((class::RELATION, row.oid), ObjectKey::of(kind, &name));
                    let view = self.view_of(row)?;
                    self.catalog.views.insert(name, view);
                }
                Role::Sequence | Role::Index => {
                    rest.insert(row.oid, row);
                }
                Role::Composite => {}
            }
        }
        Ok(rest)
    }

    /// Whether a relation is that of a composite type, and not a table's.
    pub(super) fn is_composite(&self, oid: u32) -> bool {
        self.relations.get(&oid).is_some_and(|relation| relation.role == Role::Composite)
    }

    fn table_of(&self, row: RelationRow, toast: BTreeMap<String, String>) -> Result<Table, Unassembled> {
        let mut options = settings(row.options);
        options.extend(toast.into_iter().map(|(name, value)| (format!("toast.{name}"), value)));
        Ok(Table {
            kind: match letter(row.kind) {
                'p' => TableKind::Partitioned { partition_key: deparsed(row.partition_key)? },
                _ => TableKind::Ordinary,
            },
            persistence: persistence(row.persistence),
            partition_bound: if row.is_partition { Some(deparsed(row.partition_bound)?) } else { None },
            of_type: (row.of_type != 0).then(|| self.names.type_of(row.of_type, None).name),
            access_method: self.names.access_method(row.method),
            tablespace: self.names.tablespace(row.tablespace),
            options,
            row_security: row.row_security,
            force_row_security: row.force_row_security,
            replica_identity: match letter(row.replica_identity) {
                'f' => ReplicaIdentity::Full,
                'd' => ReplicaIdentity::Default,
                // That it is an index is said by the index, which may be gone.
                _ => ReplicaIdentity::Nothing,
            },
            about: self.names.about((class::RELATION, row.oid), row.owner, &row.acl, usual::RELATION)?,
            ..Table::ordinary()
        })
    }

    fn view_of(&self, row: RelationRow) -> Result<View, Unassembled> {
        let kind = match letter(row.kind) {
            'm' => ViewKind::Materialized {
                populated: row.populated,
                access_method: self.names.access_method(row.method),
                tablespace: self.names.tablespace(row.tablespace),
            },
            _ => ViewKind::Plain,
        };
        let about = self.names.about((class::RELATION, row.oid), row.owner, &row.acl, usual::RELATION)?;
        Ok(View { options: settings(row.options), about, ..View::of(kind) })
    }

    /// The queries of the views.
    pub(super) fn views(&mut self, rows: Vec<ViewRow>) -> Result<(), Unassembled> {
        for row in rows {
            if let Some(view) = self.view(row.relation) {
                view.definition = deparsed(row.definition)?;
            }
        }
        Ok(())
    }

    /// Which tables are foreign.
    pub(super) fn foreign_tables(&mut self, rows: Vec<ForeignTableRow>) {
        for row in rows {
            if let Some(table) = self.table(row.relation) {
                let server_options = settings(row.options);
                table.kind = TableKind::Foreign { server: Name::new(row.server), server_options };
            }
        }
    }

    /// Partitions and inheriting tables.
    pub(super) fn inherits(&mut self, rows: &[InheritsRow]) {
        for row in rows {
            let Some(parent) = self.relation(row.parent).cloned() else { continue };
            let Some(table) = self.table(row.child) else { continue };
            if table.partition_bound.is_some() {
                table.partition_of = Some(parent);
            } else {
                table.inherits.push(parent);
            }
        }
    }

    /// Sequences. Those behind identity columns wait for the columns.
    pub(super) fn sequences(&mut self, rows: &[SequenceRow], rest: &Rest) -> Result<(), Unassembled> {
        let mut rows: Vec<_> = rows.iter().collect();
        rows.sort_by_key(|row| row.relation);
        for row in rows {
            let (Some(relation), Some(name)) =
                (rest.get(&row.relation), self.relation(row.relation).cloned())
            else {
                continue;
            };
            let options = SequenceOptions {
                type_ref: self.names.type_of(row.r#type, None),
                start: row.start,
                increment: row.increment,
                min: row.min,
                max: row.max,
                cache: row.cache,
                cycle: row.cycle,
            };
            let about = self.names.about(
                (class::RELATION, row.relation),
                relation.owner,
                &relation.acl,
                usual::SEQUENCE,
            )?;
            let owner =
                row.owner_relation.zip(row.owner_column.and_then(|number| i16::try_from(number).ok()));
            match owner {
                Some(column) if row.is_identity == Some(true) => {
                    let about = About { owner: None, ..about };
                    // Whether it gives its values always or by default is told by the column.
                    let generated = IdentityKind::ByDefault;
                    self.identities.insert(column, Identity { generated, sequence: name, options, about });
                }
                owner => {
                    self.keys
                        .insert((class::RELATION, row.relation), ObjectKey::of(ObjectKind::Sequence, &name));
                    let persistence = persistence(relation.persistence);
                    let sequence = Sequence { options, persistence, owned_by: None, about };
                    if let Some(column) = owner {
                        self.owned_sequences.push((name.clone(), column));
                    }
                    self.catalog.sequences.insert(name, sequence);
                }
            }
        }
        Ok(())
    }

    /// Whose sequences those are that a column owns, once the columns have their names.
    pub(super) fn owners_of_sequences(&mut self) -> Result<(), Unassembled> {
        for (sequence, (relation, number)) in std::mem::take(&mut self.owned_sequences) {
            let Some(table) = self.relation(relation).cloned() else { continue };
            let column = self.column(relation, number)?;
            if let Some(sequence) = self.catalog.sequences.get_mut(&sequence) {
                sequence.owned_by = Some((table, column));
            }
        }
        Ok(())
    }
}

/// `relpersistence`. Temporary relations live in namespaces that are left out.
fn persistence(persistence: Letter) -> Persistence {
    match letter(persistence) {
        'u' => Persistence::Unlogged,
        _ => Persistence::Permanent,
    }
}
