//! What we refuse a schema for against what Prisma's validator does.
//!
//! The pages in `tests/refused` have a case for each kind of error: a schema (`prisma`, below a datasource of its own
//! file unless it has one) and what we tell (`told`). Prisma 7 and 6 are asked about the same schemas: 7, asked as an
//! editor does, must refuse the same lines; 6, asked as its commands do, stops at the first kind of error, so its lines
//! must be among ours. Where we differ, the case says why in a fence `differs`.
//!
//! In a text that is not the language, Prisma drops what it cannot read and then misses it elsewhere; we know better
//! where a block ends and tell less. There both must refuse, and the lines are counted only.

use std::collections::BTreeSet;
use std::path::Path;

use fastrand::Rng;
use underpin_prisma::PrismaVersion;
use underpin_prisma::schema::{Schema, Source};
use underpin_prisma::validator::validate;
use underpin_testkit::schemas::{Created, Engine, Refusal, diff, for_prisma_7, lint};
use underpin_testkit::{CaseFile, hold};

use crate::migrate::{PRISMA_6, PRISMA_7};
use crate::parser::slipped;
use crate::schemas::all;

const DATASOURCE_7: &str = "datasource db {\n  provider = \"postgresql\"\n}\n";
const DATASOURCE_6: &str = "datasource db {\n  provider = \"postgresql\"\n  url = \"postgresql://x\"\n}\n";

type Files = Vec<(String, String)>;

