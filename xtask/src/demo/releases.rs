//! Two releases of the shop, of which the new one takes the old one's place: the old one says `Customer.name`, the new
//! one `Customer.displayName`. Each says it in every query, as Prisma Client does.
//!
//! Every name that a customer was told is stored is written down a second time, in a table of the namespace
//! `control`, in the same transaction.

use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio_postgres::types::Type;
use tokio_postgres::{Client, Error};
use underpin_testkit::load::Traffic;

use super::shop::{CUSTOMERS, ORDER, ORDERS, PRODUCTS, ask, look_at_product};

/// Instances of the application. Requests take turns among them.
pub(super) const INSTANCES: u32 = 6;

/// So many requests go to one instance before the next one's turn comes: all kinds of them.
const TURN: u64 = 20;

/// The releases, and which of the instances are of which.
#[derive(Clone, Default)]
pub(super) struct Releases(Arc<State>);

#[derive(Default)]
struct State {
    /// Instances of the new release.
    new: AtomicU32,
    /// The numbers of the requests that the server refused, by release: the old one's, the new one's.
    refused: [Mutex<Vec<u64>>; 2],
}

/// One of the two.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Release {
    Old,
    New,
}

impl Releases {
    /// Puts one more instance of the new release in the place of one of the old.
    pub(super) fn replace_one(&self) {
        self.0.new.fetch_add(1, Ordering::SeqCst);
    }

    /// Of these requests, those that the server refused, by release: the old one's, the new one's.
    pub(super) fn refused(&self, of: Range<u64>) -> [u64; 2] {
        [0, 1].map(|release: usize| {
            let numbers = self.0.refused[release].lock().unwrap_or_else(PoisonError::into_inner);
            numbers.iter().filter(|number| of.contains(number)).count() as u64
        })
    }

    fn of(&self, number: u64) -> Release {
        let instance = (number / TURN) % u64::from(INSTANCES);
        match instance < u64::from(self.0.new.load(Ordering::SeqCst)) {
            true => Release::New,
            false => Release::Old,
        }
    }
}

impl Traffic for Releases {
    async fn request(&self, client: &mut Client, number: u64) -> Result<(), Error> {
        let release = self.of(number);
        // Odd factors spread the numbers over the rows, without a generator's state to share.
        let spread = |factor: u64, limit: i32| 1 + (number.wrapping_mul(factor) >> 3) as i32 % limit;
        let outcome = match number % TURN {
            0..7 => release.look_at_order(client, spread(2_654_435_761 % 1_000_003, ORDERS)).await,
            7..10 => look_at_product(client, spread(40_503, PRODUCTS)).await,
            10..15 => release.look_at_customer(client, spread(69_069, CUSTOMERS)).await,
            15..18 => release.change_name(client, spread(48_271, CUSTOMERS), number).await,
            _ => release.sign_up(client, number).await,
        };
        if outcome.is_err() {
            let mut numbers = self.0.refused[release as usize].lock().unwrap_or_else(PoisonError::into_inner);
            numbers.push(number);
        }
        outcome
    }
}

impl Release {
    /// The column of a customer's name.
    fn name(self) -> &'static str {
        match self {
            Self::Old => "name",
            Self::New => "displayName",
        }
    }

    /// Every column, as without a `select`.
    fn columns(self) -> String {
        let columns = ["id", "email", self.name(), "createdAt"];
        columns.map(|column| format!("\"public\".\"Customer\".\"{column}\"")).join(", ")
    }

    /// `order.findUnique({ include: { customer: true } })`.
    async fn look_at_order(self, client: &Client, order: i32) -> Result<(), Error> {
        let one = format!("{ORDER} WHERE (\"public\".\"Order\".\"id\" = $1 AND 1=1) LIMIT $2 OFFSET $3");
        let parameters: [(&(dyn tokio_postgres::types::ToSql + Sync), Type); 3] =
            [(&order, Type::INT4), (&1_i64, Type::INT8), (&0_i64, Type::INT8)];
        let found = client.query_typed(&one, &parameters).await?;
        let customer: i32 = found[0].get("customerId");
        let one = format!(
            "SELECT {} FROM \"public\".\"Customer\" WHERE \"public\".\"Customer\".\"id\" IN ($1) OFFSET $2",
            self.columns()
        );
        ask(client, &one, &[(&customer, Type::INT4), (&0_i64, Type::INT8)]).await
    }

    /// `customer.findUnique`.
    async fn look_at_customer(self, client: &Client, customer: i32) -> Result<(), Error> {
        let one = format!(
            "SELECT {} FROM \"public\".\"Customer\" WHERE (\"public\".\"Customer\".\"id\" = $1 AND 1=1) LIMIT $2 OFFSET $3",
            self.columns()
        );
        ask(client, &one, &[(&customer, Type::INT4), (&1_i64, Type::INT8), (&0_i64, Type::INT8)]).await
    }

    /// `customer.update({ data: { displayName } })`.
    async fn change_name(self, client: &mut Client, customer: i32, number: u64) -> Result<(), Error> {
        let transaction = client.transaction().await?;
        let name = format!("Customer by another name, {number}");
        let update = format!(
            "UPDATE \"public\".\"Customer\" SET \"{}\" = $1 WHERE (\"public\".\"Customer\".\"id\" = $2 AND 1=1) RETURNING {}",
            self.name(),
            self.columns()
        );
        transaction.query_typed(&update, &[(&name, Type::TEXT), (&customer, Type::INT4)]).await?;
        write_down(&transaction, customer, &name).await?;
        transaction.commit().await
    }

    /// `customer.create`.
    async fn sign_up(self, client: &mut Client, number: u64) -> Result<(), Error> {
        let transaction = client.transaction().await?;
        let (name, email) = (format!("Customer that is new, {number}"), format!("new{number}@example.org"));
        let insert = format!(
            "INSERT INTO \"public\".\"Customer\" (\"email\",\"{}\",\"createdAt\") VALUES ($1,$2,CURRENT_TIMESTAMP) RETURNING {}",
            self.name(),
            self.columns()
        );
        let made = transaction.query_typed(&insert, &[(&email, Type::TEXT), (&name, Type::TEXT)]).await?;
        write_down(&transaction, made[0].get("id"), &name).await?;
        transaction.commit().await
    }
}

/// Makes the table in which names are written down.
pub(super) async fn prepare_control(client: &Client) -> Result<(), Error> {
    client
        .batch_execute(
            "CREATE SCHEMA control; CREATE TABLE control.name (id integer PRIMARY KEY, name text NOT NULL)",
        )
        .await
}

async fn write_down(
    transaction: &tokio_postgres::Transaction<'_>,
    customer: i32,
    name: &str,
) -> Result<(), Error> {
    let sql = "INSERT INTO control.name (id, name) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET name = excluded.name";
    transaction.query_typed(sql, &[(&customer, Type::INT4), (&name, Type::TEXT)]).await.map(drop)
}

/// How many customers do not have the name that was written down, or that they had from the beginning.
pub(super) async fn wrong_names(client: &Client) -> Result<i64, Error> {
    let differ = "SELECT count(*) FROM \"Customer\" LEFT JOIN control.name USING (id)
                  WHERE \"displayName\" IS DISTINCT FROM coalesce(name.name, 'Customer ' || id)";
    Ok(client.query_one(differ, &[]).await?.get(0))
}
