//! The instruments measure what they say: each is tried on a case with a known answer.

#![allow(clippy::unwrap_used)]

mod clients;
mod faults;
mod measuring;
mod observing;
mod prisma;
mod servers;
