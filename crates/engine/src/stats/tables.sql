-- Tables and materialized views with their sizes and counters, a row for each. $1: oids of relations whose
-- lock somebody holds against everybody; $2: whether to ask for no lock at all.
--
-- pg_relation_size takes ACCESS SHARE for a moment. What is locked is as large as its last VACUUM or ANALYZE
-- says (relpages), which is read from the catalog.
WITH relation AS MATERIALIZED (
    SELECT c.oid, c.relnamespace, c.relname, c.relkind, c.reltuples, c.relpages, c.reltoastrelid, c.relispartition
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'm') AND c.relpersistence <> 't'
      AND n.nspname NOT IN ('information_schema', 'underpin', 'underpin_parked') AND left(n.nspname, 3) <> 'pg_'
), part(owner, what, oid, name, relpages, is_valid) AS (
    SELECT oid, 'heap', oid, relname, relpages, true FROM relation WHERE relkind <> 'p'
    UNION ALL
    SELECT r.oid, 'toast', t.oid, t.relname, t.relpages, true
    FROM relation r JOIN pg_catalog.pg_class t ON t.oid = r.reltoastrelid
    UNION ALL
    SELECT r.oid, 'toast', x.oid, x.relname, x.relpages, true
    FROM relation r JOIN pg_catalog.pg_index i ON i.indrelid = r.reltoastrelid
    JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
    UNION ALL
    SELECT r.oid, 'index', x.oid, x.relname, x.relpages, i.indisvalid
    FROM relation r JOIN pg_catalog.pg_index i ON i.indrelid = r.oid
    JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid AND x.relkind = 'i'
), sized AS MATERIALIZED (
    SELECT p.owner, p.what, p.name, p.is_valid, locked.it AS outdated,
           coalesce(CASE WHEN NOT locked.it THEN pg_catalog.pg_relation_size(p.oid) END,
                    p.relpages::bigint * current_setting('block_size')::bigint) AS bytes,
           pg_catalog.pg_stat_get_numscans(p.oid) AS scans
    FROM part p CROSS JOIN LATERAL (SELECT $2::boolean OR p.oid = ANY ($1::oid[]) AS it) AS locked
), whole AS (
    SELECT owner,
           coalesce(sum(bytes) FILTER (WHERE what = 'heap'), 0)::bigint AS heap,
           coalesce(sum(bytes) FILTER (WHERE what = 'toast'), 0)::bigint AS toast,
           bool_or(outdated) AS outdated,
           coalesce(sum(scans) FILTER (WHERE what IN ('heap', 'index')), 0)::bigint AS scans,
           jsonb_agg(jsonb_build_object('name', name, 'bytes', bytes, 'is_valid', is_valid) ORDER BY name)
               FILTER (WHERE what = 'index') AS indexes
    FROM sized GROUP BY owner
)
SELECT n.nspname::text, r.relname::text, r.relkind::text, pn.nspname::text, p.relname::text,
       -- As the planner does it: the rows of the last ANALYZE, grown as the pages have grown since.
       CASE WHEN r.reltuples < 0 OR (r.relpages = 0 AND w.heap > 0) THEN NULL
            WHEN r.relpages > 0 AND r.relkind <> 'p'
            THEN round(r.reltuples::float8 * w.heap / (r.relpages::bigint * current_setting('block_size')::bigint))
            ELSE r.reltuples::float8 END,
       coalesce(w.heap, 0), coalesce(w.toast, 0), coalesce(w.outdated, false), coalesce(w.indexes, '[]'::jsonb),
       pg_catalog.pg_stat_get_tuples_inserted(r.oid) + pg_catalog.pg_stat_get_tuples_updated(r.oid)
           + pg_catalog.pg_stat_get_tuples_deleted(r.oid),
       coalesce(w.scans, 0),
       greatest(pg_catalog.pg_stat_get_last_analyze_time(r.oid), pg_catalog.pg_stat_get_last_autoanalyze_time(r.oid))
FROM relation r JOIN pg_catalog.pg_namespace n ON n.oid = r.relnamespace
LEFT JOIN whole w ON w.owner = r.oid
LEFT JOIN pg_catalog.pg_inherits h ON h.inhrelid = r.oid AND r.relispartition
LEFT JOIN pg_catalog.pg_class p ON p.oid = h.inhparent
LEFT JOIN pg_catalog.pg_namespace pn ON pn.oid = p.relnamespace
