//! The pages of the recipes, as tests.
//!
//! A section of a page may have these fences, and inherits them from the sections above it:
//!
//! - ```` ```prisma before ````, ```` ```prisma after ````: the models, without datasource.
//! - ```` ```given ````: what a person says, a flag to a line: `--rename User.fullName:displayName`,
//!   `--split User.name:firstName,lastName`, `--move User.street:Address`, `--drop User.old`, `--park User.old`,
//!   `--fill User.slug=lower("name")`,
//!   `--replace Status.OLD:NEW`, `--swap Event.count`.
//! - ```` ```plan ````: what comes of it: the recipes, the notes and the files; or why there is no plan.
//!
//! `UNDERPIN_BLESS=1` writes what was found into the page. That the files do what they say is shown on servers
//! by the command's own tests, which read these pages too.

use std::path::Path;

use underpin_catalog::{Catalog, Name};
use underpin_core::recipe::{Answers, Case, Phased, ReshapeAnswer, Stop, pages, plan};
use underpin_prisma::client::ClientContract;
use underpin_prisma::migrate::Scope;
use underpin_prisma::{PrismaCatalog, PrismaVersion, Schema, Source};
use underpin_testkit::{CaseFile, Section, hold};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/recipes");
const VERSION: PrismaVersion = PrismaVersion::new(7, 10, 0);

#[test]
fn every_recipe_has_its_page() {
    let mut named: Vec<_> = pages().iter().map(|page| page.name.to_owned()).collect();
    named.sort();
    let files: Vec<_> =
        CaseFile::all_in(Path::new(FOLDER)).iter().map(|page| page.name().to_owned()).collect();
    assert_eq!(named, files);
    for page in pages() {
        assert_eq!(page.text.lines().next(), Some(format!("# {}", page.name).as_str()));
    }
}

#[test]
fn every_case_of_every_page_is_as_the_page_says() {
    hold(&CaseFile::all_in(Path::new(FOLDER)), "plan", told);
}

fn told(page: &CaseFile, section: &Section) -> String {
    let schema = |info: &str| {
        let fence =
            page.nearest(section, info).unwrap_or_else(|| panic!("{}: no {info}", page.place(section)));
        let text = format!("datasource db {{\n  provider = \"postgresql\"\n}}\n{}", fence.text);
        Schema::parse(vec![Source::new("schema.prisma", text)])
    };
    let namespace = Name::new("public");
    let catalog = |schema: &Schema| {
        PrismaCatalog::of_schema(schema, &namespace, VERSION)
            .unwrap_or_else(|errors| panic!("{}: {errors:?}", page.place(section)))
    };
    let (old, new) = (schema("prisma before"), schema("prisma after"));
    let mut answers = Answers::default();
    for line in page.inherited(section, "given").iter().flat_map(|fence| fence.text.lines()) {
        match line.split_once(' ') {
            Some(("--rename", said)) => answers.renames.push(said.parse().unwrap()),
            Some(("--move", said)) => answers.moves.push(said.parse().unwrap()),
            Some(("--split", said)) => answers.reshapes.push(ReshapeAnswer::split(said).unwrap()),
            Some(("--merge", said)) => answers.reshapes.push(ReshapeAnswer::merge(said).unwrap()),
            Some(("--drop", said)) => answers.drops.push(said.to_owned()),
            Some(("--replace", said)) => answers.replaces.push(said.parse().unwrap()),
            Some(("--swap", said)) => answers.swaps.push(said.to_owned()),
            Some(("--park", said)) => answers.parks.push(said.to_owned()),
            Some(("--fill", said)) => answers.fills.push(said.parse().unwrap()),
            _ => panic!("{}: {line}", page.place(section)),
        }
    }
    let answers = answers.with_comments_of(&new);
    let scope = Scope::of_connection(namespace.clone(), VERSION);
    let case = Case {
        before: &catalog(&old),
        after: &catalog(&new),
        catalog: &Catalog::default(),
        scope: &scope,
        version: VERSION,
        schema: &new,
        client: &ClientContract::of(&new, &namespace),
        answers: &answers,
    };
    match plan(&case, "change") {
        Ok(phased) => in_words(&phased),
        Err(Stop::Asks(questions)) => questions
            .iter()
            .map(|question| {
                format!("asks: {}: {}\n{}", question.about, question.asks, flags(&question.flags))
            })
            .collect(),
        Err(Stop::Wrong(answers)) => {
            answers.iter().map(|wrong| format!("wrong: {}: {}\n", wrong.answer, wrong.why)).collect()
        }
        Err(Stop::Refuses(refusals)) => refusals
            .iter()
            .map(|refusal| {
                format!("refused: {}: {}\n  instead: {}\n", refusal.about, refusal.why, refusal.instead)
            })
            .collect(),
    }
}

fn flags(flags: &[String]) -> String {
    flags.iter().map(|flag| format!("  {flag}\n")).collect()
}

fn in_words(phased: &Phased) -> String {
    let mut told: String =
        phased.used.iter().map(|used| format!("{}: {}\n", used.recipe, used.what)).collect();
    told.extend(phased.notes.iter().map(|note| format!("note: {note}\n")));
    for phase in &phased.phases {
        let folder = format!("20260301000000_change_{}", phase.phase().suffix());
        told.push_str(&format!("\n=== {}\n{}", phase.phase().suffix(), phase.text(&folder)));
    }
    told
}
