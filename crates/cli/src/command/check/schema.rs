//! The end of the history against the Prisma schema.

use underpin_catalog::Catalog;
use underpin_core::check::schema::{differs, misread, unreadable};
use underpin_core::check::{Looked, Part};
use underpin_engine::Problem;
use underpin_engine::project::Project;
use underpin_engine::state::Reading;
use underpin_prisma::migrate::Migration;
use underpin_prisma::schema::Schema;
use underpin_prisma::{PrismaCatalog, PrismaVersion};

use super::{Around, Findings, several};
use crate::gather::Gathered;
use crate::output::protected::{ProtectedTold, counted};
use crate::place;

/// A schema that is understood.
pub(super) struct Wanted {
    reading: Reading,
    schema: Schema,
    catalog: PrismaCatalog,
}

/// Reads the schema, before any server is started. `None` when all that there is to say of this part is said.
pub(super) fn read(
    around: &Around<'_>,
    gathered: &Gathered,
    reading: Reading,
    findings: &mut Findings,
) -> Option<Wanted> {
    if around.is_skipped(Part::Schema) {
        findings.looked(Part::Schema, Looked::LeftOut);
        return None;
    }
    let project = match project(around, gathered) {
        Ok(project) => project,
        Err(Problem { message, hints, .. }) => {
            findings.looked(Part::Schema, Looked::Not { why: message, hints });
            return None;
        }
    };
    let version = gathered.prisma.unwrap_or_else(|| PrismaVersion::assumed_for(&project.head));
    let reading = Reading { version, ..reading };
    let schema = reading.parsed(&project.schema_files);
    let texts = schema.sources.iter().map(|source| (source.path.clone(), source.text.clone()));
    findings.texts.extend(texts);
    match PrismaCatalog::of_schema(&schema, &reading.namespace, version) {
        Ok(catalog) => Some(Wanted { reading, schema, catalog }),
        Err(errors) => {
            findings.add(unreadable(&errors, &schema));
            let files = several(schema.sources.len(), "file");
            findings.looked(Part::Schema, Looked::At(format!("{files}, read as Prisma {version} does")));
            None
        }
    }
}

impl Wanted {
    /// Compares the end of the history with it.
    pub(super) fn compare(&self, end: &Catalog, findings: &mut Findings) {
        let Self { reading, schema, catalog } = self;
        let scope = reading.scope([schema].into_iter());
        let seen = match reading.seen(end, &scope) {
            Ok(seen) => seen,
            Err(Problem { message, hints, .. }) => {
                return findings.looked(Part::Schema, Looked::Not { why: message, hints });
            }
        };
        let mut migration = Migration::between(&seen, catalog, reading.version);
        let protected = migration.spare(end, &scope);
        findings.add(misread(&protected, schema));
        findings.add(differs(&migration, schema, &reading.namespace));
        findings.missing_sql = (!migration.steps.is_empty()).then(|| migration.script());
        let tables = several(catalog.tables.len(), "table");
        findings.protected = protected.iter().map(ProtectedTold::by_us).collect();
        let beside = match counted(findings.protected.iter()) {
            none if none.is_empty() => none,
            some => format!("; left out, because no schema can say it: {some}"),
        };
        let compared = format!("{tables}, compared as Prisma {} sees them{beside}", reading.version);
        findings.looked(Part::Schema, Looked::At(compared));
    }
}

/// The project, for what its schema says; or why it cannot be read.
fn project(around: &Around<'_>, gathered: &Gathered) -> Result<Project, Problem> {
    match &gathered.project {
        Some(project) => Ok(project.clone()),
        None => Project::discover(&place::at(around.cwd, &around.options.files))
            .map_err(|error| place::problem(&error)),
    }
}
