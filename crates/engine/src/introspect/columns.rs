//! Columns of tables, views and composite types.

use std::collections::{BTreeMap, HashMap};

use underpin_catalog::Name;
use underpin_catalog::model::{
    About, Column, CompositeAttribute, Generated, Identity, IdentityKind, Privileges, Storage,
};
use underpin_catalog::object::{ObjectKey, ObjectKind};

use super::assembly::{Assembly, Role, Unassembled, deparsed, letter, settings};
use super::names::{class, grants};
use super::rows::{ColumnRow, Letter};

/// What was set about a column of an index.
#[derive(Debug, Default)]
pub(super) struct AboutKey {
    pub(super) statistics_target: Option<i16>,
    pub(super) options: BTreeMap<String, String>,
}

/// By index and number.
pub(super) type AboutKeys = HashMap<(u32, i16), AboutKey>;

impl Assembly {
    /// Gives the columns to what owns them. Answers what was set about those of indexes.
    pub(super) fn columns(&mut self, mut rows: Vec<ColumnRow>) -> Result<AboutKeys, Unassembled> {
        rows.sort_by_key(|row| (row.relation, row.number));
        let mut about_keys = AboutKeys::new();
        for row in rows {
            let Some(relation) = self.relations.get(&row.relation).cloned() else { continue };
            let (of, number) = (row.relation, row.number);
            let name = Name::new(row.name.clone());
            if row.collation != 0 {
                self.column_collations.insert((of, number), row.collation);
            }
            match relation.role {
                Role::Table => {
                    self.columns.entry(of).or_default().push((number, name.clone()));
                    let column = self.column_of(row, &relation.name)?;
                    if let Some(table) = self.table(of) {
                        table.columns.insert(name, column);
                    }
                }
                Role::View => {
                    self.columns.entry(of).or_default().push((number, name.clone()));
                    let column = self.column_of(row, &relation.name)?;
                    if let Some(view) = self.view(of) {
                        view.columns.insert(name, column);
                    }
                }
                Role::Composite => {
                    let attribute = CompositeAttribute {
                        name,
                        type_ref: self.names.type_of(row.r#type, row.modified.as_deref()),
                        collation: self.collation_of(&row),
                        comment: self.names.comment(class::RELATION, of, i32::from(number)),
                    };
                    self.composites.entry(of).or_default().push(attribute);
                }
                Role::Index => {
                    let statistics_target = row.statistics_target;
                    let about = AboutKey { statistics_target, options: settings(row.options) };
                    about_keys.insert((of, number), about);
                }
                Role::Sequence => {}
            }
        }
        Ok(about_keys)
    }

    fn collation_of(&self, row: &ColumnRow) -> Option<underpin_catalog::RelationName> {
        self.names.collation(row.collation, self.names.collation_of_type(row.r#type))
    }

    fn column_of(
        &mut self,
        row: ColumnRow,
        owner: &underpin_catalog::RelationName,
    ) -> Result<Column, Unassembled> {
        let expression = match row.default_oid {
            Some(oid) => {
                let key = ObjectKey::within(ObjectKind::Column, owner, &Name::new(row.name.clone()));
                self.keys.insert((class::DEFAULT, oid), key);
                Some(deparsed(row.expression.clone())?)
            }
            None => None,
        };
        let stored = match letter(row.generated) {
            's' => Some(true),
            'v' => Some(false),
            _ => None,
        };
        let (default, generated) = match (expression, stored) {
            (Some(expression), Some(stored)) => (None, Some(Generated { expression, stored })),
            (default, _) => (default, None),
        };
        let identity = match letter(row.identity) {
            'a' => Some(IdentityKind::Always),
            'd' => Some(IdentityKind::ByDefault),
            _ => None,
        };
        let identity = match identity {
            Some(generated) => {
                let behind = self.identities.remove(&(row.relation, row.number));
                Some(Identity { generated, ..behind.ok_or(Unassembled::Changed)? })
            }
            None => None,
        };
        let mut options = settings(row.options.clone());
        let foreign = settings(row.foreign_options.clone());
        options.extend(foreign.into_iter().map(|(name, value)| (format!("foreign.{name}"), value)));
        let granted = grants(&row.acl)?;
        Ok(Column {
            collation: self.collation_of(&row),
            not_null: row.not_null,
            default,
            identity,
            generated,
            storage: (Some(row.storage) != self.names.storage_of_type(row.r#type))
                .then(|| storage(row.storage)),
            compression: match letter(row.compression) {
                'p' => Some("pglz"),
                'l' => Some("lz4"),
                _ => None,
            },
            statistics_target: row.statistics_target,
            options,
            inherited_from: row.inherited_from.unsigned_abs(),
            declared_too: row.inherited_from > 0 && row.is_local,
            about: About {
                owner: None,
                privileges: if granted.is_empty() { Privileges::Usual } else { Privileges::Granted(granted) },
                comment: self.names.comment(class::RELATION, row.relation, i32::from(row.number)),
            },
            ..Column::of(self.names.type_of(row.r#type, row.modified.as_deref()))
        })
    }
}

fn storage(storage: Letter) -> Storage {
    match letter(storage) {
        'p' => Storage::Plain,
        'e' => Storage::External,
        'm' => Storage::Main,
        _ => Storage::Extended,
    }
}
