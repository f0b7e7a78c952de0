//! Drafts at random.

use fastrand::Rng;

use super::{
    Arity, Draft, Enum, EnumValue, Field, FieldType, Index, IndexField, Model, Relation, RelationKind,
};

/// Scalars with the native types that they may have.
const SCALARS: [(&str, &[Option<&str>]); 9] = [
    (
        "String",
        &[
            None,
            Some("Text"),
            Some("VarChar"),
            Some("VarChar(5)"),
            Some("VarChar(200)"),
            Some("Char(3)"),
            Some("Char"),
            Some("Uuid"),
            Some("Citext"),
            Some("Inet"),
            Some("Bit(3)"),
            Some("VarBit"),
            Some("VarBit(4)"),
            Some("Xml"),
        ],
    ),
    ("Boolean", &[None, Some("Boolean")]),
    ("Int", &[None, Some("Integer"), Some("SmallInt"), Some("Oid")]),
    ("BigInt", &[None, Some("BigInt")]),
    ("Float", &[None, Some("DoublePrecision"), Some("Real")]),
    ("Decimal", &[None, Some("Decimal"), Some("Decimal(10, 2)"), Some("Decimal(4, 0)"), Some("Money")]),
    (
        "DateTime",
        &[
            None,
            Some("Timestamp"),
            Some("Timestamp(6)"),
            Some("Timestamptz"),
            Some("Timestamptz(3)"),
            Some("Date"),
            Some("Time"),
            Some("Time(3)"),
            Some("Timetz(6)"),
        ],
    ),
    ("Json", &[None, Some("JsonB"), Some("Json")]),
    ("Bytes", &[None, Some("ByteA")]),
];

const WORDS: [&str; 24] = [
    "User",
    "Post",
    "Comment",
    "Tag",
    "Order",
    "LineItem",
    "Zone",
    "audit",
    "a",
    "B2",
    "key",
    "select",
    "title",
    "body",
    "createdAt",
    "amount",
    "state",
    "ownerId",
    "value",
    "Kind",
    "Level",
    "x_y",
    "OAuthToken",
    "z",
];

const UNSUPPORTED: [&str; 4] = ["circle", "tsvector", "interval", "vector(3)"];

/// Names in the database: plain, cased, with blanks, beyond ASCII, and long enough to be cut.
const NAMES: [&str; 7] = [
    "t",
    "snake_case",
    "Upper Case",
    "größe",
    "a_rather_long_name_that_makes_derived_names_longer_than_they_may",
    "üüüüüüüüüüüüüüüüüüüüüüüüüüüü",
    "it's",
];

pub(super) const EXTENSIONS: [&str; 4] = [
    "citext",
    "hstore(schema: \"public\", version: \"1.4\")",
    "uuidOssp(map: \"uuid-ossp\")",
    "hstore(version: \"1.5\")",
];

pub(super) const ACTIONS: [Option<&str>; 5] =
    [None, Some("Cascade"), Some("Restrict"), Some("NoAction"), Some("SetDefault")];

impl Draft {
    pub(crate) fn draw(rng: &mut Rng) -> Self {
        let mut draft =
            Self { has_foreign_keys: rng.u8(..12) > 0, files: 1 + rng.usize(..8) / 7, ..Default::default() };
        if rng.u8(..5) == 0 {
            draft.namespaces = rng
                .choice([&["one", "two"][..], &["public", "two"], &["two", "public", "ten"]])
                .unwrap()
                .to_vec();
        }
        for _ in 0..rng.usize(..4) {
            draft.add_enum(rng);
        }
        for _ in 0..1 + rng.usize(..4) {
            draft.add_model(rng);
        }
        for _ in 0..rng.usize(..5) {
            draft.add_relation(rng);
        }
        if rng.u8(..12) == 0 {
            draft.extensions = vec![EXTENSIONS[rng.usize(..4)]];
        }
        draft.has_view = rng.u8(..12) == 0;
        draft.mend();
        draft
    }

