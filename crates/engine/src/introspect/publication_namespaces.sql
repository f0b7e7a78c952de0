-- PostgreSQL 15 and later.
SELECT pnpubid AS publication, pnnspid AS namespace
FROM pg_publication_namespace
