-- Types that are not built in, and the tables with a column of them, of an array of them, or of a
-- domain over them. $1: names of types.
WITH RECURSIVE named AS (
    SELECT DISTINCT t.oid, t.typname, t.typnamespace, t.typtype, t.typnotnull, t.typarray
    FROM unnest($1::text[]) AS w(name) JOIN pg_type t ON t.oid = to_regtype(w.name)
    JOIN pg_namespace n ON n.oid = t.typnamespace
    WHERE n.nspname NOT IN ('pg_catalog', 'information_schema')
), reach(named, type) AS (
    SELECT oid, oid FROM named
    UNION SELECT r.named, t.oid FROM reach r
    JOIN pg_type t ON t.typbasetype = r.type OR t.oid = (SELECT b.typarray FROM pg_type b WHERE b.oid = r.type)
)
SELECT n.nspname::text, t.typname::text,
       t.typtype = 'd' AND (t.typnotnull OR EXISTS (SELECT FROM pg_constraint k WHERE k.contypid = t.oid)),
       coalesce((SELECT jsonb_agg(DISTINCT jsonb_build_array(cn.nspname, c.relname))
                 FROM reach r JOIN pg_attribute a ON a.atttypid = r.type AND NOT a.attisdropped AND a.attnum > 0
                 JOIN pg_class c ON c.oid = a.attrelid AND c.relkind IN ('r', 'p', 'm')
                 JOIN pg_namespace cn ON cn.oid = c.relnamespace
                 WHERE r.named = t.oid), '[]'::jsonb)
FROM named t JOIN pg_namespace n ON n.oid = t.typnamespace
