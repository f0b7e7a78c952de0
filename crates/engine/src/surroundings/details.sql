-- Columns, constraints and indexes of tables, a row for each. $1: their oids.
SELECT n.nspname::text, c.relname::text, jsonb_build_object(
    'columns', (SELECT jsonb_agg(jsonb_build_object(
                    'name', a.attname, 'type', format_type(a.atttypid, a.atttypmod),
                    'type_name', (SELECT jsonb_build_array(tn.nspname, e.typname) FROM pg_type t
                                  JOIN pg_type e ON e.oid = CASE WHEN t.typcategory = 'A' AND t.typelem <> 0 THEN t.typelem ELSE t.oid END
                                  JOIN pg_namespace tn ON tn.oid = e.typnamespace
                                  WHERE t.oid = a.atttypid AND tn.nspname <> 'pg_catalog'),
                    'not_null', a.attnotnull, 'has_default', a.atthasdef OR a.attidentity <> '') ORDER BY a.attnum)
                FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
    'primary_key', (SELECT jsonb_agg(a.attname ORDER BY k.ordinal)
                    FROM pg_index i CROSS JOIN LATERAL unnest(i.indkey::smallint[]) WITH ORDINALITY AS k(attnum, ordinal)
                    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum
                    WHERE i.indrelid = c.oid AND i.indisprimary AND i.indisvalid AND k.ordinal <= i.indnkeyatts),
    'constraints', (SELECT jsonb_agg(jsonb_build_object(
                        'name', k.conname, 'kind', k.contype, 'validated', k.convalidated,
                        'columns', (SELECT jsonb_agg(a.attname ORDER BY w.ordinal)
                                    FROM unnest(k.conkey) WITH ORDINALITY AS w(attnum, ordinal)
                                    JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = w.attnum),
                        'referenced', (SELECT jsonb_build_array(fn.nspname, f.relname) FROM pg_class f
                                       JOIN pg_namespace fn ON fn.oid = f.relnamespace WHERE f.oid = k.confrelid),
                        'on_delete', CASE WHEN k.contype = 'f' THEN k.confdeltype END,
                        'check', CASE WHEN k.contype = 'c' THEN pg_get_expr(k.conbin, k.conrelid) END) ORDER BY k.conname)
                    FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype <> 't'),
    'partition_of', (SELECT jsonb_build_array(pn.nspname, p.relname) FROM pg_inherits h
                     JOIN pg_class p ON p.oid = h.inhparent JOIN pg_namespace pn ON pn.oid = p.relnamespace
                     WHERE h.inhrelid = c.oid AND c.relispartition),
    'descendants', (WITH RECURSIVE below(oid) AS (
                        SELECT inhrelid FROM pg_inherits WHERE inhparent = c.oid
                        UNION SELECT h.inhrelid FROM pg_inherits h JOIN below b ON b.oid = h.inhparent)
                    SELECT jsonb_agg(jsonb_build_array(dn.nspname, d.relname) ORDER BY dn.nspname, d.relname)
                    FROM below JOIN pg_class d USING (oid) JOIN pg_namespace dn ON dn.oid = d.relnamespace),
    'referenced_by', (SELECT jsonb_agg(DISTINCT jsonb_build_array(rn.nspname, r.relname))
                      FROM pg_constraint k JOIN pg_class r ON r.oid = k.conrelid
                      JOIN pg_namespace rn ON rn.oid = r.relnamespace
                      WHERE k.confrelid = c.oid AND k.contype = 'f' AND k.conrelid <> c.oid),
    'indexes', (SELECT jsonb_agg(jsonb_build_object(
                    'name', jsonb_build_array(xn.nspname, x.relname), 'unique', i.indisunique, 'primary', i.indisprimary,
                    'constraint', (SELECT k.conname FROM pg_constraint k
                                   WHERE k.conindid = x.oid AND k.contype IN ('p', 'u', 'x') LIMIT 1),
                    'columns', (SELECT jsonb_agg(a.attname ORDER BY w.ordinal)
                                FROM unnest(i.indkey::smallint[]) WITH ORDINALITY AS w(attnum, ordinal)
                                LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = w.attnum AND w.attnum > 0
                                WHERE w.ordinal <= i.indnkeyatts),
                    'partial', i.indpred IS NOT NULL, 'valid', i.indisvalid, 'partitioned', x.relkind = 'I')
                    ORDER BY x.relname)
                FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_namespace xn ON xn.oid = x.relnamespace
                WHERE i.indrelid = c.oid))
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.oid = ANY ($1::oid[])
