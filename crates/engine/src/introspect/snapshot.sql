-- What all other answers are of.
SELECT pg_current_snapshot()::text AS snapshot
