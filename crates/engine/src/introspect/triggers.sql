-- Those that somebody made, their copies on partitions, which some versions mark as internal, and the
-- internal ones that do not fire as usual: then a foreign key is not enforced.
SELECT
    g.oid,
    g.tgrelid AS relation,
    g.tgname::text AS name,
    g.tgtype AS bits,
    g.tgenabled AS fires,
    g.tgparentid <> 0 AS is_inherited,
    g.tgconstraint AS "constraint",
    g.tgisinternal AND (g.tgparentid = 0 OR g.tgconstraint <> 0) AS is_internal,
    g.tgattr::int2[] AS columns,
    p.proname::text AS function,
    p.pronamespace AS function_namespace,
    CASE WHEN NOT g.tgisinternal OR g.tgconstraint = 0 THEN pg_get_triggerdef(g.oid) END AS definition
FROM pg_trigger g
JOIN pg_proc p ON p.oid = g.tgfoid
WHERE g.tgrelid >= 16384
  AND (NOT g.tgisinternal OR g.tgenabled <> 'O' OR g.tgparentid <> 0 AND g.tgconstraint = 0)
ORDER BY g.oid
