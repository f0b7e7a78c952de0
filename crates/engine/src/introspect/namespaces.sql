SELECT n.oid, n.nspname::text AS name, n.nspowner AS owner, n.nspacl::text[] AS acl, p.initprivs::text[] AS initial
FROM pg_namespace n
LEFT JOIN pg_init_privs p ON p.classoid = 'pg_namespace'::regclass AND p.objoid = n.oid
WHERE n.oid >= 16384 OR n.nspname = 'public'
ORDER BY n.oid
