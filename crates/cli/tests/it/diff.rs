//! `underpin diff`: the real Prisma's scripts to the byte, a page for people, an object, and Prisma's exit codes.

use serde_json::Value;
use underpin_testkit::{Database, Oracle, ProjectFolder, workspace_root};

use crate::support::{server, underpin};

/// A history that is not yet what the schema says, with something in it that Prisma does not see.
const HISTORY: &str = "CREATE TYPE \"Status\" AS ENUM ('open', 'paid');\n\
    CREATE TABLE \"Order\" (\"id\" SERIAL NOT NULL, \"status\" \"Status\" NOT NULL DEFAULT 'open', \"note\" TEXT,\n\
    CONSTRAINT \"Order_pkey\" PRIMARY KEY (\"id\"));\n\
    CREATE INDEX \"Order_lower_idx\" ON \"Order\"(lower(\"note\"));\n";

const MODELS: &str = "enum Status {\n  open\n  paid\n  sent\n}\n\n\
    model Order {\n  id       Int      @id @default(autoincrement())\n  status   Status   @default(open)\n  \
    total    Decimal  @default(0) @db.Decimal(10, 2)\n  customer Customer @relation(fields: [customerId], references: [id])\n  \
    customerId Int\n\n  @@index([customerId, status])\n}\n\n\
    model Customer {\n  id    Int     @id @default(autoincrement())\n  email String  @unique\n  orders Order[]\n}\n";

fn of(project: ProjectFolder) -> ProjectFolder {
    let second = std::fs::read_to_string(project.path().join("prisma/schema.prisma")).unwrap();
    project
        .models(MODELS)
        .file("other.prisma", second + "model Order {\n  id Int @id\n  note String?\n}\n")
        .migration("20260101000000_init", HISTORY)
}

/// A database that is neither what the history nor what the schema says.
async fn live() -> Database<'static> {
    let database = server().await.database("diff").await;
    database.run(HISTORY).await;
    database
        .run("CREATE TABLE \"Extra\" (\"id\" INT PRIMARY KEY); ALTER TABLE \"Order\" ALTER COLUMN \"note\" TYPE VARCHAR(20)")
        .await;
    database
}

/// Every kind of source on either side, in the spelling of each version.
#[tokio::test]
async fn scripts_are_the_real_prismas_to_the_byte() {
    let database = live().await;
    let (seven, six) = (of(ProjectFolder::prisma7()), of(ProjectFolder::prisma6()));
    let url = database.url();
    let shadow = server().await.database("shadow").await.url();
    let of_seven: [&[&str]; 6] = [
        &["--from-empty", "--to-schema", "prisma/schema.prisma"],
        &["--from-schema", "prisma/schema.prisma", "--to-schema", "other.prisma"],
        &["--from-migrations", "prisma/migrations", "--to-schema", "prisma/schema.prisma"],
        &["--from-config-datasource", "--to-migrations", "prisma/migrations"],
        &["--from-schema", "prisma/schema.prisma", "--to-config-datasource"],
        &["--from-migrations", "prisma/migrations", "--to-empty"],
    ];
    let of_six: [&[&str]; 4] = [
        &["--from-schema-datamodel", "other.prisma", "--to-empty"],
        &["--from-url", &url, "--to-schema-datamodel", "prisma/schema.prisma"],
        &["--from-empty", "--to-url", &url],
        &["--from-migrations", "prisma/migrations", "--to-url", &url, "--shadow-database-url", &shadow],
    ];
    let mut different = Vec::new();
    let mut compared = 0;
    for sides in of_seven {
        compared += 1;
        let with_code = compared > 1;
        different.extend(compare(Oracle::prisma7().await, &seven, &url, "7.10.0", sides, with_code).await);
    }
    for sides in of_six {
        compared += 1;
        different.extend(compare(Oracle::prisma6().await, &six, &url, "6.19.0", sides, true).await);
    }
    assert!(different.is_empty(), "{} differ\n{}", different.len(), different.join("\n\n"));
    assert_eq!(compared, 10);
    // The oracle's CLI of 6 finds no server by a schema; ours does.
    let by_schema = ["diff", "--from-empty", "--to-schema-datasource", "prisma/schema.prisma", "--script"];
    let by_url = ["diff", "--from-empty", "--to-url", &url, "--script"];
    let by_schema = underpin(six.path(), &url, &by_schema).await;
    assert_eq!(by_schema.stdout, underpin(six.path(), "", &by_url).await.stdout, "{}", by_schema.all());
}