    pub(super) fn add_enum(&mut self, rng: &mut Rng) {
        let id = self.id();
        let values = (0..1 + rng.usize(..4)).map(|number| enum_value(number, rng)).collect();
        let map = (rng.u8(..4) == 0).then(|| format!("enum_{id}"));
        self.enums.push(Enum { id, name: format!("Enum{id}"), map, values, namespace: rng.usize(..3) });
    }

    pub(super) fn add_model(&mut self, rng: &mut Rng) {
        let id = self.id();
        let mut model = Model {
            id,
            name: format!("{}{id}", rng.choice(WORDS).unwrap()),
            map: self.name(rng),
            fields: Vec::new(),
            key: Vec::new(),
            key_map: None,
            indexes: Vec::new(),
            namespace: rng.usize(..3),
        };
        for _ in 0..2 + rng.usize(..7) {
            let field = self.field(rng);
            model.fields.push(field);
        }
        self.draw_key(&mut model, rng);
        for _ in 0..rng.usize(..4) {
            if let Some(index) = self.index(&model, rng) {
                model.indexes.push(index);
            }
        }
        self.models.push(model);
    }

    /// A name of the database for one thing in four, never one that is taken.
    pub(super) fn name(&mut self, rng: &mut Rng) -> Option<String> {
        let id = self.id();
        (rng.u8(..4) == 0)
            .then(|| format!("n{id} {}", rng.choice(NAMES).unwrap()).replacen(' ', "_", rng.usize(..2)))
    }

    /// The same for a constraint or an index, which Prisma wants to fit.
    pub(super) fn constraint(&mut self, rng: &mut Rng) -> Option<String> {
        self.name(rng).map(|name| name.chars().take(30).collect())
    }

    pub(super) fn field(&mut self, rng: &mut Rng) -> Field {
        let id = self.id();
        let mut field = Field {
            id,
            name: format!("{}{id}", rng.choice(WORDS).unwrap()),
            map: self.name(rng),
            field_type: self.field_type(rng),
            arity: [Arity::Required, Arity::Required, Arity::Optional, Arity::List][rng.usize(..4)],
            default: None,
            unique: None,
            is_updated_at: false,
            is_ignored: rng.u8(..25) == 0,
        };
        if rng.bool() {
            field.default = self.default_of(&field, rng);
        }
        field.is_updated_at = rng.u8(..3) == 0;
        if rng.u8(..6) == 0 {
            field.unique = Some(self.constraint(rng));
        }
        field
    }

    pub(super) fn field_type(&self, rng: &mut Rng) -> FieldType {
        match rng.u8(..12) {
            0 => FieldType::Unsupported(UNSUPPORTED[rng.usize(..UNSUPPORTED.len())]),
            1..=3 if !self.enums.is_empty() => FieldType::Enum(self.enums[rng.usize(..self.enums.len())].id),
            _ => {
                let (scalar, natives) = SCALARS[rng.usize(..SCALARS.len())];
                let native = if rng.bool() { None } else { natives[rng.usize(..natives.len())] };
                FieldType::Scalar(scalar, native)
            }
        }
    }

    /// What may stand in `@default(…)` of a field.
    pub(super) fn default_of(&self, field: &Field, rng: &mut Rng) -> Option<String> {
        if rng.u8(..6) == 0 {
            let text = ["1", "gen_random_uuid()", "'x'::text", "NOW()", "now()"][rng.usize(..5)];
            return Some(if rng.u8(..3) == 0 {
                "dbgenerated()".to_owned()
            } else {
                format!("dbgenerated({text:?})")
            });
        }
        if field.arity == Arity::List {
            let values: Option<Vec<String>> =
                (0..rng.usize(..3)).map(|_| self.constant(field, rng)).collect();
            return Some(format!("[{}]", values?.join(", ")));
        }
        let function = match &field.field_type {
            FieldType::Scalar("Int" | "BigInt", native)
                if *native != Some("Oid") && field.arity == Arity::Required =>
            {
                Some("autoincrement()")
            }
            FieldType::Scalar("String", None) => {
                Some(["uuid()", "cuid()", "ulid()", "nanoid(7)", "uuid(7)", "cuid(2)"][rng.usize(..6)])
            }
            FieldType::Scalar("DateTime", _) => Some("now()"),
            _ => None,
        };
        match function {
            Some(function) if rng.bool() => Some(function.to_owned()),
            _ => self.constant(field, rng),
        }
    }

