//! The real Prisma and the corpus.

use underpin_testkit::{Oracle, ProjectFolder, Server, corpus, majors};

const SQL: &str = "CREATE TABLE \"Shop\" (\"id\" SERIAL PRIMARY KEY);\n";

#[tokio::test]
async fn both_prismas_deploy_and_find_nothing_to_do_afterwards() {
    let server = Server::shared(majors()[0]).await;
    let projects = [
        (Oracle::prisma7().await, ProjectFolder::prisma7()),
        (Oracle::prisma6().await, ProjectFolder::prisma6()),
    ];
    for (prisma, project) in projects {
        let project = project.migration("20260101000000_init", SQL);
        let database = server.database("prisma").await;
        let behind = prisma.status(project.path(), &database.url()).await;
        assert_eq!(behind.code, 1, "{}", behind.all());
        let deployed = prisma.deploy(project.path(), &database.url()).await;
        assert_eq!(deployed.code, 0, "{}", deployed.all());
        let level = prisma.status(project.path(), &database.url()).await;
        assert_eq!(level.code, 0, "{}", level.all());
        assert!(level.stdout.contains("up to date"), "{}", level.all());
    }
}

#[tokio::test]
async fn prisma_7_resolves() {
    let server = Server::shared(majors()[0]).await;
    let database = server.database("resolve").await;
    let prisma = Oracle::prisma7().await;
    let project = ProjectFolder::prisma7().migration("20260101000000_bad", "CREATE TABLE nope (");
    let (path, url) = (project.path(), database.url());
    assert_eq!(prisma.deploy(path, &url).await.code, 1);
    let back = prisma.resolve_rolled_back(path, &url, "20260101000000_bad").await;
    assert_eq!(back.code, 0, "{}", back.all());
    let applied = prisma.resolve_applied(path, &url, "20260101000000_bad").await;
    assert_eq!(applied.code, 0, "{}", applied.all());
}

#[test]
fn the_corpus_is_whole() {
    let sizes: Vec<(String, usize)> =
        corpus::histories().into_iter().map(|history| (history.name, history.names.len())).collect();
    let find = |name: &str| sizes.iter().find(|(found, _)| found == name).map(|(_, size)| *size);
    assert_eq!(sizes.len(), 6, "{sizes:?}");
    assert_eq!(find("trigger.dev"), Some(820), "{sizes:?}");
    let history = corpus::history("umami");
    assert!(history.sql(&history.names[0]).contains("CREATE TABLE"));
}
