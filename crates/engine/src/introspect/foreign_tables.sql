SELECT f.ftrelid AS relation, s.srvname::text AS server, f.ftoptions AS options
FROM pg_foreign_table f
JOIN pg_foreign_server s ON s.oid = f.ftserver
