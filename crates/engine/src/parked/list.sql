-- What is put away and still there: what was taken back by hand is none of it.
SELECT r.name, r.kind, r.origin, r.part, r.migration, r.parked_at, r.parked_by,
    coalesce(pg_total_relation_size(c.oid), 0) AS bytes,
    coalesce((
        SELECT array_agg(k.attname::text ORDER BY k.attnum)
        FROM pg_attribute k
        WHERE r.kind = 'column' AND k.attrelid = c.oid AND k.attnum > 0 AND NOT k.attisdropped AND k.attname <> r.part
    ), '{}') AS key,
    (
        SELECT format_type(a.atttypid, a.atttypmod)
        FROM pg_attribute a
        WHERE r.kind = 'column' AND a.attrelid = c.oid AND a.attname = r.part
    ) AS column_type,
    parse_ident(r.origin) AS was,
    -- What got another name on its way, because the same was there: i or S, and its name.
    coalesce((
        SELECT array_agg(x.relkind::text || x.relname ORDER BY x.relname)
        FROM pg_class x
        WHERE r.kind = 'table' AND x.relnamespace = c.relnamespace AND strpos(x.relname, '@') > 0
          AND (x.oid IN (SELECT i.indexrelid FROM pg_index i WHERE i.indrelid = c.oid)
            OR x.relkind = 'S' AND x.oid IN (
                SELECT d.objid FROM pg_depend d
                WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
                  AND d.refobjid = c.oid AND d.deptype IN ('a', 'i')))
    ), '{}') AS renamed
FROM underpin_parked.register r
LEFT JOIN pg_class c
    ON r.kind <> 'type' AND c.relname = r.name AND c.relnamespace = to_regnamespace('underpin_parked')::oid
LEFT JOIN pg_type t
    ON r.kind = 'type' AND t.typname = r.name AND t.typnamespace = to_regnamespace('underpin_parked')::oid
WHERE r.purged_at IS NULL AND (c.oid IS NOT NULL OR t.oid IS NOT NULL)
ORDER BY r.parked_at, r.name
