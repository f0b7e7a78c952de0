//! The proof that files end where another one does: a migration that was split, sent as Prisma sends it.
//!
//! Each file is sent as one message, as Prisma does up to 7.3, and on another copy of the database in as
//! many messages as Prisma makes of it since. Both have to end in the catalog of the file as written.

use underpin_catalog::{Catalog, Difference, Name, ServerVersion, differences};
use underpin_core::settings::ShadowSettings;
use underpin_sql::Surroundings;
use underpin_sql::sending::{Cut, Sender, sending};

use super::{Prover, Unproven};
use crate::shadow_history::{Replayed, Session, failed, is_refusal, wanted};

/// Proves files of one history, in its order. Its server is started with the first proof.
#[derive(Debug)]
pub struct FilesProver {
    prover: Prover,
    nothing: Surroundings,
    history: Vec<Replayed>,
}

impl FilesProver {
    /// A prover for a server of this version. `project` is where a server may be found or fetched for.
    pub fn new(
        version: ServerVersion,
        namespace: Name,
        settings: &ShadowSettings,
        project: Option<std::path::PathBuf>,
    ) -> Self {
        Self {
            prover: Prover::new(wanted(version, settings, project), namespace.clone(), None),
            nothing: Surroundings::empty(version, namespace),
            history: Vec::new(),
        }
    }

    /// A migration of the history, behind those that were told before.
    pub fn advance(&mut self, name: &str, text: &str) {
        // What does not parse fails when it is replayed, and says so there.
        let statements = underpin_sql::read(text).unwrap_or_default();
        self.history.push(Replayed::as_written(name, text, &statements, &self.nothing));
    }

    /// Proves that the files, one behind the other, end where `text` ends, behind the history so far.
    ///
    /// # Errors
    /// [`Unproven`], which says why.
    pub async fn prove(&mut self, text: &str, files: &[&str]) -> Result<(), Unproven> {
        let statements = underpin_sql::read(text).map_err(|error| Unproven::Failed {
            which: AS_WRITTEN.1,
            refused: false,
            error: format!("failed: {error}"),
        })?;
        let original = Replayed::as_written("", text, &statements, &self.nothing);
        self.prover.history.replay(&self.history).await?;
        let as_written = &self.prover.history.execution(&original)?.steps;
        let written = self.prover.end(AS_WRITTEN, as_written).await?;
        for sender in [Sender::PrismaWhole, Sender::PrismaSplit] {
            let online = self.sent(files, sender).await?;
            let found: Vec<Difference> = differences(&written, &online);
            if !found.is_empty() {
                return Err(Unproven::Differs(found));
            }
        }
        Ok(())
    }

    /// Stops the server.
    pub async fn finish(self) {
        self.prover.finish().await;
    }

    /// The catalog after the files, in one session as Prisma has it.
    async fn sent(&self, files: &[&str], sender: Sender) -> Result<Catalog, Unproven> {
        let client = self.prover.history.copy("underpin_files").await?;
        for file in files {
            send(&client, file, sender).await.map_err(|error| Unproven::Failed {
                which: "the safe form",
                refused: is_refusal(&error),
                error: failed(&error),
            })?;
        }
        Ok(crate::introspect::introspect(&client).await?)
    }
}

const AS_WRITTEN: (&str, &str) = ("underpin_as_written", "the file as written");

/// Sends a file as Prisma does.
pub(crate) async fn send(session: &Session, file: &str, sender: Sender) -> Result<(), tokio_postgres::Error> {
    // The server says what is wrong with a file that does not parse; nothing of it must count as executed.
    let Ok(statements) = underpin_sql::read(file) else { return session.batch_execute(file).await };
    match sending(file, &statements, sender).cut {
        Cut::Whole | Cut::Fallback(_) => session.send(file).await,
        Cut::Statements | Cut::StatementsAssumed { .. } => {
            for statement in &statements {
                session.send(&statement.text).await?;
            }
            Ok(())
        }
    }
}
