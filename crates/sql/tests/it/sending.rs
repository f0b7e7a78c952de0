//! Messages, transactions and settings: what we tell of a file against servers that run it, and what Prisma's
//! parser reads against the parser itself, over whole files.

use std::collections::BTreeMap;

use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Token, Tokenizer};
use tokio_postgres::{AsyncMessage, Client, NoTls, SimpleQueryMessage};
use underpin_sql::Statement;
use underpin_sql::in_force::{InForce, Limit, Session, Settings, in_force, milliseconds};
use underpin_sql::read;
use underpin_sql::sending::{Cut, Sender, Sending, sending, stands_alone, unreadable};
use underpin_testkit::corpus::histories;
use underpin_testkit::{Server, majors, shared};

/// Prisma's own list of statements, with what its parser said about each.
#[test]
fn each_statement_of_the_oracles_list_is_read_or_refused_in_the_same_words() {
    let list =
        std::fs::read_to_string(shared().join("oracle/transcripts/sqlparser_0.61_constructs.txt")).unwrap();
    let (read_by_prisma, refused) = list.split_once("\nparse FAILS").unwrap();
    let mut counted = (0, 0);
    for sql in read_by_prisma.lines().filter_map(|line| line.strip_prefix("  ")) {
        assert_eq!(ask(sql), None, "{sql}");
        counted.0 += 1;
    }
    let mut lines = refused.lines().skip(1);
    while let (Some(sql), Some(words)) = (lines.next(), lines.next()) {
        let words = words.trim_start().trim_start_matches("sql parser error: ");
        let (message, place) = words.split_once(" at Line: ").map_or((words, None), |(m, p)| (m, Some(p)));
        let (said, line, column) = ask(sql.trim_start()).unwrap_or_else(|| panic!("this is read: {sql}"));
        assert_eq!(said, message, "{sql}");
        if let Some(place) = place {
            assert_eq!(format!("{line}, Column: {column}"), place, "{sql}");
        }
        counted.1 += 1;
    }
    assert_eq!(counted, (135, 52));
}

fn ask(sql: &str) -> Option<(String, u32, u32)> {
    let text = format!("{sql};");
    let statements = read(&text).unwrap_or_else(|error| panic!("{error}: {sql}"));
    unreadable(&text, &statements).into_iter().next().map(|found| (found.message, found.line, found.column))
}

/// The parser over the whole file at once, as the engine runs it: the words with which it gives up.
fn whole_file(text: &str) -> Result<(), String> {
    let dialect = PostgreSqlDialect {};
    let tokens = Tokenizer::new(&dialect, text).tokenize_with_location().map_err(|error| error.message)?;
    let mut parser = Parser::new(&dialect).with_tokens_with_locations(tokens);
    loop {
        while parser.consume_token(&Token::SemiColon) {}
        if parser.peek_token().token == Token::EOF {
            return Ok(());
        }
        parser.parse_statement().map_err(|error| error.to_string())?;
        let next = parser.peek_token();
        if !matches!(next.token, Token::SemiColon | Token::EOF) {
            let place = next.span.start;
            return Err(format!(
                "Expected: end of statement, found: {next} at Line: {}, Column: {}",
                place.line, place.column
            ));
        }
    }
}

/// Statement by statement is as good as the whole file: the same answer, the same words, the same place.
#[test]
fn every_file_of_the_corpus_is_sent_as_the_parser_decides_over_the_whole_of_it() {
    let (mut split, mut fallback) = (0, 0);
    for history in histories() {
        for name in &history.names {
            let text = history.sql(name);
            let Ok(statements) = read(&text) else { continue };
            if statements.len() < 2 {
                continue;
            }
            match (whole_file(&text), sending(&text, &statements, Sender::PrismaSplit).cut) {
                (Ok(()), Cut::Statements) => split += 1,
                (Err(words), Cut::Fallback(found)) => {
                    let words = words.trim_start_matches("sql parser error: ");
                    let told = format!("{} at Line: {}, Column: {}", found.message, found.line, found.column);
                    assert_eq!(told, words, "{}/{name}", history.name);
                    fallback += 1;
                }
                (whole, cut) => panic!("{}/{name}: {whole:?}, and we say {cut:?}", history.name),
            }
        }
    }
    assert_eq!((split, fallback), (989, 24));
}

