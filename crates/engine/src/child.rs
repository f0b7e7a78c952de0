//! Running another program to its end, for a limited time.

use std::io::Read;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// What a program answered.
pub(crate) struct Answer {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
}

impl Answer {
    /// Standard error for a message: as it came, where it is text.
    pub(crate) fn complaint(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }
}

/// Runs a command without input. `None` when it has not ended, or its outputs are still held open, after
/// `limit`; it is killed then.
///
/// # Errors
/// When it cannot be started.
pub(crate) fn run(command: &mut Command, limit: Duration) -> std::io::Result<Option<Answer>> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let Some((stdout, stderr)) = outputs(&mut child, limit) else {
        // A grandchild may hold the pipes; the rest of the answer does not come.
        let _ = child.kill();
        child.wait()?;
        return Ok(None);
    };
    Ok(Some(Answer { status: child.wait()?, stdout, stderr }))
}

/// Both outputs to their ends.
fn outputs(child: &mut Child, limit: Duration) -> Option<(Vec<u8>, Vec<u8>)> {
    let (sender, receiver) = mpsc::channel();
    let read = |pipe: Option<Box<dyn Read + Send>>, is_answer: bool| {
        let sender = sender.clone();
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            if let Some(mut pipe) = pipe {
                let _ = pipe.read_to_end(&mut bytes);
            }
            let _ = sender.send((is_answer, bytes));
        });
    };
    read(child.stdout.take().map(|pipe| Box::new(pipe) as Box<dyn Read + Send>), true);
    read(child.stderr.take().map(|pipe| Box::new(pipe) as Box<dyn Read + Send>), false);
    let deadline = Instant::now() + limit;
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    for _ in 0..2 {
        match receiver.recv_timeout(deadline.saturating_duration_since(Instant::now())).ok()? {
            (true, bytes) => stdout = bytes,
            (false, bytes) => stderr = bytes,
        }
    }
    Some((stdout, stderr))
}
