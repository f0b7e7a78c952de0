//! `underpin purge`

use jiff::Timestamp;
use underpin_core::exit;
use underpin_engine::Problem;
use underpin_engine::parked::{parked, purge};

use super::introduce;
use crate::arguments::Purge;
use crate::output::{Output, parked as words};
use crate::place;

pub(crate) async fn run(options: &Purge, output: &Output) -> Result<u8, Problem> {
    let place = place::find(&options.project)?;
    introduce(&place, output);
    let (Some(name), Some(database)) = (&options.name, &options.database) else {
        let all = parked(&place.target, &place.settings).await?;
        output.object(
            &serde_json::json!({ "version": 1, "exit_code": exit::CLEAN, "parked": all, "purged": null }),
        );
        output.say(match all.is_empty() {
            true => "Nothing is parked in this database.".to_owned(),
            false => words::with_ways_back(&all, Timestamp::now()),
        });
        return Ok(exit::CLEAN);
    };
    let found = purge(&place.target, &place.settings, name, database, options.now).await?;
    let code = found.exit_code();
    let until = found.parked.kept_until.strftime("%Y-%m-%d %H:%M UTC");
    output.object(&serde_json::json!({
        "version": 1,
        "exit_code": code,
        "parked": [found.parked],
        "purged": found.purged,
    }));
    match found.purged {
        true => output.say(format!("{name} is gone: {}", words::what(&found.parked))),
        false => {
            output.remark(format!("NO-GO: {name} is kept until {until}."));
            output.remark(format!(
                "  - when nobody will want it back: underpin purge {name} --database {database} --now"
            ));
        }
    }
    Ok(code)
}
