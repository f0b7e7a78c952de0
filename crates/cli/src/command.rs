//! A file for each command.

pub(crate) mod audit;
pub(crate) mod check;
pub(crate) mod compat;
pub(crate) mod create;
pub(crate) mod deploy;
pub(crate) mod diff;
pub(crate) mod doctor;
pub(crate) mod drift;
pub(crate) mod explain;
pub(crate) mod explain_tx;
pub(crate) mod lint;
pub(crate) mod lsp;
pub(crate) mod plan;
pub(crate) mod precheck;
pub(crate) mod purge;
pub(crate) mod recover;
pub(crate) mod resolve;
pub(crate) mod rollout;
pub(crate) mod snapshot;
pub(crate) mod stats;
pub(crate) mod status;

use std::io::IsTerminal;

use crate::output::{Output, width};
use crate::place::{Place, shown};

/// The width of words that go into a file or a pipe.
const COLUMNS: usize = 100;

/// The width of what stdout shows.
fn columns() -> usize {
    match std::io::stdout().is_terminal() {
        true => width().unwrap_or(COLUMNS),
        false => COLUMNS,
    }
}

/// What Prisma's commands print before they begin: which files, which database.
fn introduce(place: &Place, output: &Output) {
    let root = &place.project.root;
    if let Some(config) = &place.project.config_file {
        output.remark(format!("Loaded Prisma config from {}.\n", shown(config, root)));
    }
    output.remark(format!("Prisma schema loaded from {}.", shown(&place.project.schema, root)));
    for warning in &place.project.warnings {
        output.remark(format!("warning: {warning}"));
    }
    let url = &place.target.url;
    output.say(format!(
        "Datasource \"db\": PostgreSQL database \"{}\", schema \"{}\" at \"{}\"\n",
        url.database,
        url.schema,
        url.server()
    ));
    output.say(underpin_prisma::message::report::found(place.target.history.migrations().len()));
    output.say("");
}
