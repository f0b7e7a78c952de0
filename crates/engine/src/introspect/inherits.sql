-- Of tables and of indexes.
SELECT inhrelid AS child, inhparent AS parent
FROM pg_inherits
WHERE inhrelid >= 16384
ORDER BY inhrelid, inhseqno
