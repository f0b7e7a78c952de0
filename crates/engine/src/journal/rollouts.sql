-- What versions 2 and 3 of the journal add: rollouts, and their phases that are held.

-- A rollout that has begun here: its phases as they were then, so that one that is missing or edited later is
-- noticed. Which of them are applied is Prisma's ledger's to say.
CREATE TABLE IF NOT EXISTS underpin.rollout (
    scope       text        NOT NULL,
    name        text        NOT NULL,
    folders     text[]      NOT NULL,
    checksums   text[]      NOT NULL,
    known_since timestamptz NOT NULL DEFAULT clock_timestamp(),
    calls       jsonb,
    quiet_since timestamptz,
    aborted_at  timestamptz,
    PRIMARY KEY (scope, name)
);
-- Since version 3: the same of the release that comes, for a rollout that is to be led back.
ALTER TABLE underpin.rollout ADD COLUMN IF NOT EXISTS new_calls jsonb, ADD COLUMN IF NOT EXISTS new_quiet_since timestamptz;
COMMENT ON COLUMN underpin.rollout.calls IS 'calls of the statements that name what goes, by queryid of pg_stat_statements';
COMMENT ON COLUMN underpin.rollout.quiet_since IS 'since when these calls have not changed';
COMMENT ON COLUMN underpin.rollout.new_calls IS 'calls of the statements that name what the rollout has made';

-- A phase that waits. The file's guard reads this table: keep its columns scope, migration, rollout and released_at.
CREATE TABLE IF NOT EXISTS underpin.hold (
    scope       text        NOT NULL,
    migration   text        NOT NULL,
    rollout     text        NOT NULL,
    held_since  timestamptz NOT NULL DEFAULT clock_timestamp(),
    released_at timestamptz,
    released_by text,
    reason      text,
    evidence    jsonb,
    PRIMARY KEY (scope, migration)
);
