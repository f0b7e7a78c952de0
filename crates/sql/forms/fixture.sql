-- The database that every form on these pages is executed on: a small shop, on PostgreSQL 14 to 18.
-- Tables have enough rows that a scan shows, and one of each thing that a statement can trip over.

CREATE ROLE shop_clerk;
CREATE SCHEMA archive;

CREATE TYPE order_status AS ENUM ('open', 'paid', 'shipped');
CREATE TYPE address AS (street text, city text);
CREATE DOMAIN positive AS integer CHECK (VALUE > 0);
CREATE DOMAIN remark AS text;
CREATE SEQUENCE invoice_number;

CREATE FUNCTION now_or_never() RETURNS integer LANGUAGE plpgsql VOLATILE AS 'BEGIN RETURN 1; END';
CREATE FUNCTION house_number() RETURNS integer LANGUAGE plpgsql STABLE AS 'BEGIN RETURN 1; END';
CREATE FUNCTION note_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE PROCEDURE tidy_up() LANGUAGE plpgsql AS 'BEGIN NULL; END';

-- Customers and their orders: keys, a view, a materialized view, a trigger.
CREATE TABLE customer (
  id integer PRIMARY KEY,
  email varchar(100) NOT NULL,
  nick text,
  city text DEFAULT 'Kiel',
  points integer NOT NULL DEFAULT 0,
  CONSTRAINT customer_email_key UNIQUE (email)
);
CREATE TABLE orders (
  id integer PRIMARY KEY,
  customer_id integer REFERENCES customer (id),
  status order_status NOT NULL DEFAULT 'open',
  total integer,
  placed timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE order_line (
  id integer PRIMARY KEY,
  order_id integer NOT NULL REFERENCES orders (id),
  product_id integer,
  pieces integer CHECK (pieces IS NOT NULL),
  discount integer
);
CREATE VIEW open_orders AS SELECT id, status, total FROM orders WHERE status = 'open';
CREATE MATERIALIZED VIEW turnover AS SELECT customer_id, sum(total) AS total FROM orders GROUP BY customer_id;
CREATE UNIQUE INDEX turnover_customer_idx ON turnover (customer_id);
CREATE TRIGGER orders_noted BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION note_change();

INSERT INTO customer (id, email, nick) SELECT n, 'c' || n || '@shop.example', 'n' || n FROM generate_series(1, 500) n;
INSERT INTO orders (id, customer_id, total) SELECT n, 1 + n % 500, n FROM generate_series(1, 1000) n;
INSERT INTO order_line (id, order_id, product_id, pieces, discount)
  SELECT n, 1 + n % 1000, 1 + n % 1000, 1, n FROM generate_series(1, 2000) n;
REFRESH MATERIALIZED VIEW turnover;

-- A product has a column of every type whose change is observed.
CREATE TABLE product (
  id integer PRIMARY KEY,
  code varchar(50), title text, label varchar,
  shelf smallint, stock integer, sold bigint,
  price numeric(10,2), weight numeric, factor real,
  made timestamp, made3 timestamp(3), seen timestamptz, seen3 timestamptz(3),
  day date, opens time(3), lasts interval(3),
  grade char(10), flags bit(5), mask varbit(10),
  extra json, detail jsonb, sheet xml,
  tags text[], short_tags varchar(20)[],
  network cidr, host inet, token uuid, picture bytea, available boolean,
  status order_status, status_word text,
  hint remark
);
CREATE INDEX product_code_idx ON product (code);
INSERT INTO product
  SELECT n, 'p' || n, 't' || n, 'l' || n, 1, n, n, 1.25, 1.5, 0.5,
    '2024-01-01', '2024-01-01', '2024-01-01', '2024-01-01', '2024-01-01', '08:00', '1 day',
    'a', B'10101', B'101', '{}', '{}', '<a/>', '{a}', '{a}',
    '10.0.0.0/8', '10.0.0.1', md5(n::text)::uuid, '\x00', true, 'open', 'open', 'h'
  FROM generate_series(1, 1000) n;
ALTER TABLE order_line ADD CONSTRAINT order_line_product_fkey
  FOREIGN KEY (product_id) REFERENCES product (id) NOT VALID;
ALTER TABLE order_line ADD CONSTRAINT order_line_discount_check CHECK (discount > 0) NOT VALID;

-- Words: a column in a check, in an index on an expression, in the predicate of a partial index, in a
-- generated column, in a key that is referenced.
CREATE TABLE word_checked (id integer PRIMARY KEY, word varchar(20) CHECK (word <> ''));
CREATE TABLE word_folded (id integer PRIMARY KEY, word varchar(20));
CREATE INDEX word_folded_idx ON word_folded (lower(word));
CREATE TABLE word_partial (id integer PRIMARY KEY, word varchar(20));
CREATE INDEX word_partial_idx ON word_partial (id) WHERE word = 'w1';
CREATE TABLE word_derived (id integer PRIMARY KEY, word varchar(20), folded text GENERATED ALWAYS AS (lower(word)) STORED);
CREATE TABLE word_key (word varchar(20) PRIMARY KEY);
CREATE TABLE word_use (id integer PRIMARY KEY, word varchar(20) REFERENCES word_key (word));
INSERT INTO word_checked SELECT n, 'w' || n FROM generate_series(1, 200) n;
INSERT INTO word_folded SELECT n, 'w' || n FROM generate_series(1, 200) n;
INSERT INTO word_partial SELECT n, 'w' || n FROM generate_series(1, 200) n;
INSERT INTO word_derived (id, word) SELECT n, 'w' || n FROM generate_series(1, 200) n;
INSERT INTO word_key SELECT 'w' || n FROM generate_series(1, 200) n;
INSERT INTO word_use SELECT n, 'w' || n FROM generate_series(1, 200) n;

-- Tables without a primary key: nothing but rows, a unique index, a unique index with and without proof.
CREATE TABLE review (id integer, product_id integer, stars integer, body text);
CREATE TABLE coupon (id integer NOT NULL, value integer);
CREATE UNIQUE INDEX coupon_id_idx ON coupon (id);
CREATE TABLE voucher (id integer, value integer);
CREATE UNIQUE INDEX voucher_id_idx ON voucher (id);
CREATE TABLE receipt (id integer CHECK (id IS NOT NULL), value integer);
CREATE UNIQUE INDEX receipt_id_idx ON receipt (id);
CREATE UNLOGGED TABLE basket (id integer, product_id integer);
CREATE TABLE wish (id integer, product_id integer);
INSERT INTO review SELECT n, n, n % 5, 'b' FROM generate_series(1, 1000) n;
INSERT INTO coupon SELECT n, n FROM generate_series(1, 500) n;
INSERT INTO voucher SELECT n, n FROM generate_series(1, 500) n;
INSERT INTO receipt SELECT n, n FROM generate_series(1, 500) n;
INSERT INTO basket SELECT n, n FROM generate_series(1, 500) n;

-- Identity, serial, generated columns.
CREATE TABLE ticket (
  id integer GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  number serial,
  width integer NOT NULL,
  area integer GENERATED ALWAYS AS (width * width) STORED
);
INSERT INTO ticket (width) SELECT n FROM generate_series(1, 500) n;

-- Domains in use.
CREATE TABLE opinion (id integer PRIMARY KEY, said remark, stars positive);
INSERT INTO opinion SELECT n, 's', 1 + n % 5 FROM generate_series(1, 300) n;
ALTER DOMAIN remark ADD CONSTRAINT remark_short CHECK (length(VALUE) < 1000) NOT VALID;

-- Partitions: by year with an index on all, by country with a default, and one that is referenced.
CREATE TABLE event (id integer, year integer NOT NULL, kind text) PARTITION BY RANGE (year);
CREATE TABLE event_2024 PARTITION OF event FOR VALUES FROM (2024) TO (2025);
CREATE TABLE event_2025 PARTITION OF event FOR VALUES FROM (2025) TO (2026);
CREATE INDEX event_kind_idx ON event (kind);
CREATE TABLE event_2026 (id integer, year integer NOT NULL, kind text);
CREATE TABLE event_2027 (id integer, year integer NOT NULL, kind text, CHECK (year >= 2027 AND year < 2028));
CREATE INDEX event_2027_kind_idx ON event_2027 (kind);
INSERT INTO event SELECT n, 2024 + n % 2, 'k' || n FROM generate_series(1, 1000) n;
INSERT INTO event_2026 SELECT n, 2026, 'k' || n FROM generate_series(1, 500) n;
INSERT INTO event_2027 SELECT n, 2027, 'k' || n FROM generate_series(1, 500) n;
CREATE TABLE depot (id integer, country text NOT NULL) PARTITION BY LIST (country);
CREATE TABLE depot_de PARTITION OF depot FOR VALUES IN ('de');
CREATE TABLE depot_rest PARTITION OF depot DEFAULT;
CREATE TABLE depot_fr (id integer, country text NOT NULL CHECK (country = 'fr'));
INSERT INTO depot SELECT n, CASE n % 2 WHEN 0 THEN 'de' ELSE 'at' END FROM generate_series(1, 600) n;
CREATE TABLE account (id integer PRIMARY KEY) PARTITION BY RANGE (id);
CREATE TABLE account_low PARTITION OF account FOR VALUES FROM (0) TO (10000);
INSERT INTO account SELECT n FROM generate_series(1, 1000) n;
CREATE TABLE booking (id integer PRIMARY KEY, account_id integer REFERENCES account (id));
INSERT INTO booking SELECT n, n FROM generate_series(1, 1000) n;

-- Inheritance.
CREATE TABLE person (id integer, name text);
CREATE TABLE employee (salary integer) INHERITS (person);
CREATE TABLE applicant (id integer, name text);
INSERT INTO person SELECT n, 'n' FROM generate_series(1, 300) n;
INSERT INTO employee SELECT n, 'n', n FROM generate_series(1, 300) n;

-- Row security, rules, publications, statistics, a column of a table's row type.
CREATE TABLE diary (id integer PRIMARY KEY, owner text, body text);
ALTER TABLE diary ENABLE ROW LEVEL SECURITY;
CREATE POLICY diary_own ON diary USING (owner = current_user);
CREATE TABLE inbox (id integer PRIMARY KEY, body text);
CREATE RULE inbox_kept AS ON DELETE TO inbox DO INSTEAD NOTHING;
INSERT INTO diary SELECT n, 'o', 'b' FROM generate_series(1, 300) n;
INSERT INTO inbox SELECT n, 'b' FROM generate_series(1, 300) n;
CREATE PUBLICATION feed FOR TABLE customer;
CREATE STATISTICS event_stat ON id, year FROM event;
CREATE TABLE parcel (id integer PRIMARY KEY, weight integer, size text);
CREATE TABLE parcel_log (id integer PRIMARY KEY, state parcel);
INSERT INTO parcel SELECT n, n, 's' FROM generate_series(1, 3000) n;
CREATE TABLE archive.old_orders (id integer PRIMARY KEY, total integer);
INSERT INTO archive.old_orders SELECT n, n FROM generate_series(1, 300) n;
