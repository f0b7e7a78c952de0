-- pg_get_indexdef is the dearest of the deparse functions: it is asked for expressions alone.
SELECT
    i.indexrelid AS oid,
    i.indrelid AS relation,
    i.indisunique AS is_unique,
    i.indnullsnotdistinct AS nulls_not_distinct, -- from 15, else false AS nulls_not_distinct,
    i.indimmediate AS is_immediate,
    i.indisclustered AS is_clustered,
    i.indisvalid AS is_valid,
    i.indisready AS is_ready,
    i.indislive AS is_live,
    i.indisreplident AS is_replica_identity,
    i.indnkeyatts AS keys,
    i.indkey::int2[] AS columns,
    i.indclass::oid[] AS operator_classes,
    i.indcollation::oid[] AS collations,
    i.indoption::int2[] AS orders,
    CASE WHEN i.indexprs IS NOT NULL THEN ARRAY(
        SELECT pg_get_indexdef(i.indexrelid, n, false)
        FROM generate_series(1, i.indnkeyatts) n
        WHERE i.indkey[n - 1] = 0
        ORDER BY n) END AS expressions,
    pg_get_expr(i.indpred, i.indrelid) AS predicate
FROM pg_index i
WHERE i.indexrelid >= 16384
ORDER BY i.indexrelid
