-- Of objects that somebody made, and of the namespace that initdb made for everybody.
SELECT classoid AS class, objoid AS object, objsubid AS part, description AS text
FROM pg_description
WHERE objoid >= 16384 OR classoid = 'pg_namespace'::regclass
