-- Every object of the current database that is neither PostgreSQL's own, nor an extension's, nor
-- ours, as (kind, identity, attributes). Attributes are what PostgreSQL itself deparses; oids,
-- statistics and physical layout are left out. Columns are ranked, so that dropped ones leave no
-- trace.
--
-- $1: names of namespaces that are left out.
WITH
namespace AS (
    SELECT n.oid, quote_ident(n.nspname) AS name, n.nspname, n.nspowner, n.nspacl
    FROM pg_namespace n
    WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND n.nspname <> ALL ($1::text[])
      AND NOT EXISTS (SELECT FROM pg_depend d
                      WHERE d.classid = 'pg_namespace'::regclass AND d.objid = n.oid AND d.deptype = 'e')
),
extension_member AS (
    SELECT classid, objid FROM pg_depend WHERE deptype = 'e'
),
relation AS (
    SELECT c.*, n.name || '.' || quote_ident(c.relname) AS identity
    FROM pg_class c JOIN namespace n ON n.oid = c.relnamespace
    WHERE NOT EXISTS (SELECT FROM extension_member m WHERE m.classid = 'pg_class'::regclass AND m.objid = c.oid)
),
base AS (SELECT * FROM relation WHERE relkind IN ('r', 'p', 'f', 'v', 'm', 'c'))

SELECT 'namespace' AS kind, n.name AS identity, jsonb_build_object(
    'acl', CASE WHEN n.nspname <> 'public' THEN n.nspacl::text END,
    'comment', obj_description(n.oid, 'pg_namespace')) AS attributes
FROM namespace n

UNION ALL
SELECT CASE c.relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'partitioned table' WHEN 'f' THEN 'foreign table'
                      WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' ELSE 'composite type' END,
       c.identity,
       jsonb_build_object(
    'persistence', c.relpersistence,
    'options', c.reloptions,
    'row_security', c.relrowsecurity,
    'force_row_security', c.relforcerowsecurity,
    'replica_identity', CASE WHEN c.relreplident = 'i' THEN (
        SELECT 'index ' || x.relname FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid
        WHERE i.indrelid = c.oid AND i.indisreplident) ELSE c.relreplident::text END,
    'partition_key', CASE WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid) END,
    'partition_bound', pg_get_expr(c.relpartbound, c.oid),
    'parents', (SELECT string_agg(i.inhparent::regclass::text, ', ' ORDER BY i.inhseqno)
                FROM pg_inherits i WHERE i.inhrelid = c.oid),
    'definition', CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END,
    'populated', CASE WHEN c.relkind = 'm' THEN c.relispopulated END,
    'owner', pg_get_userbyid(c.relowner),
    'acl', c.relacl::text,
    'tablespace', (SELECT spcname FROM pg_tablespace t WHERE t.oid = c.reltablespace),
    'comment', obj_description(c.oid, 'pg_class'))
FROM base c

UNION ALL
SELECT 'column', c.identity || '.' || quote_ident(a.attname), jsonb_build_object(
    'position', row_number() OVER (PARTITION BY a.attrelid ORDER BY a.attnum),
    'type', format_type(a.atttypid, a.atttypmod),
    'not_null', a.attnotnull,
    'default', pg_get_expr(d.adbin, d.adrelid),
    'identity', a.attidentity,
    'generated', a.attgenerated,
    'collation', CASE WHEN a.attcollation <> t.typcollation THEN a.attcollation::regcollation::text END,
    'storage', a.attstorage,
    'statistics', NULLIF(a.attstattarget, -1),
    'options', a.attoptions,
    'inherited', a.attinhcount,
    'acl', a.attacl::text,
    'comment', col_description(a.attrelid, a.attnum))
FROM base c
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum

UNION ALL
SELECT 'constraint',
       coalesce(c.identity, n.name || '.' || quote_ident(t.typname)) || '.' || quote_ident(k.conname),
       jsonb_build_object(
    'definition', pg_get_constraintdef(k.oid),
    'validated', k.convalidated,
    'deferrable', k.condeferrable,
    'deferred', k.condeferred,
    'no_inherit', k.connoinherit,
    'index', CASE WHEN k.contype IN ('p', 'u', 'x') THEN x.relname END,
    'comment', obj_description(k.oid, 'pg_constraint'))
FROM pg_constraint k
LEFT JOIN base c ON c.oid = k.conrelid
LEFT JOIN pg_type t ON t.oid = k.contypid
LEFT JOIN namespace n ON n.oid = t.typnamespace
LEFT JOIN pg_class x ON x.oid = k.conindid
WHERE (c.oid IS NOT NULL OR n.oid IS NOT NULL) AND k.contype <> 't'

