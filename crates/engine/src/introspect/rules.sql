-- The rule _RETURN is what makes a view; its text is the view's.
SELECT
    r.oid,
    r.rulename::text AS name,
    r.ev_class AS relation,
    r.ev_enabled AS fires,
    CASE WHEN r.rulename <> '_RETURN' THEN pg_get_ruledef(r.oid) END AS definition
FROM pg_rewrite r
WHERE r.ev_class >= 16384
ORDER BY r.oid
