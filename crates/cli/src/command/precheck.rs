//! `underpin precheck`

use std::time::Duration;

use underpin_engine::Problem;
use underpin_engine::precondition::{Asking, ask};

use super::introduce;
use crate::arguments::Precheck;
use crate::output::Output;
use crate::output::precheck::{Told, page};
use crate::place;

pub(crate) async fn run(options: &Precheck, output: &Output) -> Result<u8, Problem> {
    let place = place::find(&options.project)?;
    introduce(&place, output);
    let asking = Asking { budget: Duration::from_secs(options.budget), values: options.values };
    let asked = ask(&place.target, asking).await?;
    for name in &asked.failed {
        output.remark(format!(
            "note: {name} is half done, so what is behind it is told as if it were not there"
        ));
    }
    let told = Told::of(&asked, options.budget);
    output.object(&told);
    output.say(page(&told, &place.target.migrations_shown, super::columns()));
    Ok(told.exit_code)
}
