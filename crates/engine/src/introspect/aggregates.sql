-- There is no pg_get_functiondef of an aggregate. The names are those of CREATE AGGREGATE.
SELECT a.aggfnoid::oid AS oid, option.name, option.value
FROM pg_aggregate a
JOIN pg_proc p ON p.oid = a.aggfnoid
CROSS JOIN LATERAL (VALUES
    ('arguments', pg_get_function_arguments(p.oid)),
    ('result', pg_get_function_result(p.oid)),
    ('kind', CASE a.aggkind WHEN 'o' THEN 'ordered set' WHEN 'h' THEN 'hypothetical set' END),
    ('parallel', p.proparallel::text),
    ('sfunc', NULLIF(a.aggtransfn, 0)::regprocedure::text),
    ('stype', format_type(a.aggtranstype, NULL)),
    ('sspace', NULLIF(a.aggtransspace, 0)::text),
    ('initcond', a.agginitval),
    ('finalfunc', NULLIF(a.aggfinalfn, 0)::regprocedure::text),
    ('finalfunc_extra', NULLIF(a.aggfinalextra, false)::text),
    ('finalfunc_modify', a.aggfinalmodify::text),
    ('combinefunc', NULLIF(a.aggcombinefn, 0)::regprocedure::text),
    ('serialfunc', NULLIF(a.aggserialfn, 0)::regprocedure::text),
    ('deserialfunc', NULLIF(a.aggdeserialfn, 0)::regprocedure::text),
    ('msfunc', NULLIF(a.aggmtransfn, 0)::regprocedure::text),
    ('minvfunc', NULLIF(a.aggminvtransfn, 0)::regprocedure::text),
    ('mstype', CASE WHEN a.aggmtranstype <> 0 THEN format_type(a.aggmtranstype, NULL) END),
    ('msspace', NULLIF(a.aggmtransspace, 0)::text),
    ('minitcond', a.aggminitval),
    ('mfinalfunc', NULLIF(a.aggmfinalfn, 0)::regprocedure::text),
    ('mfinalfunc_extra', NULLIF(a.aggmfinalextra, false)::text),
    ('mfinalfunc_modify', CASE WHEN a.aggmtransfn <> 0 THEN a.aggmfinalmodify::text END),
    ('sortop', NULLIF(a.aggsortop, 0)::regoperator::text)
) AS option (name, value)
WHERE a.aggfnoid >= 16384 AND option.value IS NOT NULL
