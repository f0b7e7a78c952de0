//! The rows of each query, decoded once. The fields are the columns of the query in their order.

use tokio_postgres::{Error, Row};

/// A row of one query.
pub(super) trait FromRow: Sized {
    /// Decodes it.
    fn of(row: &Row) -> Result<Self, Error>;
}

macro_rules! row {
    ($(#[$about:meta])* $name:ident { $($field:ident: $kind:ty),* $(,)? }) => {
        $(#[$about])*
        #[derive(Debug)]
        pub(super) struct $name { $(pub(super) $field: $kind),* }

        impl FromRow for $name {
            #[allow(unused_assignments, reason = "the last column counts on, too")]
            fn of(row: &Row) -> Result<Self, Error> {
                let mut at = 0;
                Ok(Self { $($field: {
                    debug_assert_eq!(row.columns()[at].name(), stringify!($field).trim_start_matches("r#"), "of {}", stringify!($name));
                    let value = row.try_get(at)?;
                    at += 1;
                    value
                }),* })
            }
        }
    };
}

/// An access list as text, one `aclitem` each; absent when nothing was ever granted.
pub(super) type Acl = Option<Vec<String>>;
/// A value of PostgreSQL's type `"char"`.
pub(super) type Letter = i8;
/// `name=value`, as `reloptions` has them.
pub(super) type Settings = Option<Vec<String>>;

row!(SnapshotRow { snapshot: String });
row!(NameRow { kind: String, oid: u32, namespace: u32, name: String, usual: bool });
row!(UsualPrivilegesRow { kind: String, acl: Acl });
row!(NamespaceRow { oid: u32, name: String, owner: u32, acl: Acl, initial: Acl });
row!(ExtensionRow { name: String, version: String, namespace: u32, is_relocatable: bool });
row!(RelationRow {
    oid: u32,
    name: String,
    namespace: u32,
    kind: Letter,
    persistence: Letter,
    owner: u32,
    acl: Acl,
    method: u32,
    tablespace: u32,
    options: Settings,
    toast: u32,
    row_type: u32,
    of_type: u32,
    row_security: bool,
    force_row_security: bool,
    replica_identity: Letter,
    populated: bool,
    is_partition: bool,
    partition_key: Option<String>,
    partition_bound: Option<String>,
});
row!(ForeignTableRow { relation: u32, server: String, options: Settings });
row!(InheritsRow { child: u32, parent: u32 });
row!(ColumnRow {
    relation: u32,
    number: i16,
    name: String,
    r#type: u32,
    modified: Option<String>,
    collation: u32,
    not_null: bool,
    identity: Letter,
    generated: Letter,
    storage: Letter,
    compression: Letter,
    statistics_target: Option<i16>,
    options: Settings,
    foreign_options: Settings,
    inherited_from: i32,
    is_local: bool,
    acl: Acl,
    default_oid: Option<u32>,
    expression: Option<String>,
});
row!(ConstraintRow {
    oid: u32,
    name: String,
    relation: u32,
    domain: u32,
    kind: Letter,
    index: u32,
    is_deferrable: bool,
    is_deferred: bool,
    is_validated: bool,
    is_enforced: bool,
    no_inherit: bool,
    inherited_from: i32,
    is_local: bool,
    parent: u32,
    columns: Option<Vec<i16>>,
    referenced: u32,
    referenced_columns: Option<Vec<i16>>,
    on_update: Letter,
    on_delete: Letter,
    r#match: Letter,
    on_delete_columns: Option<Vec<i16>>,
    period: bool,
    operators: Option<Vec<String>>,
    expression: Option<String>,
});
row!(IndexRow {
    oid: u32,
    relation: u32,
    is_unique: bool,
    nulls_not_distinct: bool,
    is_immediate: bool,
    is_clustered: bool,
    is_valid: bool,
    is_ready: bool,
    is_live: bool,
    is_replica_identity: bool,
    keys: i16,
    columns: Vec<i16>,
    operator_classes: Vec<u32>,
    collations: Vec<u32>,
    orders: Vec<i16>,
    expressions: Option<Vec<Option<String>>>,
    predicate: Option<String>,
});
row!(SequenceRow {
    relation: u32,
    r#type: u32,
    start: i64,
    increment: i64,
    min: i64,
    max: i64,
    cache: i64,
    cycle: bool,
    is_identity: Option<bool>,
    owner_relation: Option<u32>,
    owner_column: Option<i32>,
});
row!(TypeRow {
    oid: u32,
    name: String,
    namespace: u32,
    kind: Letter,
    is_defined: bool,
    array: u32,
    collation: u32,
    storage: Letter,
    relation: u32,
    owner: u32,
    acl: Acl,
    base: u32,
    modified: Option<String>,
    not_null: bool,
    default_expression: Option<String>,
    labels: Option<Vec<String>>,
    subtype: Option<u32>,
    operator_class: Option<u32>,
    range_collation: Option<u32>,
    canonical: Option<String>,
    difference: Option<String>,
    multirange: Option<u32>,
});
row!(RoutineRow {
    oid: u32,
    name: String,
    namespace: u32,
    kind: Letter,
    language: u32,
    arguments: Vec<u32>,
    owner: u32,
    acl: Acl,
    definition: Option<String>,
});
row!(AggregateRow { oid: u32, name: String, value: String });
row!(TriggerRow {
    oid: u32,
    relation: u32,
    name: String,
    bits: i16,
    fires: Letter,
    is_inherited: bool,
    constraint: u32,
    is_internal: bool,
    columns: Vec<i16>,
    function: String,
    function_namespace: u32,
    definition: Option<String>,
});
row!(RuleRow { oid: u32, name: String, relation: u32, fires: Letter, definition: Option<String> });
row!(PolicyRow {
    oid: u32,
    name: String,
    relation: u32,
    command: Letter,
    is_permissive: bool,
    roles: Vec<u32>,
    using_expression: Option<String>,
    check_expression: Option<String>,
});
row!(StatisticsRow {
    oid: u32,
    name: String,
    namespace: u32,
    relation: u32,
    owner: u32,
    target: Option<i16>,
    definition: Option<String>,
});
row!(EventTriggerRow {
    oid: u32,
    name: String,
    event: String,
    owner: u32,
    fires: Letter,
    tags: Option<Vec<String>>,
    function: String,
    function_namespace: u32,
});
row!(PublicationRow {
    oid: u32,
    name: String,
    owner: u32,
    all_tables: bool,
    is_insert: bool,
    is_update: bool,
    is_delete: bool,
    is_truncate: bool,
    via_root: bool,
    generated_columns: Letter,
});
row!(PublicationTableRow {
    publication: u32,
    relation: u32,
    columns: Option<Vec<i16>>,
    filter: Option<String>,
});
row!(PublicationNamespaceRow { publication: u32, namespace: u32 });
row!(DefaultPrivilegesRow { role: u32, namespace: u32, kind: Letter, acl: Acl });
row!(CommentRow { class: u32, object: u32, part: i32, text: String });
row!(DependencyRow { class: u32, object: u32, used_class: u32, used: u32, is_member: bool });
row!(UnmodelledRow { class: u32, oid: u32, kind: String, namespace: Option<String>, identity: String });
row!(ViewRow { relation: u32, definition: Option<String> });
