-- Functions that are not built in, all of one name together, and the tables whose triggers call them.
-- $1: their namespaces, NULL for those of the search path. $2: their names.
WITH named AS (
    SELECT DISTINCT p.oid, n.nspname, p.proname, p.provolatile
    FROM unnest($1::text[], $2::text[]) AS w(namespace, name)
    JOIN pg_catalog.pg_proc p ON p.proname = w.name
    JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
     AND (n.nspname = w.namespace OR w.namespace IS NULL AND n.nspname = ANY (current_schemas(false)))
    WHERE n.nspname NOT IN ('pg_catalog', 'information_schema')
), called AS MATERIALIZED (
    -- No index finds triggers by function, so they are read once for all functions and not once for each.
    SELECT t.tgfoid, t.tgrelid FROM pg_catalog.pg_trigger t
    WHERE NOT t.tgisinternal AND t.tgfoid = ANY (ARRAY(SELECT oid FROM named))
)
SELECT n.nspname::text, n.proname::text,
       CASE WHEN bool_or(n.provolatile = 'v') THEN 'v' WHEN bool_or(n.provolatile = 's') THEN 's' ELSE 'i' END,
       coalesce(jsonb_agg(DISTINCT jsonb_build_array(cn.nspname, c.relname)) FILTER (WHERE c.oid IS NOT NULL), '[]'::jsonb)
FROM named n LEFT JOIN called t ON t.tgfoid = n.oid
LEFT JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid LEFT JOIN pg_catalog.pg_namespace cn ON cn.oid = c.relnamespace
GROUP BY n.nspname, n.proname
