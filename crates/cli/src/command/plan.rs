//! `underpin plan`
//!
//! The order: what lacks to the schema; what a person says about it; the phases; what becomes of them on the
//! throwaway server; the files. What only a person knows ends the command, with the flags that say it.

use underpin_core::exit;
use underpin_core::recipe::{Answers, Case, PhaseText, Phased, Stop, plan};
use underpin_engine::create::Creation;
use underpin_engine::create::writing::{NewMigration, write};
use underpin_engine::files::{SCRIPT, normal, seen_from};
use underpin_engine::phases::prove;
use underpin_engine::project::Project;
use underpin_engine::project::releases::At;
use underpin_engine::state::{Reading, Told};
use underpin_engine::{Fault, Problem};
use underpin_prisma::client::ClientContract;
use underpin_prisma::{FolderOrder, MigrationName, slug};

use crate::arguments::Plan;
use crate::judging::bases;
use crate::output::Output;
use crate::output::plan::{Planned, page};
use crate::output::protected::ProtectedTold;
use crate::place;
use crate::reading::reading;

/// The file of a way back.
const DOWN: &str = "down.sql";

/// So much of a name is kept in front of `_3_contract`: Prisma keeps 200 characters of the whole.
const NAME_MAX: usize = 180;

pub(crate) async fn run(options: &Plan, output: &Output) -> Result<u8, Problem> {
    let cwd = place::working_folder()?;
    let found = Project::even_without_migrations(&place::at(&cwd, &options.files));
    let project = found.map_err(|error| place::problem(&error))?;
    for warning in &project.warnings {
        output.remark(format!("warning: {warning}"));
    }
    let mut name = slug(&options.name);
    name.truncate(NAME_MAX);
    if name.is_empty() {
        return Err(Problem::new(format!("`{}` leaves nothing for the name of a rollout", options.name))
            .hint("name it with letters from a to z and digits, as in --name rename_full_name"));
    }
    let (settings, _) = place::settings_near(options.files.settings.as_deref(), &cwd)?;
    let reading = reading(&options.destination, &options.replay, &project, &settings, &cwd)?;
    let folder = normal(&project.migrations_folder);
    let told = match folder.is_dir() {
        true => Told::read(&folder, FolderOrder::of(Some(reading.version)), &cwd)?,
        false => Told::nothing(),
    };
    let bases = bases(&options.base, &settings.lint)?;
    let creation = Creation::begin(reading.clone(), &project.schema_files, told).await?;
    let planned = planned(options, output, &name, &creation, &reading, &project, &bases).await;
    creation.finish().await;
    planned
}

async fn planned(
    options: &Plan,
    output: &Output,
    name: &str,
    creation: &Creation,
    reading: &Reading,
    project: &Project,
    bases: &[At],
) -> Result<u8, Problem> {
    let folder = normal(&project.migrations_folder);
    let (migration, protected) = creation.migration();
    if migration.steps.is_empty() {
        output.object(&Planned::nothing(name));
        output.say(match creation.told.migrations.is_empty() {
            true => "Nothing is planned: the schema has nothing to migrate.",
            false => "Nothing is planned: the migrations end where the schema is. A name that is kept with @map or @@map changes nothing in the database.",
        });
        return Ok(exit::CLEAN);
    }
    creation.get_ready();
    let schema = &creation.schema;
    let answers = Answers {
        renames: options.rename.clone(),
        moves: options.moves.clone(),
        reshapes: options.split.iter().chain(&options.merge).cloned().collect(),
        drops: options.drop.clone(),
        parks: options.park.clone(),
        fills: options.fill.clone(),
        swaps: options.swap.clone(),
        replaces: options.replace.clone(),
    };
    let case = Case {
        before: &creation.before,
        after: &creation.after,
        catalog: &creation.catalog,
        scope: creation.scope(),
        version: reading.version,
        schema,
        client: &ClientContract::of(schema, &reading.namespace),
        answers: &answers.with_comments_of(schema),
    };
    let phased = plan(&case, name).map_err(stopped)?;
    let protected: Vec<ProtectedTold> = protected.iter().map(ProtectedTold::by_us).collect();
    let folders = folders(&phased, name, creation, reading, output);
    let text = |(phase, folder): (&PhaseText, &String)| phase.text(folder);
    let texts: Vec<String> = phased.phases.iter().zip(&folders).map(text).collect();
    let (clients, unfit) = creation.clients(project, bases)?;
    let proof = prove(creation, &phased, (&folders, &texts), &clients).await?;
    let downs = proof.rehearsed.ways_back.iter().map(|way| way.text.clone());
    let new: Vec<NewMigration> = folders
        .iter()
        .zip(texts)
        .zip(downs)
        .map(|((folder, text), down)| NewMigration {
            folder: folder.clone(),
            files: vec![(SCRIPT, text), (DOWN, down)],
        })
        .collect();
    if !options.dry_run {
        write(&folder, &new, || creation.is_current(&folder))?;
    }
    let path = |new: &str, file: &str| seen_from(&reading.cwd, &folder.join(new).join(file));
    let mut planned =
        Planned::of(name, options.dry_run, &phased, &new, path, proof, creation.major(), protected);
    planned.is_server_assumed = reading.major.is_none();
    for name in unfit {
        planned.note(format!("{name} does not fit what the history ends in, so a release that does is taken for the one that is out"));
    }
    output.object(&planned);
    let columns = super::columns();
    output.say(page(&planned, columns));
    Ok(exit::CLEAN)
}

/// The folders of the phases, a second apart, so that their order is that of their names.
fn folders(
    phased: &Phased,
    name: &str,
    creation: &Creation,
    reading: &Reading,
    output: &Output,
) -> Vec<String> {
    let order = FolderOrder::of(Some(reading.version));
    let mut existing = creation.told.names();
    let mut folders = Vec::new();
    let mut now = jiff::Timestamp::now();
    for phase in &phased.phases {
        let wanted = format!("{name}_{}", phase.phase().suffix());
        let named = MigrationName::new(&wanted, now, &existing, order);
        if folders.is_empty() {
            if let Some(later) = &named.moved_behind {
                output.remark(format!("note: {later} is named for a time that is still to come; these are named for the seconds behind it"));
            }
            if let Some(other) = &named.stands_before {
                output.remark(format!(
                    "warning: {other} does not begin with a time, so it is applied behind {}, on every new database",
                    named.folder
                ));
            }
        }
        existing.push(named.folder.clone());
        folders.push(named.folder);
        now = now.checked_add(jiff::SignedDuration::from_secs(1)).unwrap_or(now);
    }
    folders
}

/// Why there is no plan, with what to do about it.
fn stopped(stop: Stop) -> Problem {
    let (message, faults): (String, Vec<Fault>) = match stop {
        Stop::Asks(questions) => (
            match questions.len() {
                1 => "there is something that only you know".to_owned(),
                several => format!("there are {several} things that only you know"),
            },
            questions
                .into_iter()
                .map(|question| Fault {
                    place: question.about,
                    message: question.asks,
                    hint: question.flags.join("\n    - "),
                })
                .collect(),
        ),
        Stop::Wrong(answers) => (
            "what was said does not fit the change".to_owned(),
            answers
                .into_iter()
                .map(|wrong| Fault { place: wrong.answer, message: wrong.why, hint: String::new() })
                .collect(),
        ),
        Stop::Refuses(refusals) => (
            "there is no plan for this change".to_owned(),
            refusals
                .into_iter()
                .map(|refusal| Fault { place: refusal.about, message: refusal.why, hint: refusal.instead })
                .collect(),
        ),
    };
    Problem { faults: faults.into(), ..Problem::new(message) }
}
