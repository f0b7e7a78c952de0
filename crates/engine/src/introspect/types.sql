-- All types, because columns have PostgreSQL's own; of arrays only the elements, which name them.
SELECT
    t.oid,
    t.typname::text AS name,
    t.typnamespace AS namespace,
    t.typtype AS kind,
    t.typisdefined AS is_defined,
    t.typarray AS array,
    t.typcollation AS collation,
    t.typstorage AS storage,
    t.typrelid AS relation,
    t.typowner AS owner,
    t.typacl::text[] AS acl,
    t.typbasetype AS base,
    CASE WHEN t.typtypmod >= 0 THEN format_type(t.typbasetype, t.typtypmod) END AS modified,
    t.typnotnull AS not_null,
    CASE WHEN t.typtype = 'd' THEN pg_get_expr(t.typdefaultbin, 0) END AS default_expression,
    e.labels,
    r.rngsubtype AS subtype,
    r.rngsubopc AS operator_class,
    r.rngcollation AS range_collation,
    CASE WHEN r.rngcanonical <> 0 THEN r.rngcanonical::regprocedure::text END AS canonical,
    CASE WHEN r.rngsubdiff <> 0 THEN r.rngsubdiff::regprocedure::text END AS difference,
    r.rngmultitypid AS multirange -- from 14, else NULL::oid AS multirange
FROM pg_type t
LEFT JOIN (
    SELECT enumtypid, array_agg(enumlabel::text ORDER BY enumsortorder) AS labels
    FROM pg_enum
    GROUP BY enumtypid
) e ON e.enumtypid = t.oid
LEFT JOIN pg_range r ON r.rngtypid = t.oid
WHERE t.typelem = 0 OR t.typarray <> 0
ORDER BY t.oid
