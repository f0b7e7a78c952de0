-- Drops what cases leave behind. The namespace public stays, because a new one has other privileges.
SET client_min_messages = warning;
DO $$
DECLARE
    statement text;
BEGIN
    FOR statement IN
        SELECT format('DROP EVENT TRIGGER %I', evtname) FROM pg_event_trigger
        UNION ALL
        SELECT format('DROP PUBLICATION %I', pubname) FROM pg_publication
        UNION ALL
        SELECT format('DROP EXTENSION %I CASCADE', extname) FROM pg_extension WHERE extname <> 'plpgsql'
        UNION ALL
        SELECT format('DROP SCHEMA %I CASCADE', nspname) FROM pg_namespace
        WHERE nspname !~ '^pg_' AND nspname NOT IN ('public', 'information_schema')
    LOOP
        EXECUTE statement;
    END LOOP;
    LOOP
        SELECT format('DROP %s public.%I CASCADE', CASE relkind
            WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'S' THEN 'SEQUENCE'
            WHEN 'f' THEN 'FOREIGN TABLE' WHEN 'c' THEN 'TYPE' ELSE 'TABLE' END, relname)
        INTO statement
        FROM pg_class c
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'S', 'f', 'c')
        LIMIT 1;
        EXIT WHEN statement IS NULL;
        EXECUTE statement;
    END LOOP;
    LOOP
        SELECT format('DROP ROUTINE %s CASCADE', oid::regprocedure) INTO statement
        FROM pg_proc p
        WHERE pronamespace = 'public'::regnamespace
          AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'i')
        LIMIT 1;
        EXIT WHEN statement IS NULL;
        EXECUTE statement;
    END LOOP;
    LOOP
        SELECT format('DROP TYPE public.%I CASCADE', typname) INTO statement
        FROM pg_type t
        WHERE typnamespace = 'public'::regnamespace AND typtype IN ('e', 'd', 'r')
        LIMIT 1;
        EXIT WHEN statement IS NULL;
        EXECUTE statement;
    END LOOP;
END
$$;
RESET client_min_messages;
