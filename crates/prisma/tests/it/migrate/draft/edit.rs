//! Small changes of a draft, as people make them.

use fastrand::Rng;

use super::draw::{ACTIONS, EXTENSIONS, enum_value};
use super::{Arity, Draft};

impl Draft {
    /// The draft with some changes.
    pub(crate) fn edited(&self, rng: &mut Rng) -> Self {
        let mut draft = self.clone();
        for _ in 0..1 + rng.usize(..6) {
            draft.edit(rng);
        }
        draft.mend();
        draft
    }

    fn edit(&mut self, rng: &mut Rng) {
        match rng.u8(..30) {
            0 => self.add_enum(rng),
            1 => self.add_model(rng),
            2 | 3 => self.add_relation(rng),
            4 if !self.enums.is_empty() => drop(self.enums.remove(rng.usize(..self.enums.len()))),
            5 if self.models.len() > 1 => drop(self.models.remove(rng.usize(..self.models.len()))),
            6 if !self.relations.is_empty() => drop(self.relations.remove(rng.usize(..self.relations.len()))),
            7..=9 => self.edit_enum(rng),
            10 | 11 => self.edit_relation(rng),
            12 => match rng.u8(..4) {
                0 => self.has_foreign_keys = !self.has_foreign_keys,
                1 => self.extensions = vec![EXTENSIONS[rng.usize(..4)]],
                2 => self.has_view = !self.has_view,
                _ => rng.shuffle(&mut self.models),
            },
            13 => {
                self.namespaces =
                    rng.choice([&[][..], &["one", "two"], &["public", "two"]]).unwrap().to_vec();
            }
            _ => self.edit_model(rng),
        }
    }

    fn edit_enum(&mut self, rng: &mut Rng) {
        if self.enums.is_empty() {
            return;
        }
        let position = rng.usize(..self.enums.len());
        let name = self.name(rng);
        let found = &mut self.enums[position];
        match rng.u8(..8) {
            0 => found.map = name,
            1 => rng.shuffle(&mut found.values),
            2 => found.namespace += 1,
            3..=5 if found.values.len() > 1 => drop(found.values.remove(rng.usize(..found.values.len()))),
            _ => {
                let at = rng.usize(..=found.values.len());
                let value = enum_value(10 + rng.usize(..90), rng);
                if found
                    .values
                    .iter()
                    .all(|other| other.name != value.name && (other.map.is_none() || other.map != value.map))
                {
                    found.values.insert(at, value);
                }
            }
        }
    }

    fn edit_relation(&mut self, rng: &mut Rng) {
        if self.relations.is_empty() {
            return;
        }
        let position = rng.usize(..self.relations.len());
        let name = self.constraint(rng);
        let relation = &mut self.relations[position];
        match rng.u8(..4) {
            0 => relation.on_delete = ACTIONS[rng.usize(..5)],
            1 => relation.on_update = ACTIONS[rng.usize(..5)],
            2 => relation.map = name,
            _ => {
                let (from, fields) = (relation.from, relation.fields.clone());
                let arity = if rng.bool() { Arity::Optional } else { Arity::Required };
                let owner = self.models.iter_mut().find(|model| model.id == from);
                for field in owner.into_iter().flat_map(|model| &mut model.fields) {
                    if fields.contains(&field.id) {
                        field.arity = arity;
                    }
                }
            }
        }
    }

    fn edit_model(&mut self, rng: &mut Rng) {
        if self.models.is_empty() {
            return;
        }
        let position = rng.usize(..self.models.len());
        let mut model = self.models.remove(position);
        let at = rng.usize(..model.fields.len());
        match rng.u8(..20) {
            0 | 1 => {
                let field = self.field(rng);
                model.fields.insert(at, field);
            }
            2 if model.fields.len() > 2 => drop(model.fields.remove(at)),
            3..=5 => {
                model.fields[at].field_type = self.field_type(rng);
                model.fields[at].default = None;
                if rng.bool() {
                    model.fields[at].default = self.default_of(&model.fields[at], rng);
                }
            }
            6 | 7 => {
                model.fields[at].arity = [Arity::Required, Arity::Optional, Arity::List][rng.usize(..3)];
                let keeps = model.fields[at].arity != Arity::List
                    && model.fields[at]
                        .default
                        .as_ref()
                        .is_some_and(|default| !default.starts_with('[') && default != "autoincrement()");
                if !keeps {
                    model.fields[at].default = None;
                }
            }
            8..=10 => {
                model.fields[at].default = self.default_of(&model.fields[at], rng).filter(|_| rng.u8(..3) > 0)
            }
            11 => model.fields[at].map = self.name(rng),
            12 => {
                let has = model.fields[at].unique.is_some();
                model.fields[at].unique = if has && rng.bool() { None } else { Some(self.constraint(rng)) };
            }
            13 | 14 => model.indexes.extend(self.index(&model, rng)),
            15 if !model.indexes.is_empty() => drop(model.indexes.remove(rng.usize(..model.indexes.len()))),
            16 if !model.indexes.is_empty() => {
                let at = rng.usize(..model.indexes.len());
                let id = self.id();
                model.indexes[at].map = Some(format!("renamed_{id}"));
            }
            17 => self.draw_key(&mut model, rng),
            18 => match rng.u8(..4) {
                0 => model.map = self.name(rng),
                1 => model.namespace += 1,
                2 => model.key_map = self.constraint(rng).filter(|_| !model.key.is_empty()),
                _ => model.name = format!("Renamed{}", model.id),
            },
            _ => rng.shuffle(&mut model.fields),
        }
        self.models.insert(position, model);
    }
}
