//! PostgreSQL's own catalogs and views, and the functions that ask them.

use underpin_catalog::{Name, RelationName};

/// Whether the relation is PostgreSQL's own. A bare name counts only when PostgreSQL has such a catalog:
/// a table may be called `pg_boss`.
pub(super) fn contains(relation: &RelationName) -> bool {
    match &relation.namespace {
        Some(namespace) => matches!(namespace.as_str(), "pg_catalog" | "information_schema"),
        None => CATALOGS.binary_search(&relation.name.as_str()).is_ok(),
    }
}

/// Whether the function answers what there is in the database.
pub(super) fn is_question(function: &Name) -> bool {
    matches!(
        function.as_str(),
        "to_regclass"
            | "to_regtype"
            | "to_regnamespace"
            | "to_regproc"
            | "to_regprocedure"
            | "to_regrole"
            | "has_schema_privilege"
            | "has_table_privilege"
    )
}

/// In alphabetical order.
const CATALOGS: &[&str] = &[
    "pg_aggregate",
    "pg_am",
    "pg_attrdef",
    "pg_attribute",
    "pg_auth_members",
    "pg_authid",
    "pg_available_extensions",
    "pg_cast",
    "pg_class",
    "pg_collation",
    "pg_constraint",
    "pg_database",
    "pg_default_acl",
    "pg_depend",
    "pg_description",
    "pg_enum",
    "pg_event_trigger",
    "pg_extension",
    "pg_foreign_data_wrapper",
    "pg_foreign_server",
    "pg_foreign_table",
    "pg_group",
    "pg_index",
    "pg_indexes",
    "pg_inherits",
    "pg_language",
    "pg_locks",
    "pg_matviews",
    "pg_namespace",
    "pg_opclass",
    "pg_operator",
    "pg_partitioned_table",
    "pg_policies",
    "pg_policy",
    "pg_proc",
    "pg_publication",
    "pg_publication_rel",
    "pg_publication_tables",
    "pg_range",
    "pg_replication_slots",
    "pg_rewrite",
    "pg_roles",
    "pg_rules",
    "pg_sequence",
    "pg_sequences",
    "pg_settings",
    "pg_shadow",
    "pg_shdepend",
    "pg_stat_activity",
    "pg_stat_all_tables",
    "pg_stat_user_tables",
    "pg_statistic",
    "pg_statistic_ext",
    "pg_stats",
    "pg_subscription",
    "pg_tables",
    "pg_tablespace",
    "pg_timezone_names",
    "pg_trigger",
    "pg_ts_config",
    "pg_type",
    "pg_user",
    "pg_user_mapping",
    "pg_views",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_in_order_and_a_table_may_begin_like_a_catalog() {
        assert!(CATALOGS.is_sorted());
        assert!(contains(&RelationName::bare("pg_type")));
        assert!(contains(&RelationName::qualified("information_schema", "tables")));
        assert!(!contains(&RelationName::bare("pg_boss")));
        assert!(!contains(&RelationName::qualified("public", "pg_type")));
    }
}
