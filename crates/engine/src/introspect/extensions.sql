SELECT extname::text AS name, extversion AS version, extnamespace AS namespace
FROM pg_extension
ORDER BY oid
