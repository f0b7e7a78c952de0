//! What stands in the way of another primary key stops a plan before anything is written.

use underpin_testkit::ProjectFolder;

use super::folders;
use crate::support::underpin;

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_in_the_way_of_another_key_stops_the_plan() {
    let user = |rest: &str| {
        format!(
            "CREATE TABLE \"User\" (\"id\" INTEGER NOT NULL, \"uuid\" UUID NOT NULL, CONSTRAINT \"User_pkey\" PRIMARY KEY (\"id\")){rest};\n"
        )
    };
    let alone = "model User {\n  id   Int    @unique\n  uuid String @id @db.Uuid\n}\n".to_owned();
    let led_to = "model User {\n  id    Int    @unique\n  uuid  String @id @db.Uuid\n  posts Post[]\n}\n\
        model Post {\n  id     Int  @id\n  userId Int\n  user   User @relation(fields: [userId], references: [id])\n}\n".to_owned();
    let post = "CREATE TABLE \"Post\" (\"id\" INTEGER NOT NULL, \"userId\" INTEGER NOT NULL, CONSTRAINT \"Post_pkey\" PRIMARY KEY (\"id\"), \
        CONSTRAINT \"Post_userId_fkey\" FOREIGN KEY (\"userId\") REFERENCES \"User\" (\"id\") ON DELETE RESTRICT ON UPDATE CASCADE DEFERRABLE);\n";
    let elsewhere = "CREATE SCHEMA other;\nCREATE TABLE other.note (\"user\" INTEGER REFERENCES public.\"User\" (\"id\"));\n";
    let cases = [
        (
            format!("{}ALTER TABLE \"User\" REPLICA IDENTITY USING INDEX \"User_pkey\";\n", user("")),
            &alone,
            "User_pkey is its replica identity by name",
        ),
        (user(" PARTITION BY RANGE (\"id\")"), &alone, "it is partitioned"),
        (
            format!("{}{post}", user("")),
            &led_to,
            "by Post_userId_fkey, which is more than a Prisma schema can say",
        ),
        (format!("{}{elsewhere}", user("")), &alone, "by note_user_fkey, which Prisma does not see"),
    ];
    for (sql, after, told) in cases {
        let project = ProjectFolder::prisma7().models(after).migration("20260101000000_init", &sql);
        let said = underpin(project.path(), "", &["plan", "--name", "x"]).await;
        assert_eq!(said.code, 2, "{told}: {}", said.all());
        assert!(said.stderr.contains(told), "no {told:?} in:\n{}", said.all());
        assert_eq!(folders(&project).len(), 1, "{told}");
    }
}
