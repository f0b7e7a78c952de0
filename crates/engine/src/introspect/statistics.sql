SELECT
    s.oid,
    s.stxname::text AS name,
    s.stxnamespace AS namespace,
    s.stxrelid AS relation,
    s.stxowner AS owner,
    NULLIF(s.stxstattarget, -1)::int2 AS target,
    pg_get_statisticsobjdef(s.oid) AS definition
FROM pg_statistic_ext s
ORDER BY s.oid
