-- Tables $FIRST to $LAST: ten columns, a primary key, a unique constraint, two indexes, a check, a foreign key
-- to the table before, a serial and an enum. Few at a time, for each takes a dozen locks until the end.
DO $$ BEGIN
    FOR n IN $FIRST..$LAST LOOP
        EXECUTE format($t$
            CREATE TABLE table_%1$s (
                id serial PRIMARY KEY,
                code varchar(40) NOT NULL UNIQUE,
                name text NOT NULL DEFAULT '',
                amount numeric(10,2) DEFAULT 0,
                kind kind_%2$s NOT NULL DEFAULT 'new',
                is_open boolean NOT NULL DEFAULT true,
                created_at timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
                updated_at timestamp(3),
                data jsonb,
                before_id integer%3$s,
                CONSTRAINT table_%1$s_amount CHECK (amount >= 0)
            );
            CREATE INDEX ON table_%1$s (kind, created_at);
            CREATE INDEX ON table_%1$s (before_id)
        $t$, n, 1 + n % 50, CASE WHEN n > 1 THEN format(' REFERENCES table_%s (id)', n - 1) ELSE '' END);
    END LOOP;
END $$
