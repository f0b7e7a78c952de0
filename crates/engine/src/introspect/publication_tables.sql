SELECT
    p.prpubid AS publication,
    p.prrelid AS relation,
    p.prattrs::int2[] AS columns, -- from 15, else NULL::int2[] AS columns,
    pg_get_expr(p.prqual, p.prrelid) AS filter -- from 15, else NULL::text AS filter
FROM pg_publication_rel p
