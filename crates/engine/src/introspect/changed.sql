-- Whether a catalog that the deparse functions look at was changed by a transaction that the snapshot does not
-- see. xmin is the lower half of a transaction's number; the upper half is that of the present.
-- Temporary objects come and go all the time and are nobody's business.
--
-- $1: the snapshot.
WITH
read AS (SELECT $1::text::pg_snapshot AS snapshot),
span AS (
    SELECT snapshot,
           pg_snapshot_xmax(pg_current_snapshot())::text::int8 AS next,
           pg_snapshot_xmax(pg_current_snapshot())::text::int8 - pg_snapshot_xmin(snapshot)::text::int8 AS newer
    FROM read
),
changed AS (
    SELECT c.xmin AS by FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname !~ '^pg_'
    UNION ALL
    SELECT a.xmin FROM pg_attribute a
    JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname !~ '^pg_'
    UNION ALL
    SELECT t.xmin FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE n.nspname !~ '^pg_'
    UNION ALL
    SELECT n.xmin FROM pg_namespace n WHERE n.nspname !~ '^pg_'
    UNION ALL
    SELECT xmin FROM pg_constraint
    UNION ALL
    SELECT xmin FROM pg_proc
    UNION ALL
    SELECT xmin FROM pg_rewrite
)
SELECT newer > 0 AND EXISTS (
    SELECT FROM changed
    WHERE (next - by::text::int8) & 4294967295 BETWEEN 1 AND newer
      AND NOT pg_visible_in_snapshot((next - ((next - by::text::int8) & 4294967295))::text::xid8, snapshot))
FROM span
