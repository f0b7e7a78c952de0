SELECT
    s.seqrelid AS relation,
    s.seqtypid AS type,
    s.seqstart AS start,
    s.seqincrement AS increment,
    s.seqmin AS min,
    s.seqmax AS max,
    s.seqcache AS cache,
    s.seqcycle AS cycle,
    d.deptype = 'i' AS is_identity,
    d.refobjid AS owner_relation,
    d.refobjsubid AS owner_column
FROM pg_sequence s
LEFT JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = s.seqrelid AND d.objsubid = 0
    AND d.deptype IN ('a', 'i') AND d.refclassid = 'pg_class'::regclass
WHERE s.seqrelid >= 16384