UNION ALL
SELECT 'index', c.identity, jsonb_build_object(
    'definition', pg_get_indexdef(c.oid),
    'table', i.indrelid::regclass::text,
    'unique', i.indisunique,
    'primary', i.indisprimary,
    'immediate', i.indimmediate,
    'clustered', i.indisclustered,
    'valid', i.indisvalid,
    'ready', i.indisready,
    'live', i.indislive,
    'parent', (SELECT h.inhparent::regclass::text FROM pg_inherits h WHERE h.inhrelid = c.oid),
    'statistics', (SELECT jsonb_agg(a.attstattarget ORDER BY a.attnum) FROM pg_attribute a
                   WHERE a.attrelid = c.oid AND a.attstattarget >= 0),
    'tablespace', (SELECT spcname FROM pg_tablespace t WHERE t.oid = c.reltablespace),
    'comment', obj_description(c.oid, 'pg_class'))
FROM relation c JOIN pg_index i ON i.indexrelid = c.oid
WHERE c.relkind IN ('i', 'I') AND EXISTS (SELECT FROM base b WHERE b.oid = i.indrelid)

UNION ALL
SELECT 'sequence', c.identity, jsonb_build_object(
    'type', format_type(s.seqtypid, NULL),
    'start', s.seqstart, 'increment', s.seqincrement, 'min', s.seqmin, 'max', s.seqmax,
    'cache', s.seqcache, 'cycle', s.seqcycle,
    'persistence', c.relpersistence,
    'owner', pg_get_userbyid(c.relowner),
    'owned_by', (SELECT d.refobjid::regclass::text || '.' || quote_ident(a.attname)
                 FROM pg_depend d JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
                 WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('a', 'i')
                   AND d.refclassid = 'pg_class'::regclass),
    'acl', c.relacl::text,
    'comment', obj_description(c.oid, 'pg_class'))
FROM relation c JOIN pg_sequence s ON s.seqrelid = c.oid

UNION ALL
SELECT 'function', n.name || '.' || quote_ident(p.proname) || '(' || pg_get_function_identity_arguments(p.oid) || ')',
       jsonb_build_object(
    'definition', CASE WHEN p.prokind IN ('f', 'p', 'w') THEN pg_get_functiondef(p.oid)
                       ELSE 'aggregate ' || pg_get_function_result(p.oid) END,
    'owner', pg_get_userbyid(p.proowner),
    'acl', p.proacl::text,
    'comment', obj_description(p.oid, 'pg_proc'))
FROM pg_proc p JOIN namespace n ON n.oid = p.pronamespace
WHERE NOT EXISTS (SELECT FROM extension_member m WHERE m.classid = 'pg_proc'::regclass AND m.objid = p.oid)

UNION ALL
SELECT 'trigger', c.identity || '.' || quote_ident(g.tgname), jsonb_build_object(
    'definition', pg_get_triggerdef(g.oid),
    'enabled', g.tgenabled,
    'comment', obj_description(g.oid, 'pg_trigger'))
FROM pg_trigger g JOIN base c ON c.oid = g.tgrelid
WHERE NOT g.tgisinternal

UNION ALL
-- A foreign key is enforced by internal triggers, which can be disabled one by one.
SELECT 'constraint trigger', c.identity || '.' || quote_ident(k.conname) || '.' || p.proname || '.' || g.tgtype,
       jsonb_build_object('enabled', g.tgenabled)
FROM pg_trigger g JOIN base c ON c.oid = g.tgrelid
JOIN pg_constraint k ON k.oid = g.tgconstraint JOIN pg_proc p ON p.oid = g.tgfoid
WHERE g.tgisinternal AND g.tgenabled <> 'O'

UNION ALL
SELECT 'rule', c.identity || '.' || quote_ident(r.rulename), jsonb_build_object(
    'definition', pg_get_ruledef(r.oid), 'enabled', r.ev_enabled)
FROM pg_rewrite r JOIN base c ON c.oid = r.ev_class
WHERE r.rulename <> '_RETURN'

UNION ALL
SELECT 'policy', c.identity || '.' || quote_ident(o.polname), jsonb_build_object(
    'command', o.polcmd, 'permissive', o.polpermissive,
    'roles', (SELECT string_agg(CASE r WHEN 0 THEN 'public' ELSE pg_get_userbyid(r)::text END, ', ' ORDER BY r)
              FROM unnest(o.polroles) r),
    'using', pg_get_expr(o.polqual, o.polrelid),
    'check', pg_get_expr(o.polwithcheck, o.polrelid))
