SELECT
    k.oid,
    k.conname::text AS name,
    k.conrelid AS relation,
    k.contypid AS domain,
    k.contype AS kind,
    k.conindid AS index,
    k.condeferrable AS is_deferrable,
    k.condeferred AS is_deferred,
    k.convalidated AS is_validated,
    k.conenforced AS is_enforced, -- from 18, else true AS is_enforced,
    k.connoinherit AS no_inherit,
    k.coninhcount::int4 AS inherited_from,
    k.conislocal AS is_local,
    k.conparentid AS parent,
    k.conkey AS columns,
    k.confrelid AS referenced,
    k.confkey AS referenced_columns,
    k.confupdtype AS on_update,
    k.confdeltype AS on_delete,
    k.confmatchtype AS match,
    k.confdelsetcols AS on_delete_columns, -- from 15, else NULL::int2[] AS on_delete_columns,
    k.conperiod AS period, -- from 18, else false AS period,
    k.conexclop::regoperator[]::text[] AS operators,
    pg_get_expr(k.conbin, k.conrelid) AS expression
FROM pg_constraint k
WHERE k.oid >= 16384
ORDER BY k.oid
