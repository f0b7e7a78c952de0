SELECT
    d.defaclrole AS role,
    d.defaclnamespace AS namespace,
    d.defaclobjtype AS kind,
    d.defaclacl::text[] AS acl
FROM pg_default_acl d
ORDER BY d.oid
