//! No password is ever printed: not where it is right, not where it is wrong, not where the URL around it is broken.

use underpin_testkit::{ProjectFolder, Said};

use super::{INIT, SECOND, SHOP, strict};
use crate::support::{command, ended, server, underpin};

/// With everything that means something in a URL, in JSON, in SQL or in a shell.
const PASSWORD: &str = "s3cr%t:/@?#[]&='\"\\$`ü x";

fn encoded() -> String {
    PASSWORD.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// Every form in which the password could have been printed, and the halves of it that a parser could have cut out.
fn assert_hidden(said: &Said, more: &str) {
    let all = format!("{}{more}", said.all());
    let json = serde_json::to_string(PASSWORD).unwrap();
    for form in [PASSWORD, &encoded(), &encoded().to_lowercase(), json.trim_matches('"'), "s3cr", "%73%33"] {
        assert!(!all.contains(form), "{form} is printed: {all}");
    }
}

#[tokio::test]
async fn no_output_of_any_command_has_the_password() {
    let server = server().await;
    let database = server.database("secret").await;
    let role = database.name();
    let quoted = PASSWORD.replace('\'', "''");
    database.run(&format!("CREATE ROLE \"{role}\" SUPERUSER LOGIN PASSWORD '{quoted}'")).await;
    let (_, rest) =
        database.url().rsplit_once('@').map(|(user, rest)| (user.to_owned(), rest.to_owned())).unwrap();
    let url = format!("postgresql://{role}:{}@{rest}", encoded());
    let project =
        strict().migration(SECOND, "CREATE INDEX \"Shop_id_idx\" ON \"Shop\"(\"id\");\nCREATE UNIQUE INDEX \"Shop_name_key\" ON \"Shop\"(\"name\");\n");
    let first = ProjectFolder::prisma7().migration(INIT, SHOP);

    let deployed = underpin(first.path(), &url, &["deploy"]).await;
    assert_eq!(deployed.code, 0, "{}", deployed.all());
    assert_hidden(&deployed, "");
    database.run("INSERT INTO \"Shop\" (\"name\") VALUES ('twice'), ('twice')").await;
    let events = project.path().join("events");
    let file = events.to_str().unwrap();
    for (arguments, code) in [
        (&["status"][..], 10),
        (&["doctor"], 0),
        (&["deploy", "--events", file], 14),
        (&["recover"], 14),
        (&["recover", "--finish", "--events", file], 14),
        (&["recover", "--revert"], 0),
        (&["resolve", "--applied", "none"], 2),
        (&["resolve", "--applied", SECOND], 0),
        (&["status"], 0),
    ] {
        // Words, and where nothing is changed by it the object too.
        let said = underpin(project.path(), &url, arguments).await;
        assert_eq!(said.code, code, "{arguments:?}: {}", said.all());
        assert_hidden(&said, &std::fs::read_to_string(&events).unwrap_or_default());
        if code != 0 || arguments.len() == 1 {
            let arguments: Vec<&str> = arguments.iter().copied().chain(["--json"]).collect();
            let said = underpin(project.path(), &url, &arguments).await;
            assert_hidden(&said, &std::fs::read_to_string(&events).unwrap_or_default());
        }
    }
    let journal =
        "SELECT one::text FROM underpin.migration AS one UNION ALL SELECT one::text FROM underpin.step AS one
                   UNION ALL SELECT one::text FROM _prisma_migrations AS one";
    let kept = database.rows(journal).await;
    assert!(kept.len() > 4 && !kept.join("").contains("s3cr"), "{kept:?}");
}

/// A wrong password, and URLs that are broken around it.
#[tokio::test]
async fn no_error_has_the_password() {
    let database = server().await.database("secret").await;
    let (_, rest) =
        database.url().rsplit_once('@').map(|(user, rest)| (user.to_owned(), rest.to_owned())).unwrap();
    let e = encoded();
    let project = strict();
    for url in [
        format!("postgresql://postgres:{e}@{rest}"),
        format!("postgresql://postgres:{e}@{rest}?sslmode=require"),
        format!("postgresql://postgres:{e}@{rest}?sslmode=sideways"),
        format!("postgresql://postgres:{e}@{rest}?connect_timeout=soon&password={e}"),
        format!("postgresql://postgres:{e}@127.0.0.1:1/none"),
        format!("postgresql://postgres:{e}@127.0.0.1:port/none"),
        format!("postgresql://postgres:{e}@[::1/none"),
        format!("postgresql://postgres:{PASSWORD}@127.0.0.1:1/none"),
        format!("postgresql//postgres:{e}@127.0.0.1:1/none"),
        format!("postgres:{e}@127.0.0.1"),
        format!("mysql://root:{e}@127.0.0.1/none"),
        format!("prisma+postgres://accelerate/?api_key={e}"),
        e.clone(),
    ] {
        for arguments in [&["deploy"][..], &["deploy", "--json"], &["doctor"], &["status", "--json"]] {
            let said = underpin(project.path(), &url, arguments).await;
            assert_eq!(said.code, 2, "{arguments:?} {url}: {}", said.all());
            assert_hidden(&said, "");
            let typed: Vec<&str> = arguments.iter().copied().chain(["--url", &url]).collect();
            let said =
                ended(command(project.path(), "", &typed).env_remove("DATABASE_URL").spawn().unwrap()).await;
            assert_eq!(said.code, 2, "{typed:?}: {}", said.all());
            assert_hidden(&said, "");
        }
    }
}

/// Files that hold the URL and are wrong somewhere else on the same line: no line of them is quoted.
#[tokio::test]
async fn no_file_is_quoted_with_its_password() {
    let e = encoded();
    let url = format!("postgresql://postgres:{e}@127.0.0.1:1/none");
    let config = |text: &str| strict().file("prisma.config.mjs", text);
    let schema =
        |text: &str| ProjectFolder::prisma6().migration(INIT, SHOP).file("prisma/schema.prisma", text);
    for project in [
        config(&format!("export default {{ datasource: {{ url: '{url}' }} }} }}\n")),
        config(&format!("const url = '{url}'; nowhere(url); export default {{ datasource: {{ url }} }}\n")),
        config(&format!("throw new Error('{url}'); export default {{}}\n")),
        config(&format!(
            "export default {{ datasource: {{ url: new URL('{url}x y z').nothing.at.all }} }}\n"
        )),
        schema(&format!("datasource db {{ provider = \"postgresql\" url = \"{url}\" }}\n")),
        schema(&format!("datasource db {{\n  provider = \"postgresql\"\n  url = \"{url}\n}}\n")),
        schema(&format!("datasource db {{\n  provider = \"postgresql\"\n  url = envv(\"{url}\")\n}}\n")),
        schema("datasource db {\n  provider = \"postgresql\"\n  url = env(\"SHOP_URL\")\n}\n")
            .file(".env", format!("SHOP_URL=\"{url}?sslmode=never\"\n")),
        schema("datasource db {\n  provider = \"postgresql\"\n  url = env(\"SHOP_URL\")\n}\n")
            .file(".env", format!("SHOP_URL=\"{url}\"\n"))
            .file("prisma/.env", format!("SHOP_URL=\"{url}x\"\n")),
    ] {
        for arguments in [&["deploy"][..], &["status", "--json"]] {
            let mut run = command(project.path(), "", arguments);
            let said = ended(run.env_remove("DATABASE_URL").spawn().unwrap()).await;
            assert_eq!(said.code, 2, "{}", said.all());
            assert_hidden(&said, "");
        }
    }
}

/// The URL in the place of another argument: what was typed is not printed back.
#[tokio::test]
async fn no_argument_is_printed_back_with_its_password() {
    let project = strict();
    let url = format!("postgresql://postgres:{PASSWORD}@127.0.0.1:1/none");
    let (own, equals) = (url.as_str(), format!("--ulr={url}"));
    for arguments in [
        &[own][..],
        &["deploy", own],
        &["deploy", &equals],
        &["deploy", "--allow", own],
        &["deploy", "--schema", own],
        &["deploy", "--config", own],
        &["deploy", "--migrations", own],
        &["deploy", "--settings", own],
        &["resolve", own],
        &["recover", "--finish", own],
    ] {
        for json in [&[][..], &["--json"]] {
            let all: Vec<&str> = arguments.iter().chain(json).copied().collect();
            let said = underpin(project.path(), "postgresql://postgres@127.0.0.1:1/none", &all).await;
            assert_eq!(said.code, 2, "{all:?}: {}", said.all());
            assert_hidden(&said, "");
            if !json.is_empty() {
                let object: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
                assert!(!object["error"]["hints"].as_array().unwrap().is_empty(), "{object}");
                assert_eq!(said.stderr, "");
            }
        }
    }
}
