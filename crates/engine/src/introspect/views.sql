-- The deparse of a view, of a rule and of a function whose body is parsed keeps its locks, ACCESS SHARE on
-- what they read, until the transaction ends; no other does. So they are the last queries.
SELECT c.oid AS relation, pg_get_viewdef(c.oid) AS definition
FROM pg_class c
WHERE c.oid >= 16384 AND c.relkind IN ('v', 'm')
