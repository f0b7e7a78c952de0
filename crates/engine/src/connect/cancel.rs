//! Cancelling a statement from outside its session.

use std::time::Duration;

use tokio_postgres::{CancelToken, NoTls};

use super::error::ConnectFault;
use super::tls::Encryption;

/// Cancels what a session runs. Asking twice, or when nothing runs, does no harm; a cancel that
/// arrives late hits the session's *next* statement, so callers settle the old one first.
#[derive(Clone)]
pub struct Canceller {
    token: CancelToken,
    encryption: Encryption,
}

impl std::fmt::Debug for Canceller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Canceller").finish_non_exhaustive()
    }
}

impl Canceller {
    /// How long the request itself may take.
    pub const TIMEOUT: Duration = Duration::from_secs(3);

    pub(super) fn new(token: CancelToken, encryption: Encryption) -> Self {
        Self { token, encryption }
    }

    /// Asks the server to cancel the session's statement, encrypted as the session is. The
    /// statement then fails with 57014, unless it is done by then: the server does not tell.
    ///
    /// # Errors
    /// When the request could not be delivered within [`Canceller::TIMEOUT`].
    pub async fn cancel(&self) -> Result<(), ConnectFault> {
        let request = async {
            match self.encryption.connector() {
                Some(tls) => self.token.cancel_query(tls).await,
                None => self.token.cancel_query(NoTls).await,
            }
        };
        match tokio::time::timeout(Self::TIMEOUT, request).await {
            Ok(delivered) => delivered.map_err(ConnectFault::of),
            Err(_) => Err(ConnectFault::TimedOut { after: Self::TIMEOUT }),
        }
    }
}
