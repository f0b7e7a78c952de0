//! Pairs of schemas drawn at random, compared in text with Prisma's engine.

use std::collections::BTreeMap;

use fastrand::Rng;
use underpin_prisma::PrismaVersion;
use underpin_testkit::schemas::{Created, Engine, Side, diff};

use super::draft::{Dialect, Draft};
use super::{PRISMA_6, PRISMA_7, script};

/// Each pair has a seed of its own: this and its number.
const SEED: u64 = 20_261_121;

/// A pair of drafts; `None` is the empty database.
#[derive(Clone)]
struct Drawn(Option<Draft>, Option<Draft>);

impl Drawn {
    fn of(number: u64) -> Self {
        let mut rng = Rng::with_seed(SEED + number);
        let before = Draft::draw(&mut rng);
        match rng.u8(..20) {
            0 | 1 => Self(None, Some(before)),
            2 => Self(Some(before), None),
            3 => Self(Some(before), Some(Draft::draw(&mut rng))),
            _ => {
                let after = before.edited(&mut rng);
                Self(Some(before), Some(after))
            }
        }
    }

    fn sides(&self, dialect: Dialect) -> (Side, Side) {
        let print = |draft: &Option<Draft>| draft.as_ref().and_then(|draft| draft.print(dialect));
        (print(&self.0), print(&self.1))
    }

    /// The pair with one thing less, in every way.
    fn smaller(&self) -> Vec<Self> {
        let mut all = Vec::new();
        let mut take = |change: &dyn Fn(&mut Draft)| {
            let mut pair = self.clone();
            for draft in [&mut pair.0, &mut pair.1].into_iter().flatten() {
                change(draft);
                draft.mend();
            }
            all.push(pair);
        };
        for draft in [&self.0, &self.1].into_iter().flatten() {
            for model in &draft.models {
                take(&|draft| draft.models.retain(|other| other.id != model.id));
                for field in &model.fields {
                    take(&|draft| {
                        draft
                            .models
                            .iter_mut()
                            .for_each(|model| model.fields.retain(|other| other.id != field.id))
                    });
                }
                for (position, _) in model.indexes.iter().enumerate() {
                    take(&|draft| {
                        let owner = draft.models.iter_mut().find(|other| other.id == model.id);
                        owner.into_iter().for_each(|model| {
                            if position < model.indexes.len() {
                                model.indexes.remove(position);
                            }
                        });
                    });
                }
            }
            for relation in &draft.relations {
                take(&|draft| draft.relations.retain(|other| other.id != relation.id));
            }
            for found in &draft.enums {
                take(&|draft| draft.enums.retain(|other| other.id != found.id));
            }
        }
        take(&|draft| draft.namespaces.clear());
        take(&|draft| draft.extensions.clear());
        all
    }
}

/// The schemas of the pair of a number.
pub(crate) fn drawn(number: u64, dialect: Dialect) -> (Side, Side) {
    Drawn::of(number).sides(dialect)
}

/// What differs in a pair, if anything does; the engine's refusal counts.
fn difference(sides: &(Side, Side), prisma: &Created, version: PrismaVersion) -> Option<String> {
    let wanted = match prisma {
        Created::Sql(sql) => sql,
        Created::Error(error) => return Some(format!("Prisma refuses it: {error}")),
    };
    let ours = script(&sides.0, &sides.1, version);
    (ours.trim_end() != wanted.trim_end()).then(|| format!("--- Prisma\n{wanted}\n--- we\n{ours}"))
}

fn shown(sides: &(Side, Side)) -> String {
    let side = |side: &Side| match side {
        None => "(empty)".to_owned(),
        Some(files) => files.iter().map(|(path, text)| format!("// {path}\n{text}")).collect(),
    };
    format!("--- before\n{}\n--- after\n{}", side(&sides.0), side(&sides.1))
}

