//! Ctrl-C and SIGTERM: the first asks the run to stop at the next safe point, which cancels the
//! statement that is running; the second ends the process at once.

use std::sync::atomic::{AtomicU8, Ordering};

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

static EXIT: AtomicU8 = AtomicU8::new(0);

/// Becomes true with the first signal.
pub(crate) fn interrupt() -> watch::Receiver<bool> {
    let (tell, hear) = watch::channel(false);
    tokio::spawn(async move {
        let (Ok(mut interrupt), Ok(mut terminate)) =
            (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
        else {
            // Without handlers the default holds: the process ends, and the next run continues.
            return tell.closed().await;
        };
        loop {
            let code = tokio::select! {
                _ = interrupt.recv() => 130,
                _ = terminate.recv() => 143,
                () = tell.closed() => return,
            };
            if EXIT.swap(code, Ordering::SeqCst) != 0 {
                std::process::exit(i32::from(code));
            }
            eprintln!("\nstopping at the next safe point; a second signal stops at once");
            tell.send_replace(true);
        }
    });
    hear
}

/// The exit code of the signal that was received, if one was.
pub(crate) fn exit_code() -> Option<u8> {
    Some(EXIT.load(Ordering::SeqCst)).filter(|code| *code != 0)
}
