//! Migrations, judged: what `lint`, `audit` and the editor's server do with what was gathered.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use underpin_catalog::{Name, ServerVersion};
use underpin_core::lint::report::FileReport;
use underpin_core::lint::stats::Stats;
use underpin_core::lint::{Circumstances, Linter, Source};
use underpin_core::settings::{LintSettings, Settings};
use underpin_engine::files::normal;
use underpin_engine::project::Project;
use underpin_engine::project::releases::{At, Deployed};
use underpin_engine::{Problem, read_each};
use underpin_prisma::PrismaVersion;
use underpin_prisma::client::ClientContract;
use underpin_sql::in_force::{Session, Settings as InForce};
use underpin_sql::sending::Sender;

use crate::arguments::Migrations;
use crate::gather::{File, Gathered};
use crate::place;

/// What files are judged with.
#[derive(Debug)]
pub(crate) struct Judging {
    pub(crate) stats: Stats,
    pub(crate) server: ServerVersion,
    pub(crate) sender: Sender,
    /// What a session is given when it connects, by the options of the project's URL.
    session: Session,
    /// Where names go that say no namespace.
    namespace: Name,
    /// Clients of releases that run, and the files that these releases contain already.
    running: Running,
}

/// The releases that run, as far as anybody said.
#[derive(Debug, Default)]
struct Running {
    clients: Vec<ClientContract>,
    held: BTreeSet<PathBuf>,
}

impl Judging {
    /// Looks up what the files are judged with.
    pub(crate) async fn prepare(
        typed: &Migrations,
        gathered: &Gathered,
        settings: &Settings,
        since: bool,
        cwd: &Path,
    ) -> Result<Self, Problem> {
        // A project without a URL, or with one that only a pipeline has, is judged all the same.
        let url = gathered.project.as_ref().and_then(|project| place::url(project).ok());
        let namespace = url.as_ref().map_or_else(home, |url| Name::new(&url.schema));
        let options = url.and_then(|url| url.options).unwrap_or_default();
        let stats = sizes(typed, cwd).await?.with_declared(&settings.lint.tables, &namespace);
        let newest = ServerVersion::of_major(*ServerVersion::SUPPORTED.end());
        let server = typed.pg_version.map(ServerVersion::of_major).or(stats.server_version).unwrap_or(newest);
        let running = running(typed, gathered, &settings.lint, since, cwd)?;
        Ok(Self {
            stats,
            server,
            sender: sender(gathered.prisma),
            session: Session::new(InForce::of_options(&options)),
            namespace,
            running,
        })
    }

    /// Judges every file that was asked for, in order. Each sequence is judged by itself.
    pub(crate) fn each(
        &self,
        gathered: &Gathered,
        settings: &LintSettings,
        together: bool,
        assumed_rows: f64,
        mut take: impl FnMut(FileReport),
    ) {
        self.each_before(gathered, settings, together, assumed_rows, |_, _| (), |(), report| take(report));
    }

    /// The same, with a look at the linter and at the file's statements before it is judged.
    pub(crate) fn each_before<T>(
        &self,
        gathered: &Gathered,
        settings: &LintSettings,
        together: bool,
        assumed_rows: f64,
        look: impl Fn(&Linter<'_>, &Source<'_>) -> T,
        mut take: impl FnMut(T, FileReport),
    ) {
        for sequence in &gathered.sequences {
            let mut linter = Linter::new(Circumstances {
                server: self.server,
                sender: self.sender,
                session: self.session.clone(),
                namespace: self.namespace.clone(),
                whole_history: sequence.from_empty,
                together,
                stats: &self.stats,
                assumed_rows,
                settings,
                deployed: &[],
            });
            let texts: Vec<&str> = sequence.files.iter().map(|file| file.script.text()).collect();
            read_each(&texts, |at, read| {
                let file = &sequence.files[at];
                if file.asked {
                    linter.deployed(self.running.for_file(file));
                    let source = Source { path: &file.path, text: texts[at], read };
                    let seen = look(&linter, &source);
                    take(seen, linter.judge(&source));
                } else {
                    linter.pass(&read);
                }
            });
        }
    }
}

impl Running {
    /// What a release contains already does not break it.
    fn for_file(&self, file: &File) -> &[ClientContract] {
        match self.clients.is_empty() || self.held.contains(&file.at) {
            true => &[],
            false => &self.clients,
        }
    }
}

/// Where names go that say no namespace.
pub(crate) fn home() -> Name {
    Name::new("public")
}

fn sender(prisma: Option<PrismaVersion>) -> Sender {
    match prisma {
        Some(version) if version.splits_scripts() => Sender::PrismaSplit,
        // A version that nobody knows is taken for one that sends a file whole: locks of its statements are
        // then held together, which is the worse case.
        Some(_) | None => Sender::PrismaWhole,
    }
}

/// The releases of the settings; without any, and where only what is new is judged, the one that Git's history
/// has in common with the default branch.
fn running(
    typed: &Migrations,
    gathered: &Gathered,
    settings: &LintSettings,
    since: bool,
    cwd: &Path,
) -> Result<Running, Problem> {
    if settings.deployed.is_empty() && !since {
        return Ok(Running::default());
    }
    let named: Vec<At> = settings
        .deployed
        .iter()
        .map(|text| text.parse().map_err(|error| Problem::new(format!("lint.deployed: {error}"))))
        .collect::<Result<_, _>>()?;
    let discovered;
    let project = match &gathered.project {
        Some(project) => project,
        None => match Project::discover(&place::at(cwd, typed)) {
            Ok(project) => {
                discovered = project;
                &discovered
            }
            // Plain files have no client.
            Err(_) if named.is_empty() => return Ok(Running::default()),
            Err(error) => return Err(place::problem(&error)),
        },
    };
    let deployed = Deployed::find(project, &named)?;
    let held = deployed.held(&project.migrations_folder)?;
    Ok(Running { clients: deployed.clients(&home()), held: held.iter().map(|path| normal(path)).collect() })
}

/// How large tables are, from a file or from a database, when one is named.
async fn sizes(typed: &Migrations, cwd: &Path) -> Result<Stats, Problem> {
    if let Some(url) = &typed.url {
        return underpin_engine::stats::read(&place::typed_url(url)?).await;
    }
    let Some(path) = typed.stats.as_ref().map(|path| cwd.join(path)) else { return Ok(Stats::none()) };
    let hint = "`underpin stats --output FILE` writes such a file";
    let text = std::fs::read_to_string(&path).map_err(|error| {
        let problem = Problem::new(format!("the statistics cannot be read: {error}"));
        problem.at(path.display().to_string()).hint(hint)
    })?;
    Stats::from_json(&text).map_err(|error| {
        let problem = Problem::new(format!("the statistics cannot be used: {error}"));
        problem.at(path.display().to_string()).hint(hint)
    })
}
