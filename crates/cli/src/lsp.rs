//! A language server for migrations: what `underpin lint` says, while they are written.
//!
//! `server` keeps the protocol's order and answers; `desk` holds the open documents and judges those whose
//! text, settings or predecessors are not what they were; `history` knows what the migrations before one have
//! made, and keeps it, so that a keystroke costs the file that it falls in. From a report to what an editor shows
//! are functions of their arguments: `diagnostics`, `hover`, `actions`, with `position` for its way of counting.
//! `settings` says what is wrong with `underpin.toml`.
//! Nothing here writes a file.
//!
//! The frame and the few shapes are ours. The crates that have them end with the first message that is not
//! JSON, take memory for any length that a header promises, and bring some 10,000 lines of types of which
//! this server speaks thirty.

mod actions;
mod desk;
mod diagnostics;
mod history;
mod hover;
mod position;
mod protocol;
mod server;
mod settings;
mod setup;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
mod uri;
mod wire;

use std::io::{self, BufReader};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use underpin_engine::Problem;

use self::desk::Desk;
use self::server::{Next, Server};
use self::wire::Writer;
use crate::arguments::Migrations;

/// So long nothing is judged after a keystroke, because the next one is likely to follow.
const QUIET: Duration = Duration::from_millis(100);

/// The exit code of a server whose client went away without `shutdown`, which the protocol prescribes.
const UNFINISHED: u8 = 1;

/// Serves standard input until `exit`, and answers the exit code.
pub(crate) fn serve(typed: Migrations) -> Result<u8, Problem> {
    let (sender, received) = channel();
    std::thread::spawn(move || {
        let mut input = BufReader::new(io::stdin());
        loop {
            let message = wire::read(&mut input);
            let last = !matches!(message, Ok(Some(_)));
            if sender.send(message).is_err() || last {
                return;
            }
        }
    });
    let mut server = Server::new(Desk::new(typed), Writer(io::stdout()));
    loop {
        let message = match server.is_settled() {
            true => received.recv().map_err(|_| RecvTimeoutError::Disconnected),
            false => received.recv_timeout(QUIET),
        };
        let next = match message {
            Ok(Ok(Some(message))) => server.take(message),
            Ok(Ok(None)) | Err(RecvTimeoutError::Disconnected) => return Ok(UNFINISHED),
            Ok(Err(error)) => {
                return Err(Problem::new(format!("the editor's messages cannot be read: {error}"))
                    .hint("`underpin lsp` is started by an editor: docs/editors.md"));
            }
            Err(RecvTimeoutError::Timeout) => server.settle().map(|()| Next::Go),
        };
        match next {
            Ok(Next::Go) => {}
            Ok(Next::Exit(code)) => return Ok(code),
            // Nobody reads any more.
            Err(_) => return Ok(UNFINISHED),
        }
    }
}
