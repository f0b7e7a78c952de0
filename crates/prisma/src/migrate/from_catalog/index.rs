//! Indexes, the primary key's among them.

use underpin_catalog::model::{self, ConstraintKind, KeyPart};
use underpin_catalog::{Name, RelationName};

use super::relative::relative;
use super::{Preview, Reading};
use crate::PrismaVersion;
use crate::migrate::catalog::{Index, IndexColumn, IndexMethod, OperatorClass, SortOrder};

/// What Prisma makes of a partial index.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Partial {
    NotSeen,
    /// One without a condition.
    Plain,
    /// The same, but it stays.
    LeftAlone,
    Whole,
}

impl Reading<'_> {
    /// The index of the primary key, and all others in the order of their names.
    pub(super) fn indexes(&self, table: &model::Table) -> (Option<Index>, Vec<Index>) {
        let mut names: Vec<&Name> = table.indexes.keys().collect();
        names.sort();
        let (mut primary_key, mut others) = (None, Vec::new());
        for name in names {
            let found = &table.indexes[name];
            let constraint = found.constraint.as_ref().and_then(|name| table.constraints.get(name));
            let constraint = constraint.map(|constraint| &constraint.kind);
            if constraint.is_some_and(excludes) {
                continue;
            }
            let Some(index) = self.index(name, found) else { continue };
            match constraint {
                Some(ConstraintKind::PrimaryKey { .. }) => primary_key = Some(index),
                _ => others.push(index),
            }
        }
        (primary_key, others)
    }

    fn index(&self, name: &Name, found: &model::Index) -> Option<Index> {
        let method = method(found.method.as_str());
        let keys = found.keys.iter().map(|key| column(key, method)).collect::<Option<Vec<_>>>()?;
        let included = found.included.iter().map(|name| IndexColumn {
            name: name.clone(),
            order: Some(SortOrder::Ascending),
            operator_class: None,
        });
        let partial = found.predicate.as_ref().map(|predicate| (self.partial(), predicate));
        let predicate = match partial {
            Some((Partial::NotSeen, _)) => return None,
            Some((Partial::Whole, predicate)) => Some(relative(predicate, &self.scope.namespace)),
            Some((Partial::Plain | Partial::LeftAlone, _)) | None => None,
        };
        Some(Index {
            name: name.clone(),
            is_unique: found.unique,
            method,
            columns: keys.into_iter().chain(included).collect(),
            predicate,
            is_left_alone: matches!(partial, Some((Partial::LeftAlone, _))),
        })
    }

    fn partial(&self) -> Partial {
        let version = self.scope.version;
        let since = |minor: u32| version >= PrismaVersion::new(7, minor, 0);
        if !since(4) {
            Partial::NotSeen
        } else if !since(5) || self.scope.previews.contains(&Preview::PartialIndexes) {
            Partial::Whole
        } else if since(6) {
            Partial::LeftAlone
        } else {
            Partial::Plain
        }
    }
}

/// Whether PostgreSQL enforces it by excluding: then Prisma does not see the index.
fn excludes(kind: &ConstraintKind) -> bool {
    match kind {
        ConstraintKind::PrimaryKey { without_overlaps, .. }
        | ConstraintKind::Unique { without_overlaps, .. } => *without_overlaps,
        ConstraintKind::Exclusion { .. } => true,
        ConstraintKind::ForeignKey(_)
        | ConstraintKind::Check { .. }
        | ConstraintKind::NotNull { .. }
        | ConstraintKind::Trigger => false,
    }
}

/// `None` for an expression.
fn column(key: &model::IndexKey, method: IndexMethod) -> Option<IndexColumn> {
    let KeyPart::Column(name) = &key.part else { return None };
    let order = match key.order {
        model::SortOrder::Ascending | model::SortOrder::AscendingNullsFirst => SortOrder::Ascending,
        model::SortOrder::Descending | model::SortOrder::DescendingNullsLast => SortOrder::Descending,
    };
    let operator_class = match method {
        IndexMethod::BTree | IndexMethod::Hash => None,
        IndexMethod::Gist | IndexMethod::Gin | IndexMethod::SpGist | IndexMethod::Brin => {
            Some(operator_class(&key.operator_class, key.operator_class_is_default))
        }
    };
    Some(IndexColumn { name: name.clone(), order: Some(order), operator_class })
}

/// One that Prisma does not know it takes for a B-tree.
fn method(name: &str) -> IndexMethod {
    match name {
        "hash" => IndexMethod::Hash,
        "gist" => IndexMethod::Gist,
        "gin" => IndexMethod::Gin,
        "spgist" => IndexMethod::SpGist,
        "brin" => IndexMethod::Brin,
        _ => IndexMethod::BTree,
    }
}

fn operator_class(name: &RelationName, is_default: bool) -> OperatorClass {
    let name = name.name.as_str();
    OperatorClass { name: name.to_owned(), is_known: is_known(name), is_default }
}

/// Whether Prisma's schema language has a word for it.
fn is_known(class: &str) -> bool {
    const OTHERS: [&str; 5] = ["inet_ops", "jsonb_ops", "jsonb_path_ops", "array_ops", "text_ops"];
    const OF_BRIN: [&str; 19] = [
        "bit",
        "varbit",
        "bpchar",
        "bytea",
        "date",
        "float4",
        "float8",
        "inet",
        "int2",
        "int4",
        "int8",
        "numeric",
        "oid",
        "text",
        "timestamp",
        "timestamptz",
        "time",
        "timetz",
        "uuid",
    ];
    const ENDINGS: [&str; 4] = ["_minmax_multi_ops", "_minmax_ops", "_bloom_ops", "_inclusion_ops"];
    let of_brin = ENDINGS.iter().find_map(|ending| class.strip_suffix(ending));
    OTHERS.contains(&class) || of_brin.is_some_and(|name| OF_BRIN.contains(&name))
}
