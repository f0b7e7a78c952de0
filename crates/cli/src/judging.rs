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
use underpin_sql::in_force::Session;
use underpin_sql::sending::Sender;

use crate::arguments::Migrations;
use crate::gather::Gathered;
use crate::place;

/// What files are judged with.
#[derive(Debug)]
pub(crate) struct Judging {
    pub(crate) stats: Stats,
    pub(crate) server: ServerVersion,
    pub(crate) sender: Sender,
    /// What a session is given when it connects, by the options of the project's URL.
    pub(crate) session: Session,
    /// Where names go that say no namespace.
    pub(crate) namespace: Name,
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
        let judging = Self::without_releases(typed, gathered, settings, cwd).await?;
        judging.with_releases(typed, gathered, settings, since, cwd)
    }

    /// The same, without the releases that run, for which Git is asked.
    pub(crate) async fn without_releases(
        typed: &Migrations,
        gathered: &Gathered,
        settings: &Settings,
        cwd: &Path,
    ) -> Result<Self, Problem> {
        let stats = match &typed.url {
            Some(url) => underpin_engine::stats::read(&place::typed_url(url)?).await?,
            None => sizes(typed, cwd)?,
        };
        Ok(Self::with(
            stats,
            Running::default(),
            typed.destination.pg_version,
            gathered.prisma,
            gathered.project.as_ref(),
            settings,
        ))
    }

    /// Finds the releases that run.
    pub(crate) fn with_releases(
        self,
        typed: &Migrations,
        gathered: &Gathered,
        settings: &Settings,
        since: bool,
        cwd: &Path,
    ) -> Result<Self, Problem> {
        Ok(Self { running: running(typed, gathered, &settings.lint, since, cwd)?, ..self })
    }

    /// The same from files alone, for an editor: without what cannot be used, and why that is.
    pub(crate) fn as_far_as_known(
        typed: &Migrations,
        prisma: Option<PrismaVersion>,
        project: Option<&Project>,
        settings: &Settings,
        cwd: &Path,
    ) -> (Self, Vec<Problem>) {
        let mut left_out = Vec::new();
        let stats = sizes(typed, cwd).unwrap_or_else(|problem| {
            left_out.push(problem);
            Stats::none()
        });
        let running = match project.filter(|_| !settings.lint.deployed.is_empty()) {
            Some(project) => named(&settings.lint).and_then(|releases| Running::of(project, &releases)),
            None => Ok(Running::default()),
        };
        let running = running.unwrap_or_else(|problem| {
            left_out.push(problem);
            Running::default()
        });
        let judging = Self::with(stats, running, typed.destination.pg_version, prisma, project, settings);
        (judging, left_out)
    }

    fn with(
        stats: Stats,
        running: Running,
        major: Option<u32>,
        prisma: Option<PrismaVersion>,
        project: Option<&Project>,
        settings: &Settings,
    ) -> Self {
        // A project without a URL, or with one that only a pipeline has, is judged all the same.
        let url = project.and_then(|project| place::url(project).ok());
        let namespace = url.as_ref().map_or_else(home, |url| Name::new(&url.schema));
        let stats = stats.with_declared(&settings.lint.tables, &namespace);
        let newest = ServerVersion::of_major(*ServerVersion::SUPPORTED.end());
        Self {
            server: major.map(ServerVersion::of_major).or(stats.server_version).unwrap_or(newest),
            stats,
            sender: sender(prisma),
            session: Session::new(place::set_by(url.as_ref())),
            namespace,
            running,
        }
    }

    /// What is known before the first file of a sequence.
    pub(crate) fn circumstances<'a>(
        &'a self,
        settings: &'a LintSettings,
        whole_history: bool,
        together: bool,
        assumed_rows: f64,
    ) -> Circumstances<'a> {
        Circumstances {
            session: self.session.clone(),
            namespace: self.namespace.clone(),
            whole_history,
            together,
            assumed_rows,
            ..Circumstances::of_history(self.server, self.sender, &self.stats, settings)
        }
    }

    /// The clients that run when a file is deployed. What a release contains already does not break it.
    pub(crate) fn deployed_before(&self, file: &Path) -> &[ClientContract] {
        match self.running.clients.is_empty() || self.running.held.contains(file) {
            true => &[],
            false => &self.running.clients,
        }
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
            let around = self.circumstances(settings, sequence.from_empty, together, assumed_rows);
            let mut linter = Linter::new(around);
            let texts: Vec<&str> = sequence.files.iter().map(|file| file.script.text()).collect();
            read_each(&texts, |at, read| {
                let file = &sequence.files[at];
                if file.asked {
                    linter.deployed(self.deployed_before(&file.at));
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
    fn of(project: &Project, named: &[At]) -> Result<Self, Problem> {
        let deployed = Deployed::find(project, named)?;
        let held = deployed.held(&project.migrations_folder)?;
        let held = held.iter().map(|path| normal(path)).collect();
        Ok(Self { clients: deployed.clients(&home()), held })
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
    let named = named(settings)?;
    let discovered;
    let project = match &gathered.project {
        Some(project) => project,
        None => match Project::discover(&place::at(cwd, &typed.files)) {
            Ok(project) => {
                discovered = project;
                &discovered
            }
            // Plain files have no client.
            Err(_) if named.is_empty() => return Ok(Running::default()),
            Err(error) => return Err(place::problem(&error)),
        },
    };
    Running::of(project, &named)
}

pub(crate) fn named(settings: &LintSettings) -> Result<Vec<At>, Problem> {
    let parsed =
        |text: &String| text.parse().map_err(|error| Problem::new(format!("lint.deployed: {error}")));
    settings.deployed.iter().map(parsed).collect()
}

/// The releases that run, by the revisions that somebody typed, else by the settings.
pub(crate) fn bases(typed: &[String], settings: &LintSettings) -> Result<Vec<At>, Problem> {
    let at = |revision: &String| At::Git { revision: revision.clone(), path: None };
    match typed.is_empty() {
        true => named(settings),
        false => Ok(typed.iter().map(at).collect()),
    }
}

/// How large tables are, from a file, when one is named.
fn sizes(typed: &Migrations, cwd: &Path) -> Result<Stats, Problem> {
    let Some(path) = typed.destination.stats.as_ref().map(|path| cwd.join(path)) else {
        return Ok(Stats::none());
    };
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