fn pages() -> Vec<CaseFile> {
    CaseFile::all_in(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/refused"))
}

/// The files of a case, or of any text.
fn files(text: &str, datasource: &str) -> Files {
    let schema = ("schema.prisma".to_owned(), text.to_owned());
    if text.contains("datasource") {
        return vec![schema];
    }
    vec![("datasource.prisma".to_owned(), datasource.to_owned()), schema]
}

fn read(files: &Files) -> Schema {
    Schema::parse(files.iter().map(|(path, text)| Source::new(path, text)).collect())
}

/// The lines that we refuse, with their files.
fn lines(files: &Files, version: PrismaVersion) -> BTreeSet<(String, usize)> {
    let schema = read(files);
    let errors = validate(&schema, version);
    errors.iter().map(|error| (schema.path(error.span).to_owned(), schema.place(error.span).line)).collect()
}

/// The lines that Prisma 7 refuses.
fn lines_of(files: &Files, refusals: &[Refusal]) -> BTreeSet<(String, usize)> {
    let line = |refusal: &Refusal| {
        let (_, text) = files.iter().find(|(path, _)| *path == refusal.file).unwrap();
        text[..refusal.start].matches('\n').count() + 1
    };
    refusals.iter().map(|refusal| (refusal.file.clone(), line(refusal))).collect()
}

/// The lines that Prisma 6 refuses, from the text of its complaint.
fn lines_told(complaint: &str) -> BTreeSet<(String, usize)> {
    let places = complaint.split("-->").skip(1).map(|rest| rest.lines().next().unwrap_or_default().trim());
    places
        .map(|place| {
            let (file, line) = place.rsplit_once(':').unwrap_or_else(|| panic!("no place: {place}"));
            (file.to_owned(), line.parse().unwrap())
        })
        .collect()
}

#[test]
fn every_kind_of_error_is_told_as_its_page_says() {
    let cases = hold(&pages(), "told", |page, section| {
        let text = &page.nearest(section, "prisma").unwrap().text;
        let schema = read(&files(text, DATASOURCE_7));
        let told = validate(&schema, PRISMA_7).into_iter().map(|error| {
            let file = schema.path(error.span);
            let file = if file == "schema.prisma" { String::new() } else { format!("{file}:") };
            format!("{file}{}: {error}\n  {}\n", schema.place(error.span), error.hint)
        });
        told.collect()
    });
    assert_eq!(cases, 123);
}

#[tokio::test]
async fn prisma_refuses_the_same_lines() {
    let pages = pages();
    let cases: Vec<_> =
        pages.iter().flat_map(|page| page.cases("told").map(move |case| (page, case))).collect();
    let texts: Vec<&str> =
        cases.iter().map(|(page, case)| page.nearest(case, "prisma").unwrap().text.as_str()).collect();
    let sevens: Vec<Files> = texts.iter().map(|text| files(text, DATASOURCE_7)).collect();
    let sixes: Vec<_> = texts.iter().map(|text| (None, Some(files(text, DATASOURCE_6)))).collect();
    let (of_seven, of_six) = (lint(&sevens).await, diff(Engine::Prisma6, &sixes).await);
    let mut wrong = Vec::new();
    let (mut refused, mut starts, mut spans, mut differs) = (0, 0, 0, 0);
    for (index, (page, case)) in cases.iter().enumerate() {
        let place = page.place(case);
        let expected = lines_of(&sevens[index], &of_seven[index]);
        let ours = lines(&sevens[index], PRISMA_7);
        let schema = read(&sevens[index]);
        let errors = validate(&schema, PRISMA_7);
        for refusal in &of_seven[index] {
            refused += 1;
            let text = &sevens[index].iter().find(|(path, _)| *path == refusal.file).unwrap().1;
            let end = refusal.start + text[refusal.start..refusal.end].trim_end().len();
            let near = |error: &&underpin_prisma::SchemaError| {
                schema.path(error.span) == refusal.file && error.span.start == refusal.start
            };
            starts += usize::from(errors.iter().any(|error| near(&error)));
            spans += usize::from(errors.iter().any(|error| near(&error) && error.span.end == end));
        }
        if case.own("differs").is_some() {
            differs += 1;
            assert_ne!(ours, expected, "{place} does not differ any more");
            continue;
        }
        if ours != expected {
            let told: Vec<_> = of_seven[index].iter().map(|refusal| &refusal.text).collect();
            wrong.push(format!("{place}: Prisma 7 {expected:?}, we {ours:?}: {told:#?}"));
        }
        let ours = lines(sixes[index].1.as_ref().unwrap(), PRISMA_6);
        let expected = match &of_six[index] {
            Created::Sql(_) => BTreeSet::new(),
            Created::Error(complaint) => lines_told(complaint),
        };
        // It stops at the first kind of error; we go on.
        if ours.is_empty() != expected.is_empty() || !ours.is_superset(&expected) {
            wrong.push(format!("{place}: Prisma 6 {expected:?}, we {ours:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {}\n{}", wrong.len(), cases.len(), wrong.join("\n"));
    // Errors of Prisma 7; those that we tell at the same byte; those with the same end, too; cases that differ.
    assert_eq!((refused, starts, spans, differs), (504, 497, 497, 1));
}

/// Real schemas, and real schemas with slips of the hand.
#[tokio::test]
async fn real_schemas_are_refused_where_prisma_refuses_them() {
    let mut rng = Rng::with_seed(5);
    let real: Vec<(String, String)> =
        all().await.into_iter().map(|(name, text)| (name, for_prisma_7(&text))).collect();
    let small: Vec<&str> =
        real.iter().map(|(_, text)| text.as_str()).filter(|text| text.len() < 20_000).collect();
    let slips: Vec<String> = (0..4_000).map(|_| slipped(small[rng.usize(..small.len())], &mut rng)).collect();
    let texts: Vec<&str> =
        real.iter().map(|(_, text)| text.as_str()).chain(slips.iter().map(String::as_str)).collect();
    let schemas: Vec<Files> = texts.iter().map(|text| files(text, DATASOURCE_7)).collect();
    let (mut taken, mut refused, mut errors, mut wrong) = (0, 0, 0, Vec::new());
    let (mut unreadable, mut same) = (0, 0);
    for (files, refusals) in schemas.iter().zip(lint(&schemas).await) {
        let (expected, ours) = (lines_of(files, &refusals), lines(files, PRISMA_7));
        taken += usize::from(expected.is_empty());
        let is_same = match read(files).errors.is_empty() {
            true => ours == expected,
            false => {
                unreadable += 1;
                same += usize::from(ours == expected);
                !ours.is_empty() && !expected.is_empty()
            }
        };
        if read(files).errors.is_empty() && !expected.is_empty() {
            refused += 1;
            errors += refusals.len();
        }
        if !is_same {
            let told: Vec<_> = refusals.iter().map(|refusal| &refusal.text).collect();
            wrong.push(format!("{}\nPrisma {expected:?}, we {ours:?}: {told:#?}", files.last().unwrap().1));
        }
    }
    assert!(wrong.is_empty(), "{} of {}\n{}", wrong.len(), texts.len(), wrong.join("\n----\n"));
    // Taken; refused at the same lines, with so many errors; unreadable, of which so many at the same lines.
    assert_eq!((taken, refused, errors, unreadable, same), (1121, 830, 1002, 2148, 1400));
}
