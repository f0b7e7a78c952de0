SELECT extname::text AS name, extversion AS version, extnamespace AS namespace, extrelocatable AS is_relocatable
FROM pg_extension
ORDER BY oid
