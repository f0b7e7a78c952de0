-- What oids are called, for everything that is referred to and is not an object of the catalog itself.
SELECT 'namespace' AS kind, oid, 0::oid AS namespace, nspname::text AS name, false AS usual FROM pg_namespace
UNION ALL SELECT 'role', oid, 0, rolname::text, false FROM pg_roles
UNION ALL SELECT 'access method', oid, 0, amname::text, false FROM pg_am
UNION ALL SELECT 'tablespace', oid, 0, spcname::text, false FROM pg_tablespace
UNION ALL SELECT 'language', oid, 0, lanname::text, false FROM pg_language
UNION ALL SELECT 'collation', oid, collnamespace, collname::text, false FROM pg_collation
UNION ALL SELECT 'operator class', oid, opcnamespace, opcname::text, opcdefault FROM pg_opclass
