-- Kinds and sizes of relations, and what hangs on them; an index is found together with its table. $1: names.
-- $2: with the tables at the other end of their foreign keys.
WITH named AS (
    SELECT DISTINCT c.oid, c.relkind FROM unnest($1::text[]) AS w(name)
    JOIN pg_catalog.pg_class c ON c.oid = to_regclass(w.name)
), relation AS (
    SELECT oid FROM named WHERE relkind NOT IN ('i', 'I')
    UNION SELECT i.indrelid FROM named JOIN pg_catalog.pg_index i ON i.indexrelid = named.oid
    UNION SELECT p.partdefid FROM named JOIN pg_catalog.pg_partitioned_table p ON p.partrelid = named.oid WHERE p.partdefid <> 0
    UNION SELECT k.confrelid FROM named JOIN pg_catalog.pg_constraint k ON k.conrelid = named.oid AND k.contype = 'f' WHERE $2
    UNION SELECT k.conrelid FROM named JOIN pg_catalog.pg_constraint k ON k.confrelid = named.oid AND k.contype = 'f' WHERE $2
)
SELECT c.oid, n.nspname::text, c.relname::text, c.relkind::text, c.reltuples::float8,
       CASE WHEN c.relkind = 'p'
            THEN (SELECT coalesce(sum(pg_relation_size(p.relid)), 0)::bigint FROM pg_partition_tree(c.oid) p)
            WHEN c.relkind IN ('r', 'm', 't') THEN pg_relation_size(c.oid) ELSE 0 END,
       NULL::text, NULL::text, false, false, NULL::text, true,
       c.relpersistence::text, (SELECT m.amname::text FROM pg_catalog.pg_am m WHERE m.oid = c.relam), c.relrowsecurity,
       ARRAY(SELECT t.tgname::text FROM pg_catalog.pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal ORDER BY 1),
       ARRAY(SELECT y.polname::text FROM pg_catalog.pg_policy y WHERE y.polrelid = c.oid ORDER BY 1),
       (SELECT ARRAY[dn.nspname::text, d.relname::text] FROM pg_catalog.pg_partitioned_table p
        JOIN pg_catalog.pg_class d ON d.oid = p.partdefid JOIN pg_catalog.pg_namespace dn ON dn.oid = d.relnamespace
        WHERE p.partrelid = c.oid)
FROM relation r JOIN pg_catalog.pg_class c USING (oid) JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
UNION ALL
SELECT c.oid, n.nspname::text, c.relname::text, c.relkind::text, 0::float8, 0::bigint, tn.nspname::text, t.relname::text, i.indisunique, i.indisprimary,
       k.conname::text, i.indisvalid, c.relpersistence::text, NULL::text, false, '{}'::text[], '{}'::text[], NULL::text[]
FROM named JOIN pg_catalog.pg_class c USING (oid) JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid
JOIN pg_catalog.pg_class t ON t.oid = i.indrelid JOIN pg_catalog.pg_namespace tn ON tn.oid = t.relnamespace
LEFT JOIN pg_catalog.pg_constraint k ON k.conindid = c.oid AND k.contype IN ('p', 'u', 'x')
