//! `check`: what a pipeline asks of a change before it is merged. The facts come from Git, from files and
//! from a throwaway server; what they mean is decided in `underpin_core::check`.

pub mod base;
pub mod history;
