-- The journal, version 1. Everything that underpin remembers, in the database that it describes, so
-- that it goes back in time with the data. Dropping the schema loses the audit and nothing else.
CREATE SCHEMA IF NOT EXISTS underpin;

CREATE TABLE IF NOT EXISTS underpin.meta (
    version     integer     NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Who runs. A transaction of ours holds its row FOR SHARE; whoever takes over raises the epoch, so
-- it either waits for that transaction or the transaction finds itself fenced.
CREATE TABLE IF NOT EXISTS underpin.lease (
    scope       text        PRIMARY KEY,
    epoch       bigint      NOT NULL,
    run         uuid        NOT NULL,
    taken_at    timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- A migration as we executed it; id is that of its row in _prisma_migrations.
CREATE TABLE IF NOT EXISTS underpin.migration (
    id          varchar(36) PRIMARY KEY,
    scope       text        NOT NULL,
    name        text        NOT NULL,
    checksum    varchar(64) NOT NULL,
    run         uuid        NOT NULL,
    epoch       bigint      NOT NULL,
    tool        text        NOT NULL,
    mode        text        NOT NULL CHECK (mode IN ('as_written', 'online')),
    state       text        NOT NULL CHECK (state IN ('running', 'applied', 'failed', 'reverted', 'marked')),
    started_at  timestamptz NOT NULL,
    finished_at timestamptz,
    plan        jsonb,
    sqlstate    text,
    error       text
);
COMMENT ON COLUMN underpin.migration.plan IS 'the steps of a migration that takes more than one transaction, as they were decided';
CREATE INDEX IF NOT EXISTS migration_by_name ON underpin.migration (scope, name);

-- A step. 'intent' is written before a statement that cannot run in a transaction; a transactional
-- step has its row in its own transaction and is never in doubt.
CREATE TABLE IF NOT EXISTS underpin.step (
    migration   varchar(36) NOT NULL REFERENCES underpin.migration ON DELETE CASCADE,
    id          text        NOT NULL,
    ordinal     integer     NOT NULL,
    intent      text        NOT NULL,
    sql         text        NOT NULL,
    state       text        NOT NULL CHECK (state IN ('intent', 'applied', 'failed')),
    attempts    integer     NOT NULL DEFAULT 1,
    cursor      jsonb,
    epoch       bigint      NOT NULL,
    started_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at timestamptz,
    PRIMARY KEY (migration, id)
);
