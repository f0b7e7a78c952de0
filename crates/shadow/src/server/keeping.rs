//! A server's data, kept for later servers to start from.

use nix::sys::signal::Signal;

use super::{Shadow, in_background};
use crate::{Installation, Kept, ShadowError, StartOptions};

impl Shadow {
    /// Starts a server on the data that were kept under a key. `None` when there are none, or they are broken.
    ///
    /// # Errors
    /// As for [`Shadow::start`].
    pub async fn start_from(
        kept: &Kept,
        key: &str,
        installation: &Installation,
        options: &StartOptions,
    ) -> Result<Option<Self>, ShadowError> {
        let (from, at) = (kept.clone(), key.to_owned());
        let Some(pack) = in_background(move || Ok(from.find(&at))).await? else { return Ok(None) };
        match Self::start_with(installation, options, Some(pack)).await {
            Ok(shadow) => Ok(Some(shadow)),
            // Whole, and no cluster that this server takes.
            Err(ShadowError::DidNotStart { .. }) => {
                kept.forget(key);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Keeps the data under a key, for [`Shadow::start_from`]. The server is shut down for it, which ends all
    /// connections, and started again. Data that cannot be kept, for want of room say, are not kept.
    ///
    /// # Errors
    /// As for [`Shadow::restart`].
    pub async fn keep(&mut self, kept: &Kept, key: &str) -> Result<(), ShadowError> {
        self.end_server(Signal::SIGINT).await?;
        self.try_keep(kept, key).await;
        self.run_again().await
    }

    /// Keeps the data under a key, when that can be done, and stops the server.
    ///
    /// # Errors
    /// As for [`Shadow::stop`].
    pub async fn stop_and_keep(mut self, kept: &Kept, key: &str) -> Result<(), ShadowError> {
        if self.end_server(Signal::SIGINT).await.is_ok() {
            self.try_keep(kept, key).await;
        }
        self.stop().await
    }

    async fn try_keep(&self, kept: &Kept, key: &str) {
        let (kept, key, data) = (kept.clone(), key.to_owned(), self.data_dir());
        // Kept states are a convenience: who looks for one that is not there does without.
        let _ = in_background(move || kept.keep(&key, &data)).await;
    }
}