async fn compare(
    oracle: Oracle,
    project: &ProjectFolder,
    url: &str,
    version: &str,
    sides: &[&str],
    with_code: bool,
) -> Option<String> {
    let code = with_code.then_some("--exit-code");
    let asked = ["migrate", "diff"].into_iter().chain(sides.iter().copied());
    let asked: Vec<&str> = asked.chain(["--script"]).chain(code).collect();
    let theirs = oracle.run(project.path(), url, &asked).await;
    let ours: Vec<&str> = asked[1..].iter().copied().chain(["--prisma", version]).collect();
    let ours = underpin(project.path(), url, &ours).await;
    assert_eq!(theirs.code, if with_code { 2 } else { 0 }, "{sides:?}: {}", theirs.all());
    let is_equal = (ours.code, &ours.stdout) == (theirs.code, &theirs.stdout);
    (!is_equal).then(|| format!("{sides:?}\n--- Prisma\n{}\n--- we\n{}", theirs.all(), ours.all()))
}

#[tokio::test]
async fn without_a_word_the_history_is_compared_with_the_schema() {
    let project = of(ProjectFolder::prisma7());
    let said = underpin(project.path(), "", &["diff"]).await;
    assert_eq!(said.code, 0, "{}", said.all());
    for part in [
        "From the history in prisma/migrations to prisma/schema.prisma:\n",
        "\nenum Status\n  ~ enum Status: sent added\n",
        "\nOrder\n",
        "  - column note: TEXT\n",
        "  + column customerId: INTEGER NOT NULL\n",
        "  + column total: DECIMAL(10,2) NOT NULL DEFAULT 0\n",
        "      reads and writes of Order wait",
        "[drop-column]: ",
        "\nCustomer\n  + table Customer: 2 columns\n",
        "\nprotected: what no Prisma schema can say\n  index public.\"Order_lower_idx\" goes with column \
         public.\"Order\".note, and no schema brings it\n    back\n\n",
    ] {
        assert!(said.stdout.contains(part), "no {part:?} in:\n{}", said.stdout);
    }

    let json = underpin(project.path(), "", &["diff", "--json"]).await;
    assert_eq!((json.code, json.stderr.as_str()), (0, ""), "{}", json.all());
    let object: Value = serde_json::from_str(&json.stdout).unwrap();
    let schema = std::fs::read_to_string(workspace_root().join("docs/schema/diff.schema.json")).unwrap();
    let validator = jsonschema::validator_for(&serde_json::from_str(&schema).unwrap()).unwrap();
    let wrong: Vec<String> = validator.iter_errors(&object).map(|error| error.to_string()).collect();
    assert!(wrong.is_empty(), "{wrong:#?}\n{}", json.stdout);
    assert_eq!(object["losses"].as_array().unwrap().len(), 2, "{object}");
    assert_eq!(
        object["protected"],
        serde_json::json!([{
            "object": { "kind": "index", "identity": "public.\"Order_lower_idx\"" },
            "cannot_say": "expression",
            "fate": "goes_with",
            "other": { "kind": "column", "identity": "public.\"Order\".note" },
        }])
    );
    // Each statement of the script belongs to one step.
    let statements =
        object["groups"].as_array().unwrap().iter().flat_map(|group| group["steps"].as_array().unwrap());
    let statements: usize = statements.map(|step| step["statements"].as_array().unwrap().len()).sum();
    assert_eq!(statements, object["script"].as_str().unwrap().matches(";\n").count(), "{object}");
}

/// Either side may have what no schema can say, and a script of Prisma's brings none of it.
#[tokio::test]
async fn what_no_schema_can_say_is_told_of_either_side() {
    let database = live().await;
    database
        .run(
            "CREATE VIEW \"Open\" AS SELECT \"id\" FROM \"Extra\";
             CREATE INDEX \"Order_note_idx\" ON \"Order\"(\"id\") INCLUDE (\"note\")",
        )
        .await;
    let (project, url) = (of(ProjectFolder::prisma7()), database.url());
    let fates = async |arguments: &[&str]| {
        let said = underpin(project.path(), "", &[&["diff", "--json"], arguments].concat()).await;
        assert_eq!(said.code, 0, "{}", said.all());
        let object: Value = serde_json::from_str(&said.stdout).unwrap();
        let fate = |one: &Value| {
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            format!("{} {}", text(&one["object"]["identity"]), text(&one["fate"]))
        };
        object["protected"].as_array().unwrap().iter().map(fate).collect::<Vec<_>>()
    };
    let (lower, open, note) = ("public.\"Order_lower_idx\"", "public.\"Open\"", "public.\"Order_note_idx\"");
    // The history has one of the three.
    assert_eq!(
        fates(&["--from-migrations", "prisma/migrations", "--to-url", &url]).await,
        [format!("{lower} untouched"), format!("{open} not_made"), format!("{note} not_made")]
    );
    assert_eq!(
        fates(&["--from-url", &url, "--to-migrations", "prisma/migrations"]).await,
        [format!("{open} in_the_way"), format!("{lower} untouched"), format!("{note} dropped")]
    );
    assert_eq!(fates(&["--from-empty", "--to-schema", "prisma/schema.prisma"]).await, Vec::<String>::new());

    let same = underpin(project.path(), "", &["diff", "--from-url", &url, "--to-url", &url]).await;
    assert_eq!(
        same.stdout,
        "No difference detected.\n\nprotected: what no Prisma schema can say\n  \
         untouched: 1 view, 2 indexes\n",
        "{}",
        same.all()
    );
    let to_schema = ["diff", "--from-url", &url, "--to-schema", "other.prisma"];
    let said = underpin(project.path(), "", &to_schema).await;
    let words = "index public.\"Order_note_idx\" is taken away, because Prisma cannot say the columns that";
    assert!(said.stdout.contains(words), "{}", said.all());
}

