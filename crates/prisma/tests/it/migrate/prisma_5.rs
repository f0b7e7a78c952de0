//! Prisma 5. Its engine is in no npm package that could be asked, but its work is in the corpus: migrations that it
//! wrote. What they show to be different from 6 is the table of a many-to-many relation, which had a unique
//! index and no primary key.

use underpin_prisma::PrismaVersion;
use underpin_prisma::migrate::Migration;
use underpin_testkit::corpus;

use super::{PRISMA_6, catalog, one, script, with_url};
use underpin_testkit::schemas::for_prisma_7;

const PRISMA_5: PrismaVersion = PrismaVersion::new(5, 22, 0);

/// Statements of a script without the titles above them, and without what somebody has added or reformatted by hand.
fn statements(script: &str) -> Vec<String> {
    let by_hand = [("( ", "("), (" )", ")"), ("\" (", "\"("), (" IF NOT EXISTS", ""), (" CONCURRENTLY", "")];
    let written = script.split(";\n").map(|statement| {
        let words = statement.lines().filter(|line| !line.starts_with("--")).flat_map(str::split_whitespace);
        let text = words.collect::<Vec<_>>().join(" ").trim_end_matches(';').to_owned();
        by_hand.iter().fold(text, |text, (found, plain)| text.replace(found, plain))
    });
    written.filter(|statement| !statement.is_empty()).collect()
}

#[test]
fn tables_of_many_to_many_relations_are_those_of_its_own_migrations() {
    let mut compared = 0;
    for history in corpus::histories() {
        let files: Vec<String> =
            history.names.iter().flat_map(|name| statements(&history.sql(name))).collect();
        let schema = one(&with_url(&for_prisma_7(&history.schema())));
        let ours = statements(&script(&None, &schema, PRISMA_5));
        for statement in ours.iter().filter(|statement| statement.contains("_AB_unique")) {
            let table = statement.split('"').nth(3).unwrap();
            let is_written = |statement: &&String| statement.contains(&format!("\"{table}\""));
            // Some tables were made before Prisma 2.0, or by hand; then their history does not have the index.
            if !files.contains(statement) {
                continue;
            }
            for statement in ours.iter().filter(is_written) {
                assert!(files.contains(statement), "{}: no migration has\n{statement}", history.name);
                compared += 1;
            }
        }
    }
    assert_eq!(compared, 25);
}

/// What Prisma 6 writes when it meets the database that 5 made, as its engine does and as its users have.
#[test]
fn the_upgrade_to_6_gives_them_a_primary_key() {
    let schema = one(&with_url(
        "datasource db {\n  provider = \"postgresql\"\n}\nmodel A {\n  id Int @id\n  bs B[]\n}\nmodel B {\n  id Int @id\n  as A[]\n}\n",
    ));
    let (five, six) = (catalog(&schema, PRISMA_5), catalog(&schema, PRISMA_6));
    let upgrade = Migration::between(&five, &six, PRISMA_6).script();
    assert_eq!(
        upgrade,
        "-- AlterTable\nALTER TABLE \"_AToB\" ADD CONSTRAINT \"_AToB_AB_pkey\" PRIMARY KEY (\"A\", \"B\");\n\n\
         -- DropIndex\nDROP INDEX \"_AToB_AB_unique\";\n"
    );
    let of_civitai = corpus::history("civitai").sql("20250228013729_normalize");
    let key = "ALTER TABLE \"_LicenseToModel\" ADD CONSTRAINT \"_LicenseToModel_AB_pkey\" PRIMARY KEY (\"A\", \"B\");";
    assert!(of_civitai.contains(key));
}
