-- Columns of tables, views and composite types; of indexes those about which something was set.
-- A default has no columns in it. Deparsed without its table it costs a ninth, and waits for nobody who holds
-- the table.
SELECT
    a.attrelid AS relation,
    a.attnum AS number,
    a.attname::text AS name,
    a.atttypid AS type,
    CASE WHEN a.atttypmod >= 0 THEN format_type(a.atttypid, a.atttypmod) END AS modified,
    a.attcollation AS collation,
    a.attnotnull AS not_null,
    a.attidentity AS identity,
    a.attgenerated AS generated,
    a.attstorage AS storage,
    a.attcompression AS compression, -- from 14, else ''::"char" AS compression,
    NULLIF(a.attstattarget, -1)::int2 AS statistics_target,
    a.attoptions AS options,
    a.attfdwoptions AS foreign_options,
    a.attinhcount::int4 AS inherited_from,
    a.attislocal AS is_local,
    a.attacl::text[] AS acl,
    d.oid AS default_oid,
    pg_get_expr(d.adbin, CASE WHEN a.attgenerated = '' THEN 0 ELSE d.adrelid END) AS expression
FROM pg_class c
JOIN pg_attribute a ON a.attrelid = c.oid
LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum AND a.atthasdef
WHERE c.oid >= 16384 AND a.attnum > 0 AND NOT a.attisdropped
  AND (c.relkind IN ('r', 'p', 'f', 'v', 'm', 'c')
       OR c.relkind IN ('i', 'I') AND (a.attoptions IS NOT NULL OR a.attstattarget >= 0))
