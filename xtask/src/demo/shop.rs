//! The shop: its rows, and its customers as Prisma Client sends them.

use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Error};
use underpin_testkit::load::Traffic;

pub(super) const CUSTOMERS: i32 = 100_000;
pub(super) const PRODUCTS: i32 = 20_000;
pub(super) const ORDERS: i32 = 1_500_000;
/// Two for each order.
const ITEMS: i32 = 2 * ORDERS;

/// The rows, by table. Identities come from the sequences, as an application's rows have them.
const ROWS: [(&str, &str, i32); 4] = [
    (
        "Customer",
        "INSERT INTO \"Customer\" (\"email\", \"name\", \"createdAt\")
         SELECT 'customer' || g || '@example.org', 'Customer ' || g, timestamp '2024-01-01' + g * interval '5 min'
         FROM generate_series(1, $1::int) g",
        CUSTOMERS,
    ),
    (
        "Product",
        "INSERT INTO \"Product\" (\"title\", \"priceCents\", \"stock\")
         SELECT 'Product ' || g, 100 + g * 37 % 20000, 100000 FROM generate_series(1, $1::int) g",
        PRODUCTS,
    ),
    (
        "Order",
        "INSERT INTO \"Order\" (\"customerId\", \"reference\", \"status\", \"channel\", \"totalCents\", \"createdAt\")
         SELECT 1 + g::bigint * 7919 % 100000, 'ORD-' || lpad(g::text, 9, '0'),
                (ARRAY['paid', 'shipped', 'delivered', 'delivered', 'delivered'])[1 + g % 5],
                (ARRAY['web', 'app', 'store'])[1 + g % 3], 500 + g * 13 % 50000,
                timestamp '2025-01-01' + g * interval '1 min'
         FROM generate_series(1, $1::int) g",
        ORDERS,
    ),
    (
        "OrderItem",
        "INSERT INTO \"OrderItem\" (\"orderId\", \"productId\", \"quantity\", \"priceCents\")
         SELECT 1 + (g - 1) / 2, 1 + g::bigint * 6007 % 20000, 1 + g % 3, 100 + g * 37 % 20000
         FROM generate_series(1, $1::int) g",
        ITEMS,
    ),
];

/// Fills the tables of the first migration, and leaves them vacuumed and analysed. Returns how many rows
/// there are.
pub(super) async fn seed(client: &Client) -> Result<i64, Error> {
    // The rows fit each other by construction; checking each reference again would double the time.
    client.batch_execute("SET session_replication_role = replica; SET synchronous_commit = off").await?;
    let mut rows = 0;
    for (table, insert, count) in ROWS {
        rows += client.execute(insert, &[&count]).await? as i64;
        client.batch_execute(&format!("VACUUM (ANALYZE, FREEZE) \"{table}\"")).await?;
    }
    client.batch_execute("CHECKPOINT").await?;
    Ok(rows)
}

/// Reads every table once, so that neither run meets a cold disk.
pub(super) async fn warm(client: &Client) -> Result<(), Error> {
    for (table, ..) in ROWS {
        client.query_one(&format!("SELECT count(*) FROM \"{table}\" t WHERE t IS NOT NULL"), &[]).await?;
    }
    client.batch_execute("CHECKPOINT").await
}

/// What the migration may change, as text: two databases with equal lines are equal for Prisma Client.
pub(super) async fn catalog(client: &Client) -> Result<Vec<String>, Error> {
    let lines = client.query(
        "SELECT 'column ' || attrelid::regclass || '.' || attname || ' ' || format_type(atttypid, atttypmod)
                || CASE WHEN attnotnull THEN ' not null' ELSE '' END
                || coalesce(' default ' || pg_get_expr(adbin, adrelid), '') AS line
         FROM pg_attribute
         JOIN pg_class ON pg_class.oid = attrelid AND relkind = 'r' AND relnamespace = 'public'::regnamespace
         LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
         WHERE attnum > 0 AND NOT attisdropped AND relname <> '_prisma_migrations'
         UNION ALL
         SELECT pg_get_indexdef(indexrelid) || CASE WHEN indisvalid THEN '' ELSE ' invalid' END
         FROM pg_index
         JOIN pg_class ON pg_class.oid = indrelid AND relnamespace = 'public'::regnamespace
         WHERE relname <> '_prisma_migrations'
         UNION ALL
         SELECT 'constraint ' || conrelid::regclass || '.' || conname || ' ' || pg_get_constraintdef(oid)
         FROM pg_constraint
         WHERE connamespace = 'public'::regnamespace AND conrelid <> coalesce(to_regclass('_prisma_migrations'), 0)
           -- From 18 on a NOT NULL is a constraint as well; the columns above tell of it on every major.
           AND contype <> 'n'
         ORDER BY line",
        &[],
    );
    Ok(lines.await?.iter().map(|row| row.get(0)).collect())
}

/// The shop's customers. What each does follows from the number of its request, so both runs ask the same.
pub(super) struct Customers;

/// Names every column, as Prisma Client does without a `select`.
pub(super) const ORDER: &str = "SELECT \"public\".\"Order\".\"id\", \"public\".\"Order\".\"customerId\", \
     \"public\".\"Order\".\"reference\", \"public\".\"Order\".\"status\", \"public\".\"Order\".\"channel\", \
     \"public\".\"Order\".\"totalCents\", \"public\".\"Order\".\"createdAt\" FROM \"public\".\"Order\"";

const ITEM: &str = "SELECT \"public\".\"OrderItem\".\"id\", \"public\".\"OrderItem\".\"orderId\", \
     \"public\".\"OrderItem\".\"productId\", \"public\".\"OrderItem\".\"quantity\", \
     \"public\".\"OrderItem\".\"priceCents\" FROM \"public\".\"OrderItem\"";

