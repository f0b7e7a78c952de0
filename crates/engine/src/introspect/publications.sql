SELECT
    b.oid,
    b.pubname::text AS name,
    b.pubowner AS owner,
    b.puballtables AS all_tables,
    b.pubinsert AS is_insert,
    b.pubupdate AS is_update,
    b.pubdelete AS is_delete,
    b.pubtruncate AS is_truncate,
    b.pubviaroot AS via_root,
    b.pubgencols AS generated_columns -- from 18, else 'n'::"char" AS generated_columns
FROM pg_publication b
ORDER BY b.oid
