//! Whatever an edit has broken is taken out, so that the draft is a schema again.

use std::collections::HashSet;

use super::{Arity, Draft, FieldType, RelationKind};

impl Draft {
    pub(crate) fn mend(&mut self) {
        self.mend_fields();
        self.mend_relations();
        self.mend_keys_and_indexes();
        // A relation may have lost its key to the last.
        self.mend_relations();
        self.mend_names();
        for model in self.models.iter_mut().filter(|model| !model.has_identity()) {
            model.fields.iter_mut().for_each(|field| field.is_ignored = false);
        }
    }

    fn mend_fields(&mut self) {
        let enums: HashSet<u32> = self.enums.iter().map(|found| found.id).collect();
        let values: Vec<(u32, Vec<String>)> = self
            .enums
            .iter()
            .map(|found| (found.id, found.values.iter().map(|value| value.name.clone()).collect()))
            .collect();
        for model in &mut self.models {
            for field in model.fields.iter_mut().filter(|field| model.key.contains(&field.id)) {
                field.arity = Arity::Required;
                field.is_ignored = false;
            }
            let is_sortable =
                |id: &u32| model.fields.iter().any(|field| field.id == *id && field.is_sortable());
            model.key.retain(is_sortable);
            if model.key.is_empty() {
                model.key_map = None;
            }
            let key = model.key.clone();
            for field in &mut model.fields {
                if matches!(&field.field_type, FieldType::Enum(id) if !enums.contains(id)) {
                    field.field_type = FieldType::Scalar("String", None);
                    field.default = None;
                }
                if let (FieldType::Enum(id), Some(default)) = (&field.field_type, &field.default) {
                    let (_, values) = values.iter().find(|(own, _)| own == id).unwrap();
                    let mut words =
                        default.trim_matches(['[', ']']).split(", ").filter(|word| !word.is_empty());
                    let is_list = default.starts_with('[') == (field.arity == Arity::List);
                    let is_value = |word: &str| values.iter().any(|value| value == word);
                    let fits = is_list && words.all(is_value);
                    if !fits && !default.contains('(') {
                        field.default = None;
                    }
                }
                let is_list = field.arity == Arity::List;
                field.default = field.default.take().filter(|default| {
                    default.starts_with("dbgenerated") || default.starts_with('[') == is_list
                });
                let is_date = matches!(field.field_type, FieldType::Scalar("DateTime", _));
                field.is_updated_at &= is_date && field.arity != Arity::List;
                if matches!(field.field_type, FieldType::Unsupported(_)) {
                    field.is_ignored = false;
                    field.default = field.default.take().filter(|default| default.starts_with("dbgenerated"));
                }
                if !field.is_sortable() || key == [field.id] {
                    field.unique = None;
                }
            }
        }
    }

    fn mend_relations(&mut self) {
        let models = self.models.clone();
        let find = |id: u32| models.iter().find(|model| model.id == id);
        let mut owned = HashSet::new();
        let has_foreign_keys = self.has_foreign_keys;
        self.relations.retain(|relation| {
            let (Some(from), Some(to)) = (find(relation.from), find(relation.to)) else { return false };
            if !from.has_identity() || !to.has_identity() {
                return false;
            }
            // Without foreign keys Prisma itself follows the actions, and allows no circles.
            if !has_foreign_keys && relation.from >= relation.to {
                return false;
            }
            let own: Vec<_> = relation.fields.iter().filter_map(|id| from.field(*id)).collect();
            let is_alone = relation.fields.iter().all(|id| owned.insert(*id));
            match relation.kind {
                RelationKind::ManyToMany => from.key.len() == 1 && to.key.len() == 1,
                RelationKind::ToMany | RelationKind::ToOne => {
                    let arity = own.first().map(|field| field.arity);
                    !to.key.is_empty()
                        && own.len() == to.key.len()
                        && is_alone
                        && own.iter().all(|field| Some(field.arity) == arity && field.is_sortable())
                        && !own.iter().any(|field| field.is_ignored)
                        && (relation.kind == RelationKind::ToMany || own.len() == 1)
                }
            }
        });
        for relation in self.relations.iter_mut().filter(|_| !has_foreign_keys) {
            let known = |action: &&str| ["Cascade", "Restrict"].contains(action);
            relation.on_delete = relation.on_delete.filter(known);
            relation.on_update = relation.on_update.filter(known);
        }
        for position in 0..self.relations.len() {
            let relation = &self.relations[position];
            if relation.kind == RelationKind::ManyToMany {
                continue;
            }
            let target = find(relation.to).unwrap();
            let types: Vec<FieldType> =
                target.key.iter().map(|id| target.field(*id).unwrap().field_type.clone()).collect();
            let (from, kind, fields) = (relation.from, relation.kind, relation.fields.clone());
            let owner = self.models.iter_mut().find(|model| model.id == from).unwrap();
            let key = owner.key.clone();
            for (id, field_type) in fields.into_iter().zip(types) {
                let field = owner.field_mut(id).unwrap();
                if field.field_type != field_type {
                    field.field_type = field_type;
                    field.default = None;
                }
                let is_key = key == [id];
                match kind {
                    RelationKind::ToOne if !is_key => field.unique = Some(field.unique.clone().flatten()),
                    RelationKind::ToMany => field.unique = None,
                    _ => {}
                }
                if kind == RelationKind::ToMany && is_key {
                    field.unique = None;
                }
            }
            // One row for each value would make the other end a single one.
            let has_single_key = kind == RelationKind::ToMany && {
                let fields = &self.relations[position].fields;
                owner.key == *fields
            };
            if has_single_key {
                self.relations[position].fields.clear();
            }
        }
        self.relations
            .retain(|relation| relation.kind == RelationKind::ManyToMany || !relation.fields.is_empty());
    }