#[tokio::test]
async fn exit_codes_are_prismas_where_they_are_asked_for() {
    let project = of(ProjectFolder::prisma7());
    let code = async |arguments: &[&str]| underpin(project.path(), "", arguments).await.code;
    let schema = ["--to-schema", "prisma/schema.prisma"];
    let diff = |from: &[&'static str], more: &[&'static str]| -> Vec<&'static str> {
        ["diff"].iter().chain(from).chain(&schema).chain(more).copied().collect()
    };
    let same = ["--from-schema-datamodel", "prisma/schema.prisma"];
    assert_eq!(code(&diff(&same, &["--exit-code"])).await, 0);
    assert_eq!(code(&diff(&["--from-empty"], &["--exit-code"])).await, 2);
    assert_eq!(code(&diff(&["--from-empty"], &[])).await, 0);
    let gone = ["--from-schema", "gone.prisma"];
    assert_eq!((code(&diff(&gone, &["--exit-code"])).await, code(&diff(&gone, &[])).await), (1, 2));
    // Whoever reads 2 as "there is a difference" must not read a slip of the pen so.
    assert_eq!(
        (code(&diff(&["--from-void"], &["--exit-code"])).await, code(&["diff", "--from-void"]).await),
        (1, 2)
    );
    assert_eq!(code(&diff(&["--from-empty", "--from-url", "x"], &["--exit-code"])).await, 1);

    let nothing = underpin(project.path(), "", &diff(&same, &[])).await;
    assert_eq!(nothing.stdout, "No difference detected.\n");
    let nothing = underpin(project.path(), "", &diff(&same, &["--script", "-o", "out.sql"])).await;
    let written = std::fs::read_to_string(project.path().join("out.sql")).unwrap();
    assert_eq!((nothing.stdout.as_str(), written.as_str()), ("", "-- This is an empty migration.\n"));
}

#[tokio::test]
async fn what_cannot_be_compared_is_told_with_its_place() {
    let broken = "model A {\n  id Int @id\n  b Strin\n  c Int\n}\nmodel B {\n  id Int @id\n  a A @relation(fields: [x], references: [id])\n}\n";
    let mysql = "datasource db {\n  provider = \"mysql\"\n}\n";
    let schema = of(ProjectFolder::prisma7());
    let text = std::fs::read_to_string(schema.path().join("prisma/schema.prisma")).unwrap();
    let datasource = &text[..text.find("enum").unwrap()];
    let project =
        schema.file("broken.prisma", format!("{datasource}{broken}")).file("mysql.prisma", mysql).migration(
            "20260102000000_broken",
            "CREATE TABLE \"Fine\" (\"id\" INT);\n\nALTER TABLE \"Gone\"\n  ADD COLUMN \"x\" INT;\n",
        );
    let refused = async |arguments: &[&str]| {
        let said = underpin(project.path(), "", &[&["diff"], arguments].concat()).await;
        assert_eq!((said.code, said.stdout.as_str()), (2, ""), "{}", said.all());
        said.stderr
    };
    let told = refused(&["--from-empty", "--to-schema", "broken.prisma"]).await;
    for part in ["P1012", "the Prisma schema has", "\n  broken.prisma:7:", "\n  broken.prisma:12:"] {
        assert!(told.contains(part), "no {part:?} in:\n{told}");
    }
    let told = refused(&["--from-empty", "--to-schema", "mysql.prisma"]).await;
    assert!(told.contains("`mysql`, not `postgresql`") && told.contains("mysql.prisma:2:"), "{told}");
    let told = refused(&["--from-migrations", "prisma/migrations", "--to-empty"]).await;
    assert!(told.contains("20260102000000_broken/migration.sql:3"), "{told}");
    assert!(told.contains("relation \"Gone\" does not exist") && told.contains("42P01"), "{told}");
}