const PROBE: &str =
    "SELECT txid_current()::text, current_setting('lock_timeout'), current_setting('statement_timeout')";

/// What files are made of; a probe follows each.
const PIECES: &[&str] = &[
    "BEGIN",
    "START TRANSACTION ISOLATION LEVEL READ COMMITTED",
    "COMMIT",
    "END AND CHAIN",
    "ROLLBACK",
    "ABORT AND CHAIN",
    "SAVEPOINT a",
    "SAVEPOINT b",
    "ROLLBACK TO a",
    "ROLLBACK TO SAVEPOINT b",
    "RELEASE a",
    "SET lock_timeout = '2s'",
    "SET LOCAL lock_timeout = '3min'",
    "SET SESSION lock_timeout TO 500",
    "SET lock_timeout TO DEFAULT",
    "RESET lock_timeout",
    "SET LOCAL lock_timeout TO DEFAULT",
    "SET statement_timeout = '1.5min'",
    "SET LOCAL statement_timeout = 0",
    "RESET ALL",
    "SELECT set_config('lock_timeout', '100s', true)",
    "SELECT set_config('lock_timeout', '101s', false)",
    "SELECT set_config('statement_timeout', NULL, false)",
    "DISCARD ALL",
];

/// Files of one to eight pieces, the same in each run.
fn files() -> Vec<Vec<&'static str>> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % below as u64).unwrap()
    };
    (0..600)
        .map(|_| {
            let pieces = 1 + next(8);
            // Statements that must stand alone are refused so often that more of them would end every file.
            (0..pieces)
                .map(|_| {
                    let without_last = usize::from(next(3) > 0);
                    PIECES[next(PIECES.len() - without_last)]
                })
                .flat_map(|piece| [piece, PROBE])
                .collect()
        })
        .collect()
}

/// What a probe saw: transaction, `lock_timeout`, `statement_timeout`.
type Seen = (String, u64, u64);

fn probes(messages: Vec<SimpleQueryMessage>) -> Vec<Seen> {
    let rows = messages.into_iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) if row.len() == 3 => Some((
            row.get(0).unwrap().to_owned(),
            milliseconds(row.get(1).unwrap()).unwrap(),
            milliseconds(row.get(2).unwrap()).unwrap(),
        )),
        _ => None,
    });
    rows.collect()
}

/// Runs the messages one after another, to the first that is refused: what probes saw, and its SQLSTATE.
async fn run(client: &Client, messages: &[String]) -> (Vec<Seen>, Option<String>) {
    let mut seen = Vec::new();
    for message in messages {
        match client.simple_query(message).await {
            Ok(answers) => seen.extend(probes(answers)),
            Err(error) => return (seen, Some(error.code().unwrap().code().to_owned())),
        }
    }
    (seen, None)
}

/// The SQLSTATE of the first statement that we know to be refused.
fn refusal(statements: &[Statement], sent: &Sending) -> Option<&'static str> {
    (0..statements.len()).find_map(|at| {
        let remarked = sent.remarks.iter().find(|remark| remark.statement == at && remark.kind.is_refused());
        remarked.and_then(|remark| remark.kind.sqlstate()).or_else(|| {
            (sent.statements[at].block.is_block() && stands_alone(&statements[at])).then_some("25001")
        })
    })
}

fn ms(settings: &Settings, name: &str) -> u64 {
    match settings.limit(name) {
        Limit::Default | Limit::Unlimited => 0,
        Limit::Ms(ms) => ms,
        Limit::Unknown => panic!("{name} is unknown"),
    }
}

