-- Fifty enums.
DO $$ BEGIN
    FOR n IN 1..50 LOOP
        EXECUTE format('CREATE TYPE kind_%s AS ENUM (%L, %L, %L)', n, 'new', 'open', 'done');
    END LOOP;
END $$
