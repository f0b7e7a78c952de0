//! Real histories, from empty to the end.

use underpin_core::plan::Mode;
use underpin_engine::Events;
use underpin_engine::deploy::{Ending, deploy};
use underpin_testkit::{Server, corpus};

use crate::setting::{corpus_target, request};

#[tokio::test(flavor = "multi_thread")]
async fn umami_deploys_from_empty_to_the_end() {
    let server = Server::shared(15).await;
    let database = server.database("umami").await;
    let target = corpus_target(&database, &corpus::history("umami"), |_| true);
    let outcome = deploy(&target, &request(Mode::Online), &Events::nowhere()).await.unwrap();
    assert!(matches!(outcome.ending, Ending::Applied), "{outcome:?}");
    let again = deploy(&target, &request(Mode::Online), &Events::nowhere()).await.unwrap();
    assert!(matches!(again.ending, Ending::UpToDate), "{again:?}");
}
