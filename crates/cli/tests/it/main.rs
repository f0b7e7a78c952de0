//! The command as people and pipelines use it: the real binary against real servers and the real Prisma.

#![allow(clippy::unwrap_used)]

mod bad_input;
mod bad_sql;
mod check;
mod conformance;
mod create;
mod diff;
mod docs;
mod explain_tx;
mod kill;
mod large_sql;
mod lint;
mod lint_fix;
mod lsp;
mod output;
mod parked;
mod plan;
mod precheck;
mod recipes;
mod rollout;
mod support;
