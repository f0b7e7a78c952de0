//! Schemas as they are drawn at random: what a schema holds, apart from its text, so that it can be
//! changed a little and written down again. Every draft is a schema that Prisma accepts; where it does
//! not, the drawing is wrong.

mod draw;
mod edit;
mod mend;
mod print;

pub(crate) use print::Dialect;

/// A schema.
#[derive(Debug, Clone, Default)]
pub(crate) struct Draft {
    /// The namespaces that the datasource lists; with none, nothing says `@@schema`.
    pub(crate) namespaces: Vec<&'static str>,
    pub(crate) has_foreign_keys: bool,
    pub(crate) extensions: Vec<&'static str>,
    pub(crate) enums: Vec<Enum>,
    pub(crate) models: Vec<Model>,
    pub(crate) relations: Vec<Relation>,
    pub(crate) has_view: bool,
    /// How many files the blocks are spread over.
    pub(crate) files: usize,
    /// What the next new thing is called by.
    pub(crate) next_id: u32,
}

#[derive(Debug, Clone)]
pub(crate) struct Enum {
    pub(crate) id: u32,
    pub(crate) name: String,
    pub(crate) map: Option<String>,
    pub(crate) values: Vec<EnumValue>,
    pub(crate) namespace: usize,
}

#[derive(Debug, Clone)]
pub(crate) struct EnumValue {
    pub(crate) name: String,
    pub(crate) map: Option<String>,
}

#[derive(Debug, Clone)]
pub(crate) struct Model {
    pub(crate) id: u32,
    pub(crate) name: String,
    pub(crate) map: Option<String>,
    pub(crate) fields: Vec<Field>,
    /// The fields of the primary key; with none, there is a unique field or the model is ignored.
    pub(crate) key: Vec<u32>,
    pub(crate) key_map: Option<String>,
    pub(crate) indexes: Vec<Index>,
    pub(crate) namespace: usize,
}

#[derive(Debug, Clone)]
pub(crate) struct Field {
    pub(crate) id: u32,
    pub(crate) name: String,
    pub(crate) map: Option<String>,
    pub(crate) field_type: FieldType,
    pub(crate) arity: Arity,
    /// What stands in `@default(…)`.
    pub(crate) default: Option<String>,
    pub(crate) unique: Option<Option<String>>,
    pub(crate) is_updated_at: bool,
    pub(crate) is_ignored: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arity {
    Required,
    Optional,
    List,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FieldType {
    /// A scalar, and what stands behind `@db.`.
    Scalar(&'static str, Option<&'static str>),
    Enum(u32),
    Unsupported(&'static str),
}

#[derive(Debug, Clone)]
pub(crate) struct Index {
    pub(crate) is_unique: bool,
    pub(crate) fields: Vec<IndexField>,
    pub(crate) map: Option<String>,
    pub(crate) method: Option<&'static str>,
    pub(crate) predicate: Option<String>,
}

#[derive(Debug, Clone)]
pub(crate) struct IndexField {
    pub(crate) field: u32,
    pub(crate) arguments: &'static str,
}

#[derive(Debug, Clone)]
pub(crate) struct Relation {
    pub(crate) id: u32,
    pub(crate) kind: RelationKind,
    pub(crate) from: u32,
    pub(crate) to: u32,
    /// The fields that hold the key of `to`, in its order.
    pub(crate) fields: Vec<u32>,
    pub(crate) on_delete: Option<&'static str>,
    pub(crate) on_update: Option<&'static str>,
    pub(crate) map: Option<String>,
    /// Whether the relation says its name also where it need not.
    pub(crate) is_named: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RelationKind {
    ToMany,
    ToOne,
    ManyToMany,
}

impl Draft {
    pub(crate) fn id(&mut self) -> u32 {
        self.next_id += 1;
        self.next_id
    }

    pub(crate) fn model(&self, id: u32) -> Option<&Model> {
        self.models.iter().find(|model| model.id == id)
    }

    pub(crate) fn enum_of(&self, id: u32) -> Option<&Enum> {
        self.enums.iter().find(|found| found.id == id)
    }
}

impl Model {
    pub(crate) fn field(&self, id: u32) -> Option<&Field> {
        self.fields.iter().find(|field| field.id == id)
    }

    pub(crate) fn field_mut(&mut self, id: u32) -> Option<&mut Field> {
        self.fields.iter_mut().find(|field| field.id == id)
    }

    /// What there must be for a model that the client knows.
    pub(crate) fn has_identity(&self) -> bool {
        let field = self.fields.iter().any(|field| field.unique.is_some() && field.arity == Arity::Required);
        let is_required = |index: &Index| {
            let required = |column: &IndexField| {
                self.field(column.field).is_some_and(|field| field.arity == Arity::Required)
            };
            index.is_unique && index.predicate.is_none() && index.fields.iter().all(required)
        };
        !self.key.is_empty() || field || self.indexes.iter().any(is_required)
    }
}

impl Field {
    /// Whether a B-tree takes it, and Prisma lets it.
    pub(crate) fn is_sortable(&self) -> bool {
        let is_known = match &self.field_type {
            FieldType::Scalar("Json", _) | FieldType::Unsupported(_) => false,
            FieldType::Scalar(_, native) => !matches!(native, Some("Xml")),
            FieldType::Enum(_) => true,
        };
        is_known && self.arity != Arity::List
    }
}
