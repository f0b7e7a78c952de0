SELECT
    p.oid,
    p.proname::text AS name,
    p.pronamespace AS namespace,
    p.prokind AS kind,
    p.prolang AS language,
    p.proargtypes::oid[] AS arguments,
    p.proowner AS owner,
    p.proacl::text[] AS acl,
    CASE WHEN p.prokind <> 'a' THEN pg_get_functiondef(p.oid) END AS definition
FROM pg_proc p
WHERE p.oid >= 16384
  AND NOT EXISTS (SELECT FROM pg_depend d
                  WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype IN ('e', 'i'))
ORDER BY p.oid
