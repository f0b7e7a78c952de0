//! `underpin create`
//!
//! The order: what lacks to the schema; what it is called; what lint says about it; what becomes of it and of its
//! way back on the throwaway server; the files. Nothing is executed anywhere else, so that nothing is asked:
//! what is lost is said.

mod down;

use std::path::Path;

use underpin_core::consequences::{consequences, judged};
use underpin_core::exit;
use underpin_core::lint::cost::ASSUMED_ROWS;
use underpin_core::lint::fix::{Ahead, NewFile, ahead};
use underpin_core::settings::Settings;
use underpin_engine::Problem;
use underpin_engine::create::writing::{NewMigration, write};
use underpin_engine::create::{Creation, Rehearsed};
use underpin_engine::files::{SCRIPT, normal, seen_from};
use underpin_engine::project::Project;
use underpin_engine::state::{Reading, Told};
use underpin_prisma::{FolderOrder, MigrationName};

use crate::arguments::{Create, Migrations};
use crate::judging::Judging;
use crate::output::Output;
use crate::output::create::{Created, page};
use crate::output::protected::{self, ProtectedTold};
use crate::place;
use crate::reading::reading;
use crate::weighing::Weighing;

/// The file of a way back.
const DOWN: &str = "down.sql";

pub(crate) async fn run(options: &Create, output: &Output) -> Result<u8, Problem> {
    let cwd = place::working_folder()?;
    let found = Project::even_without_migrations(&place::at(&cwd, &options.files));
    let project = found.map_err(|error| place::problem(&error))?;
    for warning in &project.warnings {
        output.remark(format!("warning: {warning}"));
    }
    let (settings, settings_folder) = place::settings_near(options.files.settings.as_deref(), &cwd)?;
    let reading = reading(&options.destination, &options.replay, &project, &settings, &cwd)?;
    let folder = normal(&project.migrations_folder);
    let told = Told::of(&folder, &reading)?;
    let place = Place { cwd: &cwd, folder: &folder, settings: &settings, settings_folder: &settings_folder };
    if let Some(wanted) = &options.down {
        return down::run(options, output, wanted, &told, &reading, &place).await;
    }
    let creation = Creation::begin(reading.clone(), &project.schema_files, told).await?;
    let created = create(options, output, &creation, &reading, &place).await;
    creation.finish().await;
    created
}

/// Where all of it happens.
struct Place<'a> {
    cwd: &'a Path,
    folder: &'a Path,
    settings: &'a Settings,
    settings_folder: &'a Path,
}

async fn create(
    options: &Create,
    output: &Output,
    creation: &Creation,
    reading: &Reading,
    place: &Place<'_>,
) -> Result<u8, Problem> {
    let (migration, protected) = creation.migration();
    let protected: Vec<ProtectedTold> = protected.iter().map(ProtectedTold::by_us).collect();
    if migration.steps.is_empty() {
        let words = match creation.told.migrations.is_empty() {
            true => "Nothing is written: the schema has nothing to migrate.",
            false => "Nothing is written: the migrations end where the schema is.",
        };
        output.say(format!("{}{words}", protected::part(&protected, false, super::columns())));
        output.object(&Created::nothing(protected));
        return Ok(exit::CLEAN);
    }
    creation.get_ready();
    let order = FolderOrder::of(Some(reading.version));
    let name = options.name.as_deref().expect("there is a name where no --down is");
    let name = MigrationName::new(name, jiff::Timestamp::now(), &creation.told.names(), order);
    if let Some(later) = &name.moved_behind {
        output.remark(format!("note: {later} is named for a time that is still to come; this one is named for the second behind it"));
    }
    if let Some(other) = &name.stands_before {
        output.remark(format!(
            "warning: {other} does not begin with a time, so it is applied behind {}, on every new database",
            name.folder
        ));
    }
    let text = format!("{}\n", migration.file().trim_end());
    let script = place.folder.join(&name.folder).join(SCRIPT);
    let path = seen_from(place.cwd, &script);

    let typed = Migrations {
        destination: options.destination.clone(),
        files: options.files.clone(),
        ..Migrations::default()
    };
    let (judging, left_out) =
        Judging::as_far_as_known(&typed, Some(reading.version), None, place.settings, place.cwd);
    if let Some(problem) = left_out.into_iter().next() {
        return Err(problem);
    }
    let history: Vec<&str> = creation.told.migrations.iter().map(|(_, text)| text.as_str()).collect();
    let around = || judging.circumstances(&place.settings.lint, true, false, ASSUMED_ROWS);
    let weighing = Weighing::of(&place.settings.lint, place.settings_folder.to_owned(), place.cwd);
    let plain = migration.script();
    let mut report = judged(&plain, &path, &history, around());
    weighing.weigh(&mut report, &plain);

    let mut files = vec![NewFile { folder: name.folder.clone(), text }];
    let mut online = None;
    if options.online {
        let new = Ahead {
            folder: &name.folder,
            history: &creation.told.migrations,
            order,
            path: &path,
            text: &files[0].text,
        };
        let mut form = ahead(&new, around, |report, text| weighing.weigh(report, text));
        let texts: Vec<String> = form.files.iter().map(|file| file.text.clone()).collect();
        if !texts.is_empty()
            && let Err(unproven) = creation.prove(&files[0].text, &texts).await
        {
            form.leave_all(&unproven.to_string());
        }
        if !form.files.is_empty() {
            files.clone_from(&form.files);
        }
        online = Some(form);
    }
    let texts: Vec<String> = files.iter().map(|file| file.text.clone()).collect();
    let rehearsed = creation.rehearse(&texts).await?;
    let new = new(files, &rehearsed);
    if !options.dry_run {
        write(place.folder, &new, || creation.is_current(place.folder))?;
    }
    let code = if rehearsed.fails.is_some() { exit::FINDINGS } else { exit::CLEAN };
    let created = Created::of(
        code,
        options.dry_run,
        consequences(&migration, &report, &reading.namespace),
        protected,
        migration.losses().iter().map(ToString::to_string).collect(),
        &new,
        |folder, file| seen_from(place.cwd, &place.folder.join(folder).join(file)),
        &rehearsed,
        online.as_ref(),
        creation.major(),
    );
    output.object(&created);
    output.say(page(&created, super::columns()));
    Ok(code)
}

/// The files of each folder.
fn new(files: Vec<NewFile>, rehearsed: &Rehearsed) -> Vec<NewMigration> {
    let mut ways_back = rehearsed.ways_back.iter().map(|way| way.text.clone());
    let migration = |file: NewFile| {
        let down = ways_back.next().map(|text| (DOWN, text));
        NewMigration {
            folder: file.folder,
            files: std::iter::once((SCRIPT, file.text)).chain(down).collect(),
        }
    };
    files.into_iter().map(migration).collect()
}
