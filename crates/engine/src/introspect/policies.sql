SELECT
    o.oid,
    o.polname::text AS name,
    o.polrelid AS relation,
    o.polcmd AS command,
    o.polpermissive AS is_permissive,
    o.polroles AS roles,
    pg_get_expr(o.polqual, o.polrelid) AS using_expression,
    pg_get_expr(o.polwithcheck, o.polrelid) AS check_expression
FROM pg_policy o
ORDER BY o.oid
