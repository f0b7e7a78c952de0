//! `underpin audit`
//!
//! A history on one page: on the terminal, as JSON, as one HTML file. It never fails because of what it finds:
//! history is history.

use std::io::IsTerminal;
use std::path::Path;

use underpin_core::audit::Auditor;
use underpin_core::exit;
use underpin_engine::Problem;
use underpin_sql::sending::Sender;

use crate::arguments::Audit;
use crate::gather::gather;
use crate::judging::Judging;
use crate::output::audit::{html, text};
use crate::output::{Output, may_colour, width};
use crate::place;

/// The width of a page that goes into a file or a pipe.
const WIDTH: usize = 100;

pub(crate) async fn run(options: &Audit, output: &Output) -> Result<u8, Problem> {
    let cwd = place::working_folder()?;
    let (settings, _) = place::settings_near(options.migrations.files.settings.as_deref(), &cwd)?;
    let gathered = gather(&options.migrations, &cwd)?;
    for warning in gathered.warnings.iter().chain(&gathered.without_script) {
        output.remark(format!("warning: {warning}"));
    }
    let judging = Judging::prepare(&options.migrations, &gathered, &settings, false, &cwd).await?;
    let rows = options.rows as f64;
    let mut auditor = Auditor::new(rows, sender(&gathered, judging.sender));
    judging.each(&gathered, &settings.lint, false, rows, |file| {
        let name = migration(&file.path);
        auditor.add(&name, &file);
    });
    let audit = auditor.finish();
    if audit.migrations == 0 {
        return Err(Problem::new("there is no migration to audit")
            .hint("name the folder: underpin audit prisma/migrations"));
    }
    let title = title(&cwd);
    if let Some(path) = &options.html {
        std::fs::write(path, html::page(&audit, &title)).map_err(|error| {
            Problem::new(format!("the page cannot be written: {error}"))
                .at(path.display().to_string())
                .hint("name a file in a folder that is there and may be written to")
        })?;
        output.remark(format!("{}: written", path.display()));
    }
    output.object(&serde_json::json!({ "version": 1, "audit": audit }));
    let styled = std::io::stdout().is_terminal() && may_colour();
    output.say(text::page(&audit, &title, width().unwrap_or(WIDTH).min(WIDTH), styled).trim_end());
    Ok(exit::CLEAN)
}

/// The folder of a `migration.sql`, the name of another file.
fn migration(path: &str) -> String {
    let mut parts = path.rsplit('/');
    let file = parts.next().unwrap_or_default();
    let name = if file == "migration.sql" { parts.next() } else { None };
    name.unwrap_or(file).to_owned()
}

fn sender(gathered: &crate::gather::Gathered, sender: Sender) -> String {
    match (gathered.prisma, sender) {
        (Some(version), _) => format!("Prisma {version}"),
        (None, _) => "Prisma up to 7.3, which sends a file whole".to_owned(),
    }
}

/// What the page is about: what the package is called, else the folder that the command runs in.
fn title(cwd: &Path) -> String {
    let package = std::fs::read_to_string(cwd.join("package.json")).ok();
    let package = package.and_then(|text| serde_json::from_str::<serde_json::Value>(&text).ok());
    if let Some(name) = package.as_ref().and_then(|package| package["name"].as_str()) {
        return name.to_owned();
    }
    cwd.file_name().map_or_else(|| "migrations".to_owned(), |name| name.to_string_lossy().into_owned())
}
