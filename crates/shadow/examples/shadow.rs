//! Starts a throwaway server, prints how to reach it, and keeps it until standard input ends or Ctrl-C.
//!
//! `cargo run -p underpin-shadow --example shadow -- 16`
#![allow(clippy::print_stdout)]

use std::time::Instant;

use underpin_shadow::{Shadow, ShadowError, StartOptions, Wanted, find_or_fetch};

#[tokio::main]
async fn main() -> Result<(), ShadowError> {
    let major = std::env::args().nth(1).and_then(|major| major.parse().ok()).unwrap_or(16);
    let installation = find_or_fetch(&Wanted::of_major(major)).await?;
    let started = Instant::now();
    let shadow = Shadow::start(&installation, &StartOptions::default()).await?;
    println!("PostgreSQL {}, {}: {}", shadow.version(), installation.source, shadow.url("postgres"));
    println!("started in {} ms; Ctrl-D ends it", started.elapsed().as_millis());
    let mut line = String::new();
    while std::io::stdin().read_line(&mut line).is_ok_and(|count| count > 0) {}
    shadow.stop().await
}
