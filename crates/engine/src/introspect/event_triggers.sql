SELECT
    v.oid,
    v.evtname::text AS name,
    v.evtevent::text AS event,
    v.evtowner AS owner,
    v.evtenabled AS fires,
    v.evttags AS tags,
    p.proname::text AS function,
    p.pronamespace AS function_namespace
FROM pg_event_trigger v
JOIN pg_proc p ON p.oid = v.evtfoid
ORDER BY v.oid