    fn constant(&self, field: &Field, rng: &mut Rng) -> Option<String> {
        let texts: &[&str] = match &field.field_type {
            FieldType::Unsupported(_) => return None,
            FieldType::Enum(id) => {
                let values = &self.enum_of(*id)?.values;
                return Some(values[rng.usize(..values.len())].name.clone());
            }
            FieldType::Scalar(scalar, native) => match (*scalar, *native) {
                ("String", None | Some("Text" | "VarChar" | "VarChar(200)" | "Citext")) => {
                    &[r#""""#, r#""a""#, r#""it's \"so\"""#, r#""back\\slash""#, r#""two\nlines""#, r#""1""#]
                }
                ("Boolean", _) => &["true", "false"],
                ("Int", _) => &["0", "1", "-5", "007"],
                ("BigInt", _) => &["1", "9007199254740993", "-7"],
                ("Float", _) => &["1", "1.50", "1.5", "-0.25", "100000.0"],
                ("Decimal", _) => &["10", "10.50", "10.5", "0.000001"],
                ("DateTime", _) => &[r#""2020-01-02T03:04:05Z""#, r#""2021-01-02T03:04:05.678+02:00""#],
                ("Json", _) => &[r#""{}""#, r#""{\"a\": [1, 2]}""#, r#""{ \"a\":[1,2] }""#, r#""null""#],
                ("Bytes", _) => &[r#""aGVsbG8=""#, r#""""#, r#""AAE=""#],
                _ => return None,
            },
        };
        Some(texts[rng.usize(..texts.len())].to_owned())
    }

    pub(super) fn draw_key(&mut self, model: &mut Model, rng: &mut Rng) {
        let candidates: Vec<u32> =
            model.fields.iter().filter(|field| field.is_sortable()).map(|field| field.id).collect();
        model.key = match rng.u8(..10) {
            0 => Vec::new(),
            1..=2 if candidates.len() > 1 => candidates[..2].to_vec(),
            _ => candidates.into_iter().take(1).collect(),
        };
        if model.key.is_empty() && rng.bool() {
            let mut field = self.field(rng);
            field.field_type = FieldType::Scalar("Int", None);
            field.default = None;
            model.key.push(field.id);
            model.fields.push(field);
        }
        model.key_map = self.constraint(rng).filter(|_| rng.bool());
    }

    pub(super) fn index(&mut self, model: &Model, rng: &mut Rng) -> Option<Index> {
        let field = &model.fields[rng.usize(..model.fields.len())];
        let column = |field: &Field, arguments| IndexField { field: field.id, arguments };
        let of_method = |method, choices: &[&'static str], rng: &mut Rng| {
            (Some(method), vec![column(field, choices[rng.usize(..choices.len())])])
        };
        let is = |scalar: &str, natives: &[Option<&str>]| match &field.field_type {
            FieldType::Scalar(own, native) => {
                *own == scalar && natives.contains(native) && field.arity != Arity::List
            }
            _ => false,
        };
        let (method, fields) = if field.arity == Arity::List
            && matches!(field.field_type, FieldType::Scalar(..))
        {
            of_method("Gin", &["", "ops: ArrayOps"], rng)
        } else if is("Json", &[None, Some("JsonB")]) {
            of_method("Gin", &["", "ops: JsonbOps", "ops: JsonbPathOps"], rng)
        } else if is("String", &[Some("Inet")]) && rng.bool() {
            let method = if rng.bool() { "Gist" } else { "SpGist" };
            of_method(method, &["ops: InetOps"], rng)
        } else if is("Int", &[None, Some("Integer")]) && rng.u8(..4) == 0 {
            let choices = ["", "ops: Int4BloomOps", "ops: Int4MinMaxOps", "ops: Int4MinMaxMultiOps"];
            of_method("Brin", &choices, rng)
        } else if field.is_sortable() && rng.u8(..8) == 0 {
            of_method("Hash", &[""], rng)
        } else {
            let mut sortable: Vec<&Field> = model.fields.iter().filter(|field| field.is_sortable()).collect();
            rng.shuffle(&mut sortable);
            sortable.truncate(1 + rng.usize(..3));
            let orders = ["", "", "sort: Desc", "sort: Asc"];
            let mut columns: Vec<_> =
                sortable.into_iter().map(|field| column(field, orders[rng.usize(..4)])).collect();
            if let [only] = &mut columns[..]
                && rng.u8(..10) == 0
            {
                only.arguments = "ops: raw(\"text_pattern_ops\")";
            }
            (None, columns)
        };
        if fields.is_empty() {
            return None;
        }
        let is_unique =
            method.is_none() && rng.u8(..3) == 0 && fields[0].arguments != "ops: raw(\"text_pattern_ops\")";
        let predicate = (rng.u8(..10) == 0).then(|| self.predicate(model, rng)).flatten();
        // Two indexes on the same columns need two names.
        let id = self.id();
        let map = if rng.bool() { Some(format!("index_{id}")) } else { None };
        Some(Index { is_unique, fields, map, method, predicate })
    }

    fn predicate(&self, model: &Model, rng: &mut Rng) -> Option<String> {
        let field = &model.fields[rng.usize(..model.fields.len())];
        let value = match &field.field_type {
            FieldType::Scalar("Boolean", _) => "true",
            FieldType::Scalar("Int", _) => "5",
            FieldType::Scalar("String", None) => "\"it's\"",
            _ => "null",
        };
        match (field.arity, rng.u8(..3)) {
            (Arity::List, _) => None,
            (_, 0) => Some(format!("raw({:?})", format!("x > {}", rng.u8(..3)))),
            (_, 1) => Some(format!("{{ {}: {{ not: {value} }} }}", field.name)),
            _ => Some(format!("{{ {}: {value} }}", field.name)),
        }
    }

    pub(super) fn add_relation(&mut self, rng: &mut Rng) {
        let models: Vec<u32> = self.models.iter().map(|model| model.id).collect();
        let Some((&from, &to)) = rng.choice(&models).zip(rng.choice(&models)) else { return };
        let kind =
            [RelationKind::ToMany, RelationKind::ToMany, RelationKind::ToOne, RelationKind::ManyToMany]
                [rng.usize(..4)];
        let key: Vec<Field> = {
            let target = self.model(to).unwrap();
            target.key.iter().filter_map(|id| target.field(*id)).cloned().collect()
        };
        let mut fields = Vec::new();
        let is_optional = rng.bool();
        for target in key.iter().filter(|_| kind != RelationKind::ManyToMany) {
            let mut field = self.field(rng);
            field.field_type = target.field_type.clone();
            field.arity = if is_optional { Arity::Optional } else { Arity::Required };
            field.default =
                self.default_of(&field, rng).filter(|default| rng.bool() && !default.contains('('));
            field.is_updated_at = false;
            field.is_ignored = false;
            field.unique = (kind == RelationKind::ToOne && key.len() == 1).then_some(None);
            fields.push(field.id);
            let owner = self.models.iter_mut().find(|model| model.id == from).unwrap();
            owner.fields.push(field);
        }
        let (id, map) = (self.id(), self.constraint(rng));
        self.relations.push(Relation {
            id,
            kind,
            from,
            to,
            fields,
            on_delete: ACTIONS[rng.usize(..5)],
            on_update: ACTIONS[rng.usize(..5)],
            map: map.filter(|_| kind != RelationKind::ManyToMany),
            is_named: rng.bool(),
        });
    }
}

pub(super) fn enum_value(number: usize, rng: &mut Rng) -> EnumValue {
    let map = (rng.u8(..4) == 0).then(|| format!("v {number}'s"));
    EnumValue { name: format!("V{number}"), map }
}
