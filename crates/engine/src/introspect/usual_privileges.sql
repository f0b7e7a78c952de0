-- What an access list says that says nothing, for each kind of object that has one, as if the role 10
-- owned it. That is the role that initdb made; there is always one, whatever its name is.
SELECT kind::text AS kind, acldefault(kind, 10)::text[] AS acl
FROM unnest(ARRAY['r', 's', 'f', 'n', 'T']::"char"[]) AS kind
