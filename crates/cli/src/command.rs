//! A file for each command.

pub(crate) mod audit;
pub(crate) mod deploy;
pub(crate) mod doctor;
pub(crate) mod drift;
pub(crate) mod explain;
pub(crate) mod explain_tx;
pub(crate) mod lint;
pub(crate) mod lsp;
pub(crate) mod recover;
pub(crate) mod resolve;
pub(crate) mod snapshot;
pub(crate) mod stats;
pub(crate) mod status;

use crate::output::Output;
use crate::place::{Place, shown};

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