FROM pg_policy o JOIN base c ON c.oid = o.polrelid

UNION ALL
SELECT CASE t.typtype WHEN 'e' THEN 'enum' WHEN 'd' THEN 'domain' WHEN 'r' THEN 'range' ELSE 'type' END,
       n.name || '.' || quote_ident(t.typname),
       jsonb_build_object(
    'labels', (SELECT jsonb_agg(e.enumlabel ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = t.oid),
    'base', CASE WHEN t.typtype = 'd' THEN format_type(t.typbasetype, t.typtypmod) END,
    'not_null', t.typnotnull,
    'default', t.typdefault,
    'subtype', (SELECT format_type(r.rngsubtype, NULL) FROM pg_range r WHERE r.rngtypid = t.oid),
    'owner', pg_get_userbyid(t.typowner),
    'acl', t.typacl::text,
    'comment', obj_description(t.oid, 'pg_type'))
FROM pg_type t JOIN namespace n ON n.oid = t.typnamespace
WHERE t.typtype IN ('e', 'd', 'r', 'b') AND t.typelem = 0
  AND NOT EXISTS (SELECT FROM extension_member m WHERE m.classid = 'pg_type'::regclass AND m.objid = t.oid)

UNION ALL
SELECT 'extension', quote_ident(e.extname), jsonb_build_object(
    'version', e.extversion, 'namespace', e.extnamespace::regnamespace::text)
FROM pg_extension e

UNION ALL
SELECT 'statistics', n.name || '.' || quote_ident(s.stxname), jsonb_build_object(
    'definition', pg_get_statisticsobjdef(s.oid))
FROM pg_statistic_ext s JOIN namespace n ON n.oid = s.stxnamespace

UNION ALL
SELECT 'event trigger', quote_ident(v.evtname), jsonb_build_object(
    'event', v.evtevent, 'enabled', v.evtenabled, 'tags', v.evttags, 'function', v.evtfoid::regproc::text)
FROM pg_event_trigger v

UNION ALL
SELECT 'publication', quote_ident(b.pubname), jsonb_build_object(
    'all_tables', b.puballtables, 'insert', b.pubinsert, 'update', b.pubupdate, 'delete', b.pubdelete,
    'tables', (SELECT jsonb_agg(p.prrelid::regclass::text ORDER BY p.prrelid::regclass::text)
               FROM pg_publication_rel p WHERE p.prpubid = b.oid))
FROM pg_publication b

UNION ALL
SELECT 'default privileges',
       pg_get_userbyid(d.defaclrole) || '.' || coalesce(d.defaclnamespace::regnamespace::text, '') || '.' || d.defaclobjtype::text,
       jsonb_build_object('acl', d.defaclacl::text)
FROM pg_default_acl d WHERE d.defaclnamespace = 0 OR d.defaclnamespace IN (SELECT oid FROM namespace)

UNION ALL
-- Kinds without attributes of their own here: that they are there is all that is compared.
SELECT i.type, i.identity, '{}'::jsonb
FROM (
    SELECT 'pg_collation'::regclass AS class, oid, collnamespace AS within FROM pg_collation
    UNION ALL SELECT 'pg_operator'::regclass, oid, oprnamespace FROM pg_operator
    UNION ALL SELECT 'pg_opclass'::regclass, oid, opcnamespace FROM pg_opclass
    UNION ALL SELECT 'pg_opfamily'::regclass, oid, opfnamespace FROM pg_opfamily
    UNION ALL SELECT 'pg_conversion'::regclass, oid, connamespace FROM pg_conversion
    UNION ALL SELECT 'pg_ts_config'::regclass, oid, cfgnamespace FROM pg_ts_config
    UNION ALL SELECT 'pg_ts_dict'::regclass, oid, dictnamespace FROM pg_ts_dict
    UNION ALL SELECT 'pg_ts_parser'::regclass, oid, prsnamespace FROM pg_ts_parser
    UNION ALL SELECT 'pg_ts_template'::regclass, oid, tmplnamespace FROM pg_ts_template
) o
JOIN namespace n ON n.oid = o.within
CROSS JOIN LATERAL pg_identify_object(o.class, o.oid, 0) i
WHERE NOT EXISTS (SELECT FROM extension_member m WHERE m.classid = o.class AND m.objid = o.oid)
