//! What is there, and what is certainly not.

use pg_query::protobuf::node::Node as NodeEnum;
use pg_query::protobuf::{AlterTableCmd, AlterTableStmt, Constraint, IndexStmt};
use underpin_catalog::{Name, RelationName};

use super::Asked;
use crate::surroundings::{RelationFacts, RelationKind, Surroundings};

/// What a relation's name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Is {
    Relation(RelationKind),
    Index,
}

impl Is {
    /// With its article: `a view`.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Relation(RelationKind::Table) => "a table",
            Self::Relation(RelationKind::Partitioned) => "a partitioned table",
            Self::Relation(RelationKind::View) => "a view",
            Self::Relation(RelationKind::MaterializedView) => "a materialized view",
            Self::Relation(RelationKind::Foreign) => "a foreign table",
            Self::Relation(RelationKind::Sequence) => "a sequence",
            Self::Index => "an index",
        }
    }

    /// It has columns that can be added, changed and dropped.
    pub(super) fn is_table(self) -> bool {
        matches!(
            self,
            Self::Relation(RelationKind::Table | RelationKind::Partitioned | RelationKind::Foreign)
        )
    }
}

/// Relations that are there without a migration that makes them: Prisma's own, and those that extensions
/// bring in the namespace where everything is.
const MADE_BY_OTHERS: &[&str] = &[
    "_prisma_migrations",
    "geography_columns",
    "geometry_columns",
    "raster_columns",
    "raster_overviews",
    "spatial_ref_sys",
    "hypopg_list_indexes",
];

/// Types that PostgreSQL has besides those with a spelling of their own, and those of widespread extensions.
/// A column can have them without a migration that says where they come from.
const TYPES_MADE_BY_OTHERS: &[&str] = &[
    "char",
    "cid",
    "oidvector",
    "int2vector",
    "xid",
    "tid",
    "record",
    "refcursor",
    "txid_snapshot",
    "pg_snapshot",
    "regproc",
    "regprocedure",
    "regoper",
    "regoperator",
    "regnamespace",
    "regrole",
    "regconfig",
    "regdictionary",
    "regcollation",
    "gtsvector",
    "aclitem",
    "datemultirange",
    "void",
    "trigger",
    "citext",
    "hstore",
    "ltree",
    "lquery",
    "ltxtquery",
    "cube",
    "seg",
    "earth",
    "isbn",
    "isbn13",
    "issn",
    "ean13",
    "upc",
    "geometry",
    "geography",
    "box2d",
    "box3d",
    "raster",
    "topogeometry",
    "vector",
    "halfvec",
    "sparsevec",
    "semver",
    "ulid",
    "hll",
    "roaringbitmap",
    "roaringbitmap64",
    "tdigest",
    "h3index",
    "query_int",
    "agtype",
    "graphid",
    "ksuid",
    "uint1",
    "uint2",
    "uint4",
    "uint8",
    "tsm_handler",
];

/// Columns that every table has.
pub(super) const SYSTEM_COLUMNS: &[&str] = &["ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"];

impl Surroundings {
    /// What `name` stands for, if it is there.
    pub(super) fn is(&self, name: &RelationName) -> Option<Is> {
        let name = self.resolve(name);
        match self.relations.get(&name) {
            Some(facts) => Some(Is::Relation(facts.kind)),
            None => self.indexes.contains_key(&name).then_some(Is::Index),
        }
    }

    /// What a new relation of this name would meet.
    pub(super) fn is_in_the_way(&self, name: &RelationName) -> Option<Is> {
        let name = self.new_name(name);
        self.is(&name)
    }

    /// No table, view, sequence or index has this name, and that is certain.
    pub(super) fn is_absent(&self, name: &RelationName) -> bool {
        self.complete
            && !name.name.as_str().is_empty()
            && self.is(name).is_none()
            && self.is_namespace_known(name)
            && !name.name.as_str().starts_with("pg_")
            && !MADE_BY_OTHERS.contains(&name.name.as_str())
    }

    /// No type has this name, and that is certain.
    pub(super) fn is_type_absent(&self, name: &RelationName) -> bool {
        self.complete
            && !name.name.as_str().is_empty()
            && self.type_facts(name).is_none()
            && self.is(name).is_none()
            && self.is_namespace_known(name)
            && !name.name.as_str().starts_with("pg_")
            && !name.name.as_str().starts_with("reg")
            && !TYPES_MADE_BY_OTHERS.contains(&name.name.as_str())
    }

    /// Others than migrations make namespaces too (`auth` of a hosted database, `cron`), and fill them. Only of
    /// one where the history made something do we know what is there.
    fn is_namespace_known(&self, name: &RelationName) -> bool {
        let Some(namespace) = &name.namespace else { return true };
        self.search_path.contains(namespace)
            || self
                .relations
                .keys()
                .chain(self.types.keys())
                .any(|known| known.namespace.as_ref() == Some(namespace))
    }

    /// The table's facts, when every column and constraint that it has is among them.
    pub(super) fn whole(&self, table: &RelationName) -> Option<&RelationFacts> {
        self.relation(table).filter(|facts| {
            self.complete
                && facts.whole
                && matches!(facts.kind, RelationKind::Table | RelationKind::Partitioned)
        })
    }
}

impl Surroundings {
    /// The facts of a table, when its parents are among them: they are whatever it took its columns from.
    pub(super) fn whole_or_heir(&self, table: &RelationName) -> Option<&RelationFacts> {
        self.relation(table).filter(|_| self.complete)
    }
}

impl RelationFacts {
    /// It certainly has no such column.
    pub(super) fn lacks(&self, column: &Name) -> bool {
        self.column(column).is_none() && !SYSTEM_COLUMNS.contains(&column.as_str())
    }
}

impl Asked<'_> {
    /// The action of an `ALTER TABLE` that an effect is.
    pub(super) fn command(&self, effect: usize) -> Option<&AlterTableCmd> {
        match self.statement.node.as_ref() {
            NodeEnum::AlterTableStmt(AlterTableStmt { cmds, .. }) => match &cmds.get(effect)?.node {
                Some(NodeEnum::AlterTableCmd(command)) => Some(command),
                _ => None,
            },
            _ => None,
        }
    }

    /// The constraint that the action adds.
    pub(super) fn constraint(&self, effect: usize) -> Option<&Constraint> {
        match &self.command(effect)?.def.as_ref()?.node {
            Some(NodeEnum::Constraint(constraint)) => Some(constraint),
            _ => None,
        }
    }

    /// The `CREATE INDEX` that the statement is.
    pub(super) fn index(&self) -> Option<&IndexStmt> {
        match self.statement.node.as_ref() {
            NodeEnum::IndexStmt(statement) => Some(statement),
            _ => None,
        }
    }

    /// `IF EXISTS`: what is missing is no error.
    pub(super) fn tolerates_absence(&self) -> bool {
        match self.statement.node.as_ref() {
            NodeEnum::AlterTableStmt(statement) => statement.missing_ok,
            NodeEnum::RenameStmt(statement) => statement.missing_ok,
            NodeEnum::AlterObjectSchemaStmt(statement) => statement.missing_ok,
            NodeEnum::AlterSeqStmt(statement) => statement.missing_ok,
            NodeEnum::DropStmt(statement) => statement.missing_ok,
            _ => false,
        }
    }
}
