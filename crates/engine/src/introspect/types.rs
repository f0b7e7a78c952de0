//! Types and routines.

use std::collections::{BTreeMap, HashMap};

use indexmap::IndexMap;
use underpin_catalog::Name;
use underpin_catalog::model::{RangeType, Routine, RoutineBody, RoutineKind, RoutineName, Type, TypeKind};
use underpin_catalog::object::{ObjectKey, ObjectKind};

use super::assembly::{Assembly, Unassembled, deparsed, letter};
use super::names::{class, usual};
use super::rows::{AggregateRow, RoutineRow, TypeRow};

/// Oids from here on are those of objects that somebody made.
const FIRST_OF_USERS: u32 = 16_384;

impl Assembly {
    /// Types that somebody made.
    pub(super) fn types(&mut self, rows: Vec<TypeRow>) -> Result<(), Unassembled> {
        for row in rows.into_iter().filter(|row| row.oid >= FIRST_OF_USERS) {
            let kind = match letter(row.kind) {
                // The type of a table's rows is no object of its own; that of a composite is here.
                'c' if !self.is_composite(row.relation) => continue,
                'm' => continue,
                'b' => "base type",
                _ if !row.is_defined => "shell type",
                _ => "type",
            };
            let Some(name) = self.placed((class::TYPE, row.oid), kind, row.namespace, row.name.clone())
            else {
                continue;
            };
            let key = ObjectKey::of(ObjectKind::Type, &name);
            let kind = match letter(row.kind) {
                _ if kind != "type" => {
                    let kind = ObjectKind::Unmodelled(kind.to_owned());
                    self.catalog.unmodelled.insert(ObjectKey::of(kind, &name));
                    continue;
                }
                'e' => TypeKind::Enum { labels: row.labels.unwrap_or_default() },
                'd' => {
                    self.domains.insert(row.oid, name.clone());
                    TypeKind::Domain {
                        base: self.names.type_of(row.base, row.modified.as_deref()),
                        collation: self
                            .names
                            .collation(row.collation, self.names.collation_of_type(row.base)),
                        not_null: row.not_null,
                        default: row.default_expression,
                        constraints: IndexMap::new(),
                    }
                }
                'c' => TypeKind::Composite {
                    attributes: self.composites.remove(&row.relation).unwrap_or_default(),
                },
                'r' => {
                    let subtype = row.subtype.ok_or(Unassembled::Changed)?;
                    let (operator_class, usual) =
                        self.names.operator_class(row.operator_class.unwrap_or_default());
                    TypeKind::Range(RangeType {
                        subtype: self.names.type_of(subtype, None),
                        operator_class: (!usual).then_some(operator_class),
                        collation: self.names.collation(
                            row.range_collation.unwrap_or_default(),
                            self.names.collation_of_type(subtype),
                        ),
                        canonical: row.canonical,
                        difference: row.difference,
                        multirange: row.multirange.map(|oid| self.names.type_of(oid, None).name),
                    })
                }
                _ => continue,
            };
            let about = self.names.about((class::TYPE, row.oid), row.owner, &row.acl, usual::TYPE)?;
            if row.relation != 0 {
                self.keys.insert((class::RELATION, row.relation), key.clone());
            }
            self.keys.insert((class::TYPE, row.oid), key.clone());
            // What uses an array of it uses it.
            self.keys.insert((class::TYPE, row.array), key);
            self.catalog.types.insert(name, Type { kind, about });
        }
        Ok(())
    }

    /// Functions, procedures and aggregates.
    pub(super) fn routines(
        &mut self,
        rows: Vec<RoutineRow>,
        aggregates: Vec<AggregateRow>,
    ) -> Result<(), Unassembled> {
        let mut options: HashMap<u32, BTreeMap<String, String>> = HashMap::new();
        for row in aggregates {
            options.entry(row.oid).or_default().insert(row.name, row.value);
        }
        for row in rows {
            let Some(name) =
                self.placed((class::ROUTINE, row.oid), "routine", row.namespace, row.name.clone())
            else {
                continue;
            };
            let kind = match letter(row.kind) {
                'a' => RoutineKind::Aggregate,
                'p' => RoutineKind::Procedure,
                'w' => RoutineKind::Window,
                _ => RoutineKind::Function,
            };
            let body = match kind {
                RoutineKind::Aggregate => {
                    RoutineBody::Aggregate(options.remove(&row.oid).unwrap_or_default())
                }
                RoutineKind::Function | RoutineKind::Window | RoutineKind::Procedure => {
                    RoutineBody::Definition(deparsed(row.definition)?)
                }
            };
            let arguments = row.arguments.iter().map(|oid| self.names.type_of(*oid, None)).collect();
            let name = RoutineName { name, arguments };
            self.keys
                .insert((class::ROUTINE, row.oid), ObjectKey::new(ObjectKind::Routine, name.to_string()));
            let about = self.names.about((class::ROUTINE, row.oid), row.owner, &row.acl, usual::ROUTINE)?;
            let language: Name = self.names.language(row.language);
            self.catalog.routines.insert(name, Routine { kind, language, body, about });
        }
        Ok(())
    }
}
