-- How things differ from what phases have made: $1 kinds, $2 relations, types or namespaces, $3 names of a part of
-- them, $4 what else is said of it. Answers the place of each that differs, from 1, and how.
SELECT w.at::int, d.how
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) WITH ORDINALITY AS w(kind, relation, part, more, at)
LEFT JOIN pg_catalog.pg_attribute a
       ON w.kind IN ('column', 'not_null', 'default') AND a.attrelid = to_regclass(w.relation)
      AND a.attname = w.part::name AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_catalog.pg_constraint c
       ON w.kind = 'constraint' AND c.conrelid = to_regclass(w.relation) AND c.conname = w.part::name
LEFT JOIN pg_catalog.pg_index i ON w.kind = 'index' AND i.indexrelid = to_regclass(w.relation)
LEFT JOIN pg_catalog.pg_trigger t
       ON w.kind = 'trigger' AND t.tgrelid = to_regclass(w.relation) AND t.tgname = w.part::name AND NOT t.tgisinternal
CROSS JOIN LATERAL (SELECT CASE w.kind
  WHEN 'relation' THEN CASE WHEN to_regclass(w.relation) IS NULL THEN 'gone' END
  WHEN 'type' THEN CASE WHEN to_regtype(w.relation) IS NULL THEN 'gone' END
  WHEN 'value' THEN CASE WHEN NOT EXISTS (
         SELECT FROM pg_catalog.pg_enum e WHERE e.enumtypid = to_regtype(w.relation) AND e.enumlabel = w.part::name
       ) THEN 'gone' END
  WHEN 'column' THEN CASE WHEN a.attnum IS NULL THEN 'gone'
       -- NULL, and no difference, where the type has no such name.
       WHEN to_regtype(w.more) <> a.atttypid THEN 'another' END
  -- Of a column that is gone enough is said.
  WHEN 'not_null' THEN CASE WHEN a.attnotnull::text <> w.more THEN 'turned' END
  WHEN 'default' THEN CASE WHEN (a.atthasdef OR a.attidentity <> '')::text <> w.more THEN 'turned' END
  WHEN 'constraint' THEN CASE WHEN c.oid IS NULL THEN 'gone'
       WHEN w.more = 'true' AND NOT c.convalidated THEN 'idle' END
  WHEN 'index' THEN CASE WHEN i.indexrelid IS NULL THEN 'gone'
       WHEN NOT (i.indisvalid AND i.indisready) THEN 'idle' END
  -- D is switched off, R fires on replicas alone.
  WHEN 'trigger' THEN CASE WHEN t.oid IS NULL THEN 'gone' WHEN t.tgenabled NOT IN ('O', 'A') THEN 'idle' END
  WHEN 'routine' THEN (
       SELECT CASE WHEN count(*) = 0 THEN 'gone'
                   -- The body of one that is written with RETURN is no text.
                   WHEN NOT bool_or(p.prosrc = '' OR strpos(w.more, p.prosrc) > 0) THEN 'another' END
       FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
       WHERE n.nspname = w.relation::name AND p.proname = w.part::name)
  END) AS d(how)
WHERE d.how IS NOT NULL
ORDER BY w.at
