//! The list of PostgreSQL's functions is what PostgreSQL says.

#[tokio::test]
async fn the_list_is_what_the_servers_say() {
    let listed = include_str!("../../src/expression/routines.txt");
    let said = underpin_testkit::routines().await;
    assert!(listed == said, "routines.txt is not what the servers say: ./run generate routines");
}
