//! `diff --from-empty --to-schema … --script` for the largest schema of the corpus, whole process, against Prisma's
//! own engine doing the same in a process of its own: without the CLI around it, which takes longer still.

use serde_json::json;
use underpin_testkit::{ProjectFolder, corpus, schemas};

use super::{Finding, line, median, timed};
use crate::Failure;
use crate::underpin::{Underpin, words};

/// Ours to the engine's, at most.
const MARK: f64 = 1.0 / 20.0;

const ROUNDS: usize = 5;
/// Ours is short; more runs cost nothing.
const OURS_A_ROUND: usize = 5;

pub(super) async fn measure() -> Result<Finding, Failure> {
    let underpin = Underpin::beside_us()?;
    if !underpin.has("diff") {
        return Err("this underpin has no diff to be measured".into());
    }
    let histories = corpus::histories();
    let largest = histories.iter().max_by_key(|history| history.schema().len());
    let history = largest.ok_or("the corpus has no schema")?;
    let text = schemas::for_prisma_7(&history.schema());
    let project = ProjectFolder::prisma7();
    let path = project.path().join("prisma/schema.prisma");
    std::fs::create_dir_all(project.path().join("prisma"))?;
    std::fs::write(&path, &text)?;

    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let mut scripts = (String::new(), String::new());
    for _ in 0..ROUNDS {
        // In turns, so that a busy moment of the machine hits both.
        let (script, ms) = timed(async { Ok(schemas::script_of(&path).await) }).await?;
        scripts.0 = script;
        theirs.push(ms);
        for _ in 0..OURS_A_ROUND {
            let mut command = tokio::process::Command::new(underpin.program());
            command.args(["diff", "--from-empty", "--to-schema"]).arg(&path).arg("--script");
            command.current_dir(project.path());
            let (output, ms) = timed(async { Ok(command.output().await?) }).await?;
            if !output.status.success() {
                return Err(words(&output).into());
            }
            scripts.1 = String::from_utf8_lossy(&output.stdout).into_owned();
            ours.push(ms);
        }
    }
    if scripts.0.trim_end() != scripts.1.trim_end() {
        return Err("the two scripts are not the same".into());
    }
    println!("{} bytes of schema.prisma, {} bytes of SQL", text.len(), scripts.1.len());
    line("underpin diff", &ours);
    line("Prisma's schema engine", &theirs);
    let ratio = median(&ours) / median(&theirs);
    Ok(Finding {
        value: median(&ours),
        unit: "ms",
        ratio,
        peer: "Prisma's schema engine".to_owned(),
        met: ratio <= MARK,
        marks: format!("at most {MARK} of Prisma's schema engine"),
        raw: json!({
            "underpin_ms": ours,
            "prisma_ms": theirs,
            "schema": history.name,
            "schema_bytes": text.len(),
            "script_bytes": scripts.1.len(),
        }),
    })
}
