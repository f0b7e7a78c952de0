//! A plan in phases: for a person, or as one object.

use serde::Serialize;
use underpin_core::down::Tried;
use underpin_core::recipe::Phased;
use underpin_core::rollout::Phase;
use underpin_engine::create::writing::NewMigration;
use underpin_engine::phases::Proof;

use super::compat::{Matrix, verdicts};
use super::lint::facts::{clean, wrapped};
use super::protected::{self, ProtectedTold};

/// Everything that is told.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Planned {
    version: u32,
    exit_code: u8,
    /// Whether there is nothing to migrate, so that nothing is written.
    empty: bool,
    dry_run: bool,
    /// The name of the rollout.
    rollout: String,
    /// What is done with what.
    recipes: Vec<RecipeTold>,
    /// What a person should know.
    notes: Vec<String>,
    /// What no schema can say, with what becomes of it.
    protected: Vec<ProtectedTold>,
    /// The phases, in their order.
    phases: Vec<PhaseTold>,
    /// Which release may run on which state; none where nothing is planned.
    compat: Option<Matrix>,
    /// The major version of the server that they were proven on.
    server: Option<u32>,
    /// Nobody has said which is meant.
    #[serde(skip)]
    pub(crate) is_server_assumed: bool,
}

#[derive(Debug, Serialize)]
struct RecipeTold {
    recipe: &'static str,
    what: String,
}

#[derive(Debug, Serialize)]
struct PhaseTold {
    phase: Phase,
    /// Whether a deploy holds it until it is released.
    held: bool,
    folder: String,
    files: Vec<FileTold>,
    /// What its way back leaves other than before; nothing where it leads back to the same catalog.
    down_leaves: Vec<String>,
}

#[derive(Debug, Serialize)]
struct FileTold {
    path: String,
    text: String,
}

impl Planned {
    /// Nothing lacks.
    pub(crate) fn nothing(rollout: &str) -> Self {
        Self { version: 1, empty: true, rollout: rollout.to_owned(), ..Self::default() }
    }

    #[expect(clippy::too_many_arguments, reason = "each is told once, and by its own name")]
    pub(crate) fn of(
        rollout: &str,
        dry_run: bool,
        phased: &Phased,
        new: &[NewMigration],
        path_of: impl Fn(&str, &str) -> String,
        proof: Proof,
        server: u32,
        protected: Vec<ProtectedTold>,
    ) -> Self {
        let phases = phased.phases.iter().zip(new).zip(&proof.rehearsed.ways_back);
        let phase = |((phase, new), way): (
            (&underpin_core::recipe::PhaseText, &NewMigration),
            &underpin_engine::create::WayBack,
        )| {
            let file = |(name, text): &(&'static str, String)| FileTold {
                path: path_of(&new.folder, name),
                text: text.clone(),
            };
            PhaseTold {
                phase: phase.phase(),
                held: phase.phase().is_held(),
                folder: new.folder.clone(),
                files: new.files.iter().map(file).collect(),
                down_leaves: match &way.tried {
                    Tried::Ran(left) => left.clone(),
                    Tried::Failed(why) => vec![why.clone()],
                },
            }
        };
        Self {
            version: 1,
            exit_code: underpin_core::exit::CLEAN,
            empty: false,
            dry_run,
            rollout: rollout.to_owned(),
            recipes: phased
                .used
                .iter()
                .map(|used| RecipeTold { recipe: used.recipe, what: used.what.clone() })
                .collect(),
            notes: phased.notes.clone(),
            protected,
            phases: phases.map(phase).collect(),
            compat: Some(Matrix::of(proof.compat)),
            server: Some(server),
            is_server_assumed: false,
        }
    }
}

impl Planned {
    /// Something more that a person should know.
    pub(crate) fn note(&mut self, note: String) {
        self.notes.push(note);
    }
}

/// The page, in lines of at most `columns` characters where words allow it.
pub(crate) fn page(planned: &Planned, columns: usize) -> String {
    let mut page = protected::part(&planned.protected, false, columns);
    let mut say = |words: &str| page.push_str(&format!("{}\n", wrapped(&clean(words), columns)));
    for recipe in &planned.recipes {
        say(&format!("{}: {}", recipe.recipe, recipe.what));
    }
    for note in &planned.notes {
        say(&format!("note: {note}"));
    }
    say("");
    for phase in &planned.phases {
        say(&format!("{}: {}", phase.folder, what_comes(phase, &planned.phases)));
    }
    if let Some(compat) = &planned.compat {
        page.push_str(&format!("\n{}", verdicts(compat, columns)));
    }
    let mut say = |words: &str| page.push_str(&format!("{}\n", wrapped(&clean(words), columns)));
    say("");
    if let Some(server) = planned.server {
        say(&format!("On PostgreSQL {server}, behind the history: {}.", proven(&planned.phases)));
        if planned.is_server_assumed {
            say(&format!("That yours is PostgreSQL {server} was assumed: --pg-version says another."));
        }
    }
    page.push('\n');
    for file in planned.phases.iter().flat_map(|phase| &phase.files) {
        match planned.dry_run {
            true => page.push_str(&format!("would write {}:\n{}\n", file.path, indented(&file.text))),
            false => page.push_str(&format!("wrote {}\n", file.path)),
        }
    }
    if !planned.dry_run && planned.phases.iter().any(|phase| phase.held) {
        page.push_str(&format!(
            "\n{}",
            wrapped(
                "Commit them with the schema. Which release may run when: underpin compat. underpin deploy executes what is not held.",
                columns
            )
        ));
    }
    page.trim_end().to_owned()
}

/// What a phase is for, and who may run behind it.
fn what_comes(phase: &PhaseTold, all: &[PhaseTold]) -> &'static str {
    let has = |wanted: Phase| all.iter().any(|other| other.phase == wanted);
    match phase.phase {
        Phase::Expand if has(Phase::Backfill) => "the release that is out goes on; nothing of it changes.",
        Phase::Expand => "behind it the new release can be deployed, beside the one that is out.",
        Phase::Backfill => "behind it the new release can be deployed, beside the one that is out.",
        Phase::Contract => "held until the old release is gone.",
    }
}

fn proven(phases: &[PhaseTold]) -> String {
    let left: Vec<String> = phases
        .iter()
        .filter(|phase| !phase.down_leaves.is_empty())
        .map(|phase| {
            format!("down.sql of {} leaves {} other than before", phase.folder, phase.down_leaves.join(", "))
        })
        .collect();
    let ends = "the phases end where Prisma's own migration would end, sent by Prisma before 7.4 and since";
    match left.is_empty() {
        true => format!("{ends}, and each down.sql leads back to the catalog before its phase"),
        false => format!("{ends}; {}", left.join("; ")),
    }
}

fn indented(text: &str) -> String {
    let line = |line: &str| if line.is_empty() { "\n".to_owned() } else { format!("    {line}\n") };
    text.lines().map(line).collect()
}
