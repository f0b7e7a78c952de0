//! `underpin drift`

use serde::Serialize;
use underpin_core::exit;
use underpin_engine::Problem;
use underpin_engine::drift::{Compared, drift};

use super::introduce;
use crate::arguments::Drift;
use crate::output::Output;
use crate::output::drift::page;
use crate::place;

#[derive(Serialize)]
struct Report<'a> {
    version: u32,
    exit_code: u8,
    #[serde(flatten)]
    compared: &'a Compared,
}

pub(crate) async fn run(options: &Drift, output: &Output) -> Result<u8, Problem> {
    let mut place = place::find(&options.project)?;
    introduce(&place, output);
    if let Some(bin) = &options.postgres_bin {
        place.settings.shadow.postgres_bin = Some(bin.clone());
    }
    let compared = drift(&place.target, &place.settings).await?;
    let code = if compared.drift.is_clean() { exit::CLEAN } else { exit::DRIFT };
    output.object(&Report { version: 1, exit_code: code, compared: &compared });
    output.say(page(&compared));
    Ok(code)
}
