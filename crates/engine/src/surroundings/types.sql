-- Types that are not built in, and the tables with a column of them, of an array of them, or of a
-- domain over them. $1: names of types.
WITH RECURSIVE named AS MATERIALIZED (
    SELECT DISTINCT t.oid, t.typname, t.typnamespace, t.typtype, t.typnotnull
    FROM unnest($1::text[]) AS w(name) JOIN pg_type t ON t.oid = to_regtype(w.name)
    JOIN pg_namespace n ON n.oid = t.typnamespace
    WHERE n.nspname NOT IN ('pg_catalog', 'information_schema')
), reach(named, type) AS (
    SELECT oid, oid FROM named
    UNION
    SELECT r.named, t.oid FROM reach r CROSS JOIN LATERAL (
        SELECT b.oid FROM pg_type b WHERE b.typtype = 'd' AND b.typbasetype = r.type
        UNION ALL SELECT e.typarray FROM pg_type e WHERE e.oid = r.type AND e.typarray <> 0
    ) t
), used AS MATERIALIZED (
    -- No index finds columns by type, so they are read once for all types and not once for each.
    SELECT r.named, a.attrelid FROM pg_attribute a JOIN reach r ON r.type = a.atttypid
    WHERE a.attnum > 0 AND NOT a.attisdropped AND a.atttypid = ANY (ARRAY(SELECT type FROM reach))
)
SELECT n.nspname::text, t.typname::text,
       t.typtype = 'd' AND (t.typnotnull OR EXISTS (SELECT FROM pg_constraint k WHERE k.contypid = t.oid)),
       coalesce((SELECT jsonb_agg(DISTINCT jsonb_build_array(cn.nspname, c.relname))
                 FROM used u JOIN pg_class c ON c.oid = u.attrelid AND c.relkind IN ('r', 'p', 'm')
                 JOIN pg_namespace cn ON cn.oid = c.relnamespace
                 WHERE u.named = t.oid), '[]'::jsonb)
FROM named t JOIN pg_namespace n ON n.oid = t.typnamespace
