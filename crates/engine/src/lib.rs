//! Being laid.

pub mod connect;
