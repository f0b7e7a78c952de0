//! Running another program to its end, for a limited time.

use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

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
    let deadline = Instant::now() + limit;
    let mut stdout = Output::of(child.stdout.take());
    let mut stderr = Output::of(child.stderr.take());
    // Both at once, because a program that fills one while we read the other would never end.
    while stdout.pipe.is_some() || stderr.pipe.is_some() {
        let mut open: Vec<&mut Output> =
            [&mut stdout, &mut stderr].into_iter().filter(|output| output.pipe.is_some()).collect();
        let left = deadline.checked_duration_since(Instant::now())?;
        let ready = {
            let asked = open.iter().filter_map(|output| output.pipe.as_ref());
            let mut asked: Vec<PollFd<'_>> =
                asked.map(|pipe| PollFd::new(pipe.as_fd(), PollFlags::POLLIN)).collect();
            match poll(&mut asked, PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX)) {
                Ok(_) | Err(Errno::EINTR) => {}
                Err(_) => return None,
            }
            asked.iter().map(|pipe| pipe.any().unwrap_or(true)).collect::<Vec<_>>()
        };
        for (output, _) in open.iter_mut().zip(ready).filter(|(_, is_ready)| *is_ready) {
            output.read();
        }
    }
    Some((stdout.bytes, stderr.bytes))
}

/// What comes out of a pipe that is open.
struct Output {
    pipe: Option<File>,
    bytes: Vec<u8>,
}

impl Output {
    fn of(pipe: Option<impl Into<OwnedFd>>) -> Self {
        Self { pipe: pipe.map(|pipe| File::from(pipe.into())), bytes: Vec::new() }
    }

    /// What is there now. At the end the pipe is closed; what was read before an error counts.
    fn read(&mut self) {
        let mut some = [0; 16 << 10];
        match self.pipe.as_mut().map(|pipe| pipe.read(&mut some)) {
            Some(Ok(count)) if count > 0 => self.bytes.extend(&some[..count]),
            Some(Err(error)) if error.kind() == std::io::ErrorKind::Interrupted => {}
            _ => self.pipe = None,
        }
    }
}
