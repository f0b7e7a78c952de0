-- What belongs to another object, and which object uses which other. Members of an extension belong to
-- it, and the functions and casts that a range brings along to the range. That a table needs its namespace
-- says its name.
SELECT DISTINCT
    d.classid AS class,
    d.objid AS object,
    d.refclassid AS used_class,
    d.refobjid AS used,
    d.deptype <> 'n' AS is_member
FROM pg_depend d
WHERE d.deptype = 'e'
   OR d.deptype = 'i' AND d.classid IN ('pg_proc'::regclass, 'pg_cast'::regclass)
   OR d.deptype = 'n' AND d.objid >= 16384 AND d.refobjid >= 16384 AND d.refclassid <> 'pg_namespace'::regclass