const PRODUCT: &str = "SELECT \"public\".\"Product\".\"id\", \"public\".\"Product\".\"title\", \
     \"public\".\"Product\".\"priceCents\", \"public\".\"Product\".\"stock\" FROM \"public\".\"Product\"";

impl Traffic for Customers {
    async fn request(&self, client: &mut Client, number: u64) -> Result<(), Error> {
        // Odd factors spread the numbers over the rows, without a generator's state to share.
        let spread = |factor: u64, limit: i32| 1 + (number.wrapping_mul(factor) >> 3) as i32 % limit;
        match number % 20 {
            0..8 => look_at_order(client, spread(2_654_435_761 % 1_000_003, ORDERS)).await,
            8..11 => look_at_product(client, spread(40_503, PRODUCTS)).await,
            11..14 => look_at_customer(client, spread(69_069, CUSTOMERS)).await,
            14..17 => change_order(client, spread(48_271, ORDERS)).await,
            _ => check_out(client, spread(69_621, CUSTOMERS), spread(16_807, PRODUCTS), number).await,
        }
    }
}

/// `order.findUnique({ include: { items: true } })`.
async fn look_at_order(client: &Client, order: i32) -> Result<(), Error> {
    let one = format!("{ORDER} WHERE (\"public\".\"Order\".\"id\" = $1 AND 1=1) LIMIT $2 OFFSET $3");
    ask(client, &one, &[(&order, Type::INT4), (&1_i64, Type::INT8), (&0_i64, Type::INT8)]).await?;
    let items = format!("{ITEM} WHERE \"public\".\"OrderItem\".\"orderId\" IN ($1) OFFSET $2");
    ask(client, &items, &[(&order, Type::INT4), (&0_i64, Type::INT8)]).await
}

/// `product.findUnique`.
pub(super) async fn look_at_product(client: &Client, product: i32) -> Result<(), Error> {
    let one = format!("{PRODUCT} WHERE (\"public\".\"Product\".\"id\" = $1 AND 1=1) LIMIT $2 OFFSET $3");
    ask(client, &one, &[(&product, Type::INT4), (&1_i64, Type::INT8), (&0_i64, Type::INT8)]).await
}

/// `order.findMany({ where: { customerId }, orderBy: { createdAt: 'desc' }, take: 10 })`.
async fn look_at_customer(client: &Client, customer: i32) -> Result<(), Error> {
    let latest = format!(
        "{ORDER} WHERE \"public\".\"Order\".\"customerId\" = $1 \
         ORDER BY \"public\".\"Order\".\"createdAt\" DESC LIMIT $2 OFFSET $3"
    );
    ask(client, &latest, &[(&customer, Type::INT4), (&10_i64, Type::INT8), (&0_i64, Type::INT8)]).await
}

/// `order.update({ data: { status } })`.
async fn change_order(client: &Client, order: i32) -> Result<(), Error> {
    let update = "UPDATE \"public\".\"Order\" SET \"status\" = $1 WHERE (\"public\".\"Order\".\"id\" = $2 AND 1=1) \
                  RETURNING \"public\".\"Order\".\"id\", \"public\".\"Order\".\"status\"";
    ask(client, update, &[(&"shipped", Type::TEXT), (&order, Type::INT4)]).await
}

/// `$transaction`: an order with two items, and less stock.
async fn check_out(client: &mut Client, customer: i32, product: i32, number: u64) -> Result<(), Error> {
    let transaction = client.transaction().await?;
    let reference = format!("ORD-{:09}", 100_000_000 + number);
    let order = transaction
        .query_typed(
            "INSERT INTO \"public\".\"Order\" (\"customerId\",\"reference\",\"status\",\"channel\",\"totalCents\",\
             \"createdAt\") VALUES ($1,$2,$3,$4,$5,CURRENT_TIMESTAMP) RETURNING \"public\".\"Order\".\"id\"",
            &[
                (&customer, Type::INT4),
                (&reference, Type::TEXT),
                (&"paid", Type::TEXT),
                (&"web", Type::TEXT),
                (&4200_i32, Type::INT4),
            ],
        )
        .await?;
    let order: i32 = order[0].get(0);
    let other = 1 + product % PRODUCTS;
    transaction
        .query_typed(
            "INSERT INTO \"public\".\"OrderItem\" (\"orderId\",\"productId\",\"quantity\",\"priceCents\") \
             VALUES ($1,$2,$3,$4), ($1,$5,$3,$4) RETURNING \"public\".\"OrderItem\".\"id\"",
            &[
                (&order, Type::INT4),
                (&product, Type::INT4),
                (&1_i32, Type::INT4),
                (&2100_i32, Type::INT4),
                (&other, Type::INT4),
            ],
        )
        .await?;
    transaction
        .query_typed(
            "UPDATE \"public\".\"Product\" SET \"stock\" = (\"public\".\"Product\".\"stock\" - $1) \
             WHERE (\"public\".\"Product\".\"id\" = $2 AND 1=1) RETURNING \"public\".\"Product\".\"id\"",
            &[(&1_i32, Type::INT4), (&product, Type::INT4)],
        )
        .await?;
    transaction.commit().await
}

/// One statement without a name, as the driver of Prisma 7 sends it.
pub(super) async fn ask(
    client: &Client,
    sql: &str,
    parameters: &[(&(dyn ToSql + Sync), Type)],
) -> Result<(), Error> {
    client.query_typed(sql, parameters).await.map(drop)
}
