-- Tables, views, sequences, composite types and indexes; TOAST tables when they have options.
-- Oids from 16384 on are those of objects that somebody made.
SELECT
    c.oid,
    c.relname::text AS name,
    c.relnamespace AS namespace,
    c.relkind AS kind,
    c.relpersistence AS persistence,
    c.relowner AS owner,
    c.relacl::text[] AS acl,
    c.relam AS method,
    c.reltablespace AS tablespace,
    c.reloptions AS options,
    c.reltoastrelid AS toast,
    c.reltype AS row_type,
    c.reloftype AS of_type,
    c.relrowsecurity AS row_security,
    c.relforcerowsecurity AS force_row_security,
    c.relreplident AS replica_identity,
    c.relispopulated AS populated,
    c.relispartition AS is_partition,
    CASE WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid) END AS partition_key,
    pg_get_expr(c.relpartbound, c.oid) AS partition_bound
FROM pg_class c
WHERE c.oid >= 16384 AND (c.relkind <> 't' OR c.reloptions IS NOT NULL)