/// Each probe of a file that ran to its end saw the transaction and the settings that we tell.
fn assert_seen(text: &str, seen: &[Seen], statements: &[Statement], sent: &Sending, told: &InForce) {
    let probed: Vec<usize> = (0..statements.len()).filter(|at| statements[*at].text == PROBE).collect();
    assert_eq!(probed.len(), seen.len(), "{text}");
    let mut transactions = BTreeMap::new();
    for (at, (transaction, lock_timeout, statement_timeout)) in probed.iter().zip(seen) {
        let standing = sent.statements[*at];
        let known = transactions.entry(standing.transaction).or_insert(transaction);
        assert_eq!(*known, transaction, "one transaction at statement {at}: {text}");
        let settings = &told.before[*at];
        assert_eq!(ms(settings, "lock_timeout"), *lock_timeout, "statement {at}: {text}");
        assert_eq!(ms(settings, "statement_timeout"), *statement_timeout, "statement {at}: {text}");
    }
    let different: std::collections::BTreeSet<_> = transactions.values().collect();
    assert_eq!(different.len(), transactions.len(), "different transactions: {text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn transactions_and_settings_are_what_servers_make_of_them() {
    let options = "-c lock_timeout=7s";
    for major in majors() {
        let database = Server::shared(major).await.database("sending").await;
        let mut config = database.config();
        let (client, connection) = config.options(options).connect(NoTls).await.unwrap();
        tokio::spawn(connection);
        let session = Session::new(Settings::of_options(options));
        let mut ran_to_the_end = 0;
        for file in files() {
            let text = file.join(";\n");
            let statements = read(&text).unwrap();
            for sender in [Sender::PrismaWhole, Sender::Autocommit] {
                let sent = sending(&text, &statements, sender);
                let told = in_force(&statements, &sent, &session);
                let messages = match sender {
                    Sender::PrismaWhole => vec![text.clone()],
                    _ => file.iter().map(|piece| (*piece).to_owned()).collect(),
                };
                let (seen, refused) = run(&client, &messages).await;
                match (refused.as_deref(), refusal(&statements, &sent)) {
                    (None, None) => {
                        ran_to_the_end += 1;
                        assert_seen(&text, &seen, &statements, &sent, &told);
                        let (left, _) = run(&client, &[PROBE.to_owned()]).await;
                        let now = &told.after.now;
                        let leaves = (ms(now, "lock_timeout"), ms(now, "statement_timeout"));
                        assert_eq!((left[0].1, left[0].2), leaves, "behind it, {sender:?}: {text}");
                    }
                    // Savepoints by a name that is not there: nothing runs behind it.
                    (Some("3B001"), _) => {}
                    (real, told) => assert_eq!(real, told, "{sender:?} on {major}: {text}"),
                }
                let _ = run(&client, &["ROLLBACK".to_owned(), "DISCARD ALL".to_owned()]).await;
            }
        }
        assert!(ran_to_the_end > 300, "only {ran_to_the_end} files ran to their end");
    }
}

/// What the server warns about, and whether what had to stand alone was let in.
#[tokio::test(flavor = "multi_thread")]
async fn warnings_and_refusals_are_the_servers_own() {
    let build = "CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON t (a)";
    for major in majors() {
        let database = Server::shared(major).await.database("sending").await;
        database.run("CREATE TABLE t (a int)").await;
        for (messages, said) in [
            (vec![format!("SELECT 1; {build}")], "25001"),
            (vec![format!("SELECT 1; COMMIT; {build}")], "25P01 25001"),
            (vec![format!("SET lock_timeout = 1; {build}")], "25001"),
            (vec![format!("-- a remark\n{build}; -- another\n")], ""),
            (vec![build.to_owned(), build.to_owned()], "42P07 42P07"),
            (vec!["DROP INDEX CONCURRENTLY i".to_owned()], ""),
            (vec!["SET LOCAL lock_timeout = 1".to_owned()], "25P01"),
            (vec!["SET LOCAL lock_timeout = 1; SELECT 1".to_owned()], ""),
            (vec!["SET TRANSACTION READ ONLY".to_owned()], "25P01"),
            (vec!["SELECT set_config('lock_timeout', '1', true)".to_owned()], ""),
            (vec!["BEGIN".to_owned(), "BEGIN".to_owned(), "COMMIT".to_owned()], "25001"),
            (vec!["SELECT 1; BEGIN; SELECT 1; COMMIT".to_owned()], ""),
            (vec!["COMMIT".to_owned(), "ROLLBACK".to_owned()], "25P01 25P01"),
            (vec!["SELECT 1; COMMIT AND CHAIN".to_owned()], "25P01"),
            (vec!["SELECT 1; SAVEPOINT a".to_owned()], "25P01"),
            (vec!["LOCK TABLE t".to_owned()], "25P01"),
            (vec!["LOCK TABLE t; SELECT 1".to_owned()], ""),
            (vec!["VACUUM t; SELECT 1".to_owned()], "25001"),
            (vec!["ALTER SYSTEM RESET work_mem; SELECT 1".to_owned()], "25001"),
        ] {
            assert_eq!(codes(&database.config(), &messages).await, said, "on {major}: {messages:?}");
        }
    }
}

/// The SQLSTATEs of warnings, and of the error that ends it.
async fn codes(config: &tokio_postgres::Config, messages: &[String]) -> String {
    let (client, mut connection) = config.connect(NoTls).await.unwrap();
    let notices = tokio::spawn(async move {
        let mut codes = Vec::new();
        while let Some(message) = std::future::poll_fn(|context| connection.poll_message(context)).await {
            if let Ok(AsyncMessage::Notice(notice)) = message {
                codes.push(notice.code().code().to_owned());
            }
        }
        codes
    });
    let mut refused = None;
    for message in messages {
        if let Err(error) = client.simple_query(message).await {
            refused = Some(error.code().unwrap().code().to_owned());
            break;
        }
    }
    drop(client);
    let mut codes = notices.await.unwrap();
    codes.extend(refused);
    codes.join(" ")
}

/// Times as PostgreSQL reads them, and as we do.
#[tokio::test(flavor = "multi_thread")]
async fn times_and_zones_are_read_as_servers_read_them() {
    let texts = [
        "2s",
        "2000",
        "0",
        " 1 min ",
        "1.5s",
        ".5s",
        "5.s",
        "1e3",
        "1e-1 s",
        "100us",
        "1500us",
        "2500us",
        "1h",
        "1d",
        "24d",
        "25d",
        "0x10",
        "010",
        "+5",
        "2S",
        "2 seconds",
        "",
        "s",
        "-1",
        "089",
        "off",
        "1.5",
        "2147483647",
        "2147483648",
        "1 m",
        "0.5",
        "1e",
        "0x",
        "1_000",
        "infinity",
        "0.0004s",
    ];
    let zones = [
        "UTC",
        "GMT",
        "Etc/UTC",
        "etc/gmt+0",
        "Zulu",
        "Africa/Abidjan",
        "Europe/London",
        "Atlantic/Reykjavik",
        "Etc/GMT-1",
        "0",
        "+0",
        "-0",
        "+00",
        "-00",
        "+00:00",
        "00:00",
        "UCT",
        "Universal",
        "Greenwich",
        "GMT0",
        "GMT-0",
        "WET",
        "<+00>+00",
    ];
    for major in majors() {
        let database = Server::shared(major).await.database("sending").await;
        let client = database.client().await;
        for text in texts {
            let set = client.query_one("SELECT set_config('lock_timeout', $1, false)", &[&text]).await;
            let real = match set {
                Ok(_) => {
                    let row = client
                        .query_one("SELECT setting::int8 FROM pg_settings WHERE name = 'lock_timeout'", &[])
                        .await
                        .unwrap();
                    client.simple_query("RESET lock_timeout").await.unwrap();
                    Some(u64::try_from(row.get::<_, i64>(0)).unwrap())
                }
                Err(error) => {
                    assert_eq!(error.code().unwrap().code(), "22023", "{text}");
                    None
                }
            };
            assert_eq!(milliseconds(text), real, "{text:?} on {major}");
        }
        client.simple_query("CREATE TABLE z (t timestamp)").await.unwrap();
        for zone in zones {
            client.query_one("SELECT set_config('timezone', $1, false)", &[&zone]).await.unwrap();
            let row = client
                .simple_query(
                    "BEGIN; SELECT pg_relation_filenode('z'); ALTER TABLE z ALTER t TYPE timestamptz;
                     SELECT pg_relation_filenode('z'); ROLLBACK",
                )
                .await
                .unwrap();
            let nodes: Vec<_> = row
                .iter()
                .filter_map(|message| match message {
                    SimpleQueryMessage::Row(row) => Some(row.get(0).unwrap().to_owned()),
                    _ => None,
                })
                .collect();
            let settings = Settings::default().with("TimeZone", zone);
            assert_eq!(settings.is_utc(), Some(nodes[0] == nodes[1]), "{zone} on {major}");
        }
    }
}