    fn mend_keys_and_indexes(&mut self) {
        for model in &mut self.models {
            let fields = model.fields.clone();
            let find = |id: u32| fields.iter().find(|field| field.id == id);
            let mut unnamed = HashSet::new();
            let keys: Vec<Vec<u32>> = vec![model.key.clone()];
            model.indexes.retain(|index| {
                let columns: Vec<_> = index.fields.iter().filter_map(|column| find(column.field)).collect();
                let ids: Vec<u32> = index.fields.iter().map(|column| column.field).collect();
                let fits = columns.iter().all(|field| match (index.method, &field.field_type) {
                    (Some("Gin"), FieldType::Scalar("Json", native)) => {
                        field.arity != Arity::List
                            && *native != Some("Json")
                            && !index.fields[0].arguments.contains("Array")
                    }
                    (Some("Gin"), FieldType::Scalar(_, native)) => {
                        !matches!(native, Some("Xml" | "Json"))
                            && field.arity == Arity::List
                            && !index.fields[0].arguments.contains("Jsonb")
                    }
                    (Some("Gist" | "SpGist"), FieldType::Scalar("String", Some("Inet"))) => {
                        field.arity != Arity::List
                    }
                    (Some("Brin"), FieldType::Scalar("Int", None | Some("Integer"))) => {
                        field.arity != Arity::List
                    }
                    (Some("Hash") | None, _) => field.is_sortable(),
                    _ => false,
                });
                let is_single_unique = |field: &&super::Field| field.unique.is_some();
                let is_doubled = index.is_unique
                    && (keys.contains(&ids) || matches!(&columns[..], [only] if is_single_unique(only)));
                let is_named = index.map.is_some() || unnamed.insert((index.is_unique, ids));
                let has_words = index.predicate.as_ref().is_none_or(|predicate| {
                    let word = predicate.trim_start_matches("{ ").split(':').next().unwrap();
                    predicate.starts_with("raw")
                        || fields.iter().any(|field| {
                            field.name == word && field.arity != Arity::List && {
                                let value = match &field.field_type {
                                    FieldType::Scalar("Boolean", _) => "true",
                                    FieldType::Scalar("Int", _) => "5",
                                    FieldType::Scalar("String", None) => "it's",
                                    _ => "null",
                                };
                                predicate.contains(value) || predicate.contains("null")
                            }
                        })
                });
                columns.len() == index.fields.len() && fits && is_named && !is_doubled && has_words
            });
        }
    }

    /// Names that Prisma derives are cut and may then be the same; the second gets one of its own.
    fn mend_names(&mut self) {
        for model in &mut self.models {
            let table = model.map.clone().unwrap_or_else(|| model.name.clone());
            let fields = model.fields.clone();
            let column = |id: u32| {
                let field = fields.iter().find(|field| field.id == id).unwrap();
                field.map.clone().unwrap_or_else(|| field.name.clone())
            };
            let derived = |columns: &[u32], suffix: &str| {
                let columns: Vec<String> = columns.iter().map(|id| column(*id)).collect();
                let name = format!("{table}_{}", columns.join("_"));
                let end =
                    (0..=63 - suffix.len()).rev().find(|&end| name.is_char_boundary(end.min(name.len())));
                format!("{}{suffix}", &name[..end.unwrap().min(name.len())])
            };
            let mut taken = HashSet::new();
            let mut own = |name: String, map: &mut Option<String>| {
                if map.is_none() && !taken.insert(name) {
                    self.next_id += 1;
                    *map = Some(format!("named_{}", self.next_id));
                }
            };
            for field in &mut model.fields {
                if let Some(map) = &mut field.unique {
                    own(derived(&[field.id], "_key"), map);
                }
            }
            for index in &mut model.indexes {
                let columns: Vec<u32> = index.fields.iter().map(|column| column.field).collect();
                own(derived(&columns, if index.is_unique { "_key" } else { "_idx" }), &mut index.map);
            }
            for relation in self.relations.iter_mut().filter(|relation| relation.from == model.id) {
                if relation.kind != RelationKind::ManyToMany {
                    own(derived(&relation.fields, "_fkey"), &mut relation.map);
                }
            }
        }
    }
}
