//! `underpin doctor`

use underpin_engine::Problem;
use underpin_engine::doctor::{Verdict, examine, exit_code};

use super::introduce;
use crate::arguments::Doctor;
use crate::output::Output;
use crate::place;

pub(crate) async fn run(options: &Doctor, output: &Output) -> Result<u8, Problem> {
    let place = place::find(&options.project)?;
    introduce(&place, output);
    let checks = examine(&place.target, &place.settings).await?;
    let code = exit_code(&checks);
    output.object(&serde_json::json!({ "version": 1, "exit_code": code, "checks": checks }));
    for check in &checks {
        let mark = match check.verdict {
            Verdict::Good => "ok  ",
            Verdict::Note => "note",
            Verdict::Bad => "BAD ",
        };
        output.say(format!("{mark}  {:<18} {}", check.name, check.found));
        if let Some(hint) = check.hint.as_ref().filter(|hint| !hint.is_empty()) {
            output.say(format!("{:>24} - {hint}", ""));
        }
    }
    Ok(code)
}
