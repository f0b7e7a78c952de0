//! `status` with 820 migrations and nothing to do, whole process, against the real Prisma CLI.

use serde_json::json;
use underpin_shadow::StartOptions;
use underpin_testkit::{Oracle, ProjectFolder, Server, corpus};

use super::{Finding, MAJOR, line, median, timed};
use crate::Failure;
use crate::underpin::Underpin;

/// Ours to Prisma's, at most.
const MARK: f64 = 1.0 / 20.0;

const ROUNDS: usize = 5;
/// Ours is short; more runs cost nothing.
const OURS_A_ROUND: usize = 5;

pub(super) async fn measure() -> Result<Finding, Failure> {
    let underpin = Underpin::beside_us()?;
    let prisma = Oracle::prisma7().await;
    let history = corpus::history("trigger.dev");
    let project = ProjectFolder::prisma7().migrations_of(&history.migrations);
    let server = Server::start(MAJOR, StartOptions::default()).await?;
    let database = server.database("status").await;
    let (path, url) = (project.path(), database.url());
    let deployed = prisma.deploy(path, &url).await;
    if deployed.code != 0 {
        return Err(format!("the history cannot be deployed: {}", deployed.all()).into());
    }

    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        // In turns, so that a busy moment of the machine hits both.
        let (said, ms) = timed(async { Ok(prisma.status(path, &url).await) }).await?;
        if said.code != 0 {
            return Err(format!("prisma migrate status: {}", said.all()).into());
        }
        theirs.push(ms);
        for _ in 0..OURS_A_ROUND {
            let (outcome, ms) = timed(underpin.run(&["status"], path, &url)).await?;
            outcome?;
            ours.push(ms);
        }
    }
    println!("{} migrations, all applied", history.names.len());
    line("underpin status", &ours);
    line("prisma migrate status", &theirs);
    let ratio = median(&ours) / median(&theirs);
    Ok(Finding {
        value: median(&ours),
        unit: "ms",
        ratio,
        peer: "prisma migrate status".to_owned(),
        met: ratio <= MARK,
        marks: format!("at most {MARK} of prisma migrate status"),
        raw: json!({ "underpin_ms": ours, "prisma_ms": theirs, "migrations": history.names.len() }),
    })
}