/// Compares so many pairs.
async fn compare(engine: Engine, count: u64) -> Compared {
    let (dialect, version) = match engine {
        Engine::Prisma7 => (Dialect::Prisma7, PRISMA_7),
        Engine::Prisma6 => (Dialect::Prisma6, PRISMA_6),
    };
    let drawn: Vec<Drawn> = (0..count).map(Drawn::of).collect();
    let sides: Vec<_> = drawn.iter().map(|pair| pair.sides(dialect)).collect();
    let answers = diff(engine, &sides).await;
    let is_different = |at: &usize| difference(&sides[*at], &answers[*at], version).is_some();
    let different: Vec<usize> = (0..drawn.len()).filter(is_different).collect();
    if let Some(&first) = different.first() {
        let is_refused = |at: usize| matches!(answers[at], Created::Error(_));
        let (pair, what) = shrunk(drawn[first].clone(), engine, dialect, version, is_refused(first)).await;
        panic!(
            "{} of {count} differ, {} are refused: {different:?}\nthe first, number {first}, made smaller:\n{}\n{what}",
            different.len(),
            different.iter().filter(|&&at| is_refused(at)).count(),
            shown(&pair.sides(dialect))
        );
    }
    Compared::of(&answers)
}

/// What was compared: without variety, equality says little.
#[derive(Debug, PartialEq, Eq)]
struct Compared {
    /// Pairs whose script says something.
    changing: usize,
    /// Paragraphs of the scripts, by their titles.
    steps: BTreeMap<String, usize>,
}

impl Compared {
    fn of(answers: &[Created]) -> Self {
        let mut compared = Self { changing: 0, steps: BTreeMap::new() };
        for answer in answers {
            let Created::Sql(sql) = answer else { continue };
            compared.changing += usize::from(!sql.starts_with("-- This is an empty"));
            for line in sql.lines() {
                if let Some(title) = line.strip_prefix("-- ").filter(|title| !title.contains(' ')) {
                    *compared.steps.entry(title.to_owned()).or_default() += 1;
                }
            }
        }
        compared
    }

    fn said(&self) -> String {
        let steps: Vec<String> = self.steps.iter().map(|(title, count)| format!("{title} {count}")).collect();
        format!("{} change something: {}", self.changing, steps.join(", "))
    }
}

/// The smallest pair that still differs in the same way: less of it, as long as there is something to take.
async fn shrunk(
    mut pair: Drawn,
    engine: Engine,
    dialect: Dialect,
    version: PrismaVersion,
    is_refusal: bool,
) -> (Drawn, String) {
    let mut what = String::new();
    for _ in 0..60 {
        let mut candidates = vec![pair.clone()];
        candidates.extend(pair.smaller());
        let sides: Vec<_> = candidates.iter().map(|pair| pair.sides(dialect)).collect();
        let answers = diff(engine, &sides).await;
        let found = (0..candidates.len()).rev().find_map(|at| {
            let same_kind = matches!(answers[at], Created::Error(_)) == is_refusal;
            let is_less = at == 0 || sides[at] != sides[0];
            let difference = difference(&sides[at], &answers[at], version);
            difference.filter(|_| same_kind && is_less).map(|what| (at, what))
        });
        match found {
            Some((0, last)) => return (pair, last),
            Some((at, next)) => (pair, what) = (candidates[at].clone(), next),
            None => break,
        }
    }
    (pair, what)
}

#[tokio::test]
async fn two_thousand_drawn_pairs_become_the_script_of_prisma_7() {
    let compared = compare(Engine::Prisma7, 2_000).await;
    assert_eq!(
        compared.said(),
        "1880 change something: AddForeignKey 1105, AlterEnum 237, AlterTable 1447, CreateEnum 705, \
         CreateExtension 66, CreateIndex 2966, CreateSchema 392, CreateTable 1312, DropEnum 538, \
         DropForeignKey 1283, DropIndex 272, DropTable 1107, RenameForeignKey 22, RenameIndex 77"
    );
}

#[tokio::test]
async fn five_hundred_drawn_pairs_become_the_script_of_prisma_6() {
    let compared = compare(Engine::Prisma6, 500).await;
    assert_eq!(
        compared.said(),
        "472 change something: AddForeignKey 279, AlterEnum 64, AlterTable 375, CreateEnum 161, \
         CreateExtension 12, CreateIndex 605, CreateSchema 50, CreateTable 265, DropEnum 122, \
         DropForeignKey 315, DropIndex 44, DropTable 256, RenameForeignKey 5, RenameIndex 19"
    );
}
