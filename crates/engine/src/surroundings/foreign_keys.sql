-- The foreign keys at either end of which a named table stands. $1: names.
WITH named AS MATERIALIZED (
    SELECT ARRAY(SELECT to_regclass(w.name)::oid FROM unnest($1::text[]) AS w(name)) AS oids
)
SELECT n.nspname::text, c.relname::text, k.conname::text, rn.nspname::text, r.relname::text, k.convalidated,
       (SELECT array_agg(a.attname::text ORDER BY w.ordinal) FROM unnest(k.conkey) WITH ORDINALITY AS w(attnum, ordinal)
        JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = w.attnum), k.confdeltype::text
FROM pg_catalog.pg_constraint k
JOIN pg_catalog.pg_class c ON c.oid = k.conrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_class r ON r.oid = k.confrelid JOIN pg_catalog.pg_namespace rn ON rn.oid = r.relnamespace
WHERE k.contype = 'f'
  AND (k.conrelid = ANY ((SELECT oids FROM named)::oid[]) OR k.confrelid = ANY ((SELECT oids FROM named)::oid[]))
