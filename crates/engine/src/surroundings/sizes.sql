-- Kinds and sizes of relations; an index is found together with its table. $1: names. $2: with the tables
-- at the other end of their foreign keys.
WITH named AS (
    SELECT DISTINCT c.oid, c.relkind FROM unnest($1::text[]) AS w(name)
    JOIN pg_catalog.pg_class c ON c.oid = to_regclass(w.name)
), relation AS (
    SELECT oid FROM named WHERE relkind NOT IN ('i', 'I')
    UNION SELECT i.indrelid FROM named JOIN pg_catalog.pg_index i ON i.indexrelid = named.oid
    UNION SELECT k.confrelid FROM named JOIN pg_catalog.pg_constraint k ON k.conrelid = named.oid AND k.contype = 'f' WHERE $2
    UNION SELECT k.conrelid FROM named JOIN pg_catalog.pg_constraint k ON k.confrelid = named.oid AND k.contype = 'f' WHERE $2
)
SELECT c.oid, n.nspname::text, c.relname::text, c.relkind::text, c.reltuples::float8,
       CASE WHEN c.relkind = 'p'
            THEN (SELECT coalesce(sum(pg_relation_size(p.relid)), 0)::bigint FROM pg_partition_tree(c.oid) p)
            WHEN c.relkind IN ('r', 'm', 't') THEN pg_relation_size(c.oid) ELSE 0 END,
       NULL::text, NULL::text, false, false, NULL::text, true
FROM relation r JOIN pg_catalog.pg_class c USING (oid) JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
UNION ALL
SELECT c.oid, n.nspname::text, c.relname::text, c.relkind::text, 0::float8, 0::bigint, tn.nspname::text, t.relname::text, i.indisunique, i.indisprimary,
       k.conname::text, i.indisvalid
FROM named JOIN pg_catalog.pg_class c USING (oid) JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid
JOIN pg_catalog.pg_class t ON t.oid = i.indrelid JOIN pg_catalog.pg_namespace tn ON tn.oid = t.relnamespace
LEFT JOIN pg_catalog.pg_constraint k ON k.conindid = c.oid AND k.contype IN ('p', 'u', 'x')
