//! Deployed schemas out of real Git repositories.

use std::path::{Path, PathBuf};

use underpin_catalog::{Name, RelationName};
use underpin_engine::git::Repository;
use underpin_engine::project::releases::{At, Basis, Deployed, Release};
use underpin_engine::project::{Project, Where};
use underpin_testkit::git::GitFolder;

const OLD: &str =
    "datasource db {\n provider = \"postgresql\"\n}\nmodel User {\n id Int @id\n name String\n}\n";
const NEW: &str = "datasource db {\n provider = \"postgresql\"\n}\nmodel User {\n id Int @id\n}\n";

/// A repository with a project in its folder `app`, committed on `main`.
fn repository() -> GitFolder {
    let clone = GitFolder::new();
    clone.write("app/package.json", "{}");
    clone.write("app/prisma/migrations/20260101000000_init/migration.sql", "SELECT 1;\n");
    clone.write("app/prisma/schema.prisma", OLD);
    clone.commit("first");
    clone
}

fn project_of(clone: &GitFolder) -> Project {
    project(&clone.path().join("app"), None)
}

fn project(cwd: &Path, schema: Option<&str>) -> Project {
    let place = Where {
        cwd: cwd.to_owned(),
        schema: schema.map(PathBuf::from),
        migrations: Some("prisma/migrations".into()),
        ..Where::default()
    };
    Project::discover(&place).unwrap_or_else(|error| panic!("{error}"))
}

fn found(project: &Project, named: &[&str]) -> Result<Deployed, String> {
    let named: Vec<At> = named.iter().map(|text| text.parse().unwrap()).collect();
    Deployed::find(project, &named).map_err(|problem| format!("{problem}; {}", problem.hints.join("; ")))
}

fn fields(release: &Release) -> Vec<String> {
    let schema = release.schema();
    schema.models().flat_map(|model| &model.fields).map(|field| field.name.name.clone()).collect()
}

#[test]
fn the_merge_base_with_the_default_branch_is_what_runs() {
    let clone = repository();
    clone.git(&["checkout", "--quiet", "-b", "feature"]);
    clone.write("app/prisma/schema.prisma", NEW);
    clone.commit("drop a column");
    let deployed = found(&project_of(&clone), &[]).unwrap();
    let Basis::MergeBase { branch, commit } = &deployed.basis else { panic!("{:?}", deployed.basis) };
    assert_eq!(branch, "main");
    let release = &deployed.releases[0];
    assert_eq!(release.name, format!("the merge base with main ({})", commit.short()));
    assert_eq!(fields(release), ["id", "name"]);
    assert_eq!(release.sources[0].path, format!("{}:app/prisma/schema.prisma", commit.short()));
    assert_eq!(fields(&Release::coming(&project_of(&clone))), ["id"]);
    assert_eq!(Release::coming(&project_of(&clone)).sources[0].path, "prisma/schema.prisma");

    // What is not committed on the default branch itself is the release that comes, too.
    clone.git(&["checkout", "--quiet", "main"]);
    clone.write("app/prisma/schema.prisma", NEW);
    assert_eq!(fields(&found(&project_of(&clone), &[]).unwrap().releases[0]), ["id", "name"]);
}

#[test]
fn migrations_that_a_release_holds_are_known() {
    let clone = repository();
    clone.git(&["tag", "v1"]);
    let migration = |name: &str| format!("app/prisma/migrations/{name}/migration.sql");
    clone.write(&migration("20260201000000_second"), "SELECT 2;\n");
    clone.commit("second");
    clone.git(&["tag", "v2"]);
    clone.write(&migration("20260301000000_third"), "SELECT 3;\n");
    let project = project_of(&clone);
    let held = |named: &[&str]| {
        let held = found(&project, named).unwrap().held(&project.migrations_folder).unwrap();
        let name = |path: &PathBuf| path.parent().unwrap().file_name().unwrap().to_str().unwrap().to_owned();
        held.iter().map(name).collect::<Vec<_>>()
    };
    assert_eq!(held(&["git:v2"]), ["20260101000000_init", "20260201000000_second"]);
    assert_eq!(held(&["git:v2", "git:v1"]), ["20260101000000_init"], "v1 still runs, too");
    assert_eq!(held(&[]), ["20260101000000_init", "20260201000000_second"]);
    let clients = found(&project, &["git:v1"]).unwrap().clients(&Name::new("public"));
    let user = RelationName::bare("User");
    assert!(clients[0].reads_column(&user, &Name::new("name")).is_some());
}

#[test]
fn what_the_remote_calls_its_default_branch_comes_first() {
    let upstream = repository();
    upstream.git(&["branch", "--move", "trunk"]);
    let folder = tempfile::tempdir().unwrap();
    let from = upstream.path().display().to_string();
    upstream.git(&["clone", "--quiet", &from, &folder.path().join("work").display().to_string()]);
    let deployed = found(&project(&folder.path().join("work/app"), None), &[]).unwrap();
    assert!(matches!(&deployed.basis, Basis::MergeBase { branch, .. } if branch == "origin/trunk"));
}

#[test]
fn named_releases_are_all_read() {
    let clone = repository();
    clone.git(&["tag", "v1.0.0"]);
    clone.remove("app/prisma/schema.prisma");
    clone.write("app/prisma/schema/user.prisma", "model User {\n id Int @id\n other Int\n}\n");
    clone.write("app/prisma/schema/deep/db.prisma", "datasource db {\n provider = \"postgresql\"\n}\n");
    clone.write("app/prisma/schema/notes.txt", "no schema");
    clone.write("deployed.prisma", NEW);
    clone.commit("a folder");
    clone.git(&["tag", "v2.0.0"]);
    let project = project(&clone.path().join("app"), Some("prisma/schema"));
    let named = ["git:v2.0.0", "git:v1.0.0", "path:../deployed.prisma", "git:v2.0.0:deployed.prisma"];
    let deployed = found(&project, &named).unwrap();
    let read: Vec<_> = deployed.releases.iter().map(|release| fields(release).join(" ")).collect();
    assert_eq!(read, ["id other", "id name", "id", "id"], "the second was a file beside the folder then");
    assert_eq!(deployed.releases[0].sources.len(), 2);
    assert_eq!(deployed.releases[0].name, "v2.0.0");
    assert_eq!(deployed.basis, Basis::Named);
}

#[test]
fn a_release_that_is_not_there_is_told_with_what_to_do() {
    let clone = repository();
    clone.git(&["tag", "v1.0.0"]);
    let told = |named: &str| found(&project_of(&clone), &[named]).unwrap_err();
    assert!(told("git:v9").starts_with("git knows no revision `v9`; name a tag"));
    assert!(told("git:--all").starts_with("git knows no revision `--all`"));
    assert!(told("git:v1.0.0:prisma").starts_with(
        "`v1.0.0` has no Prisma schema at prisma; it has app/prisma/schema.prisma: write git:v1.0.0:app/prisma/"
    ));
    assert!(told("path:gone.prisma").starts_with("there is no deployed schema at "));
    for wrong in ["v1.0.0", "git:", "path:", "svn:1"] {
        let error = wrong.parse::<At>().unwrap_err().to_string();
        assert!(error.starts_with(&format!("`{wrong}` says no schema: write git:REVISION")), "{error}");
    }
}

#[test]
fn without_a_repository_the_schema_as_it_is_stands_in() {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in
        [("prisma/schema.prisma", OLD), ("prisma/migrations/20260101000000_init/migration.sql", "")]
    {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let project = project(folder.path(), None);
    let deployed = found(&project, &[]).unwrap();
    assert_eq!(deployed.basis, Basis::Unknown { reason: "the project is in no Git repository".to_owned() });
    assert_eq!(deployed.releases, [Release::coming(&project)]);
    assert!(
        deployed.clients(&Name::new("public")).is_empty() && deployed.held(folder.path()).unwrap().is_empty()
    );
    let error = found(&project, &["git:v1"]).unwrap_err();
    assert!(
        error.starts_with("`git:v1` is named as deployed, and the project is in no Git repository"),
        "{error}"
    );
}

#[test]
fn a_branch_with_nothing_in_common_or_nothing_deployed() {
    let clone = repository();
    clone.git(&["checkout", "--quiet", "--orphan", "other"]);
    clone.commit("anew");
    let reason = match found(&project_of(&clone), &[]).unwrap().basis {
        Basis::Unknown { reason } => reason,
        other => panic!("{other:?}"),
    };
    assert_eq!(reason, "this branch has no commit in common with main, as far as the clone reaches");

    let fresh = GitFolder::new();
    fresh.write("README", "soon");
    fresh.commit("first");
    fresh.write("app/package.json", "{}");
    fresh.write("app/prisma/schema.prisma", NEW);
    fresh.write("app/prisma/migrations/20260101000000_init/migration.sql", "");
    let deployed = found(&project_of(&fresh), &[]).unwrap();
    assert!(matches!(deployed.basis, Basis::MergeBase { .. }));
    let clients = deployed.clients(&Name::new("public"));
    assert!(clients[0].is_whole && clients[0].tables.is_empty(), "the first release: no client runs yet");
}

#[test]
fn paths_with_odd_names_are_files_and_no_patterns() {
    let clone = repository();
    clone.write("app/[slug]/a*.prisma", NEW);
    clone.write("app/[slug]/é b.prisma", "model B {\n id Int @id\n}\n");
    clone.write("app/s/c.prisma", OLD);
    clone.commit("odd");
    let repository = Repository::containing(&clone.path().join("app")).unwrap().unwrap();
    let commit = repository.commit("HEAD").unwrap();
    let files = repository.files(&commit, "app/[slug]").unwrap();
    let paths: Vec<_> = files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(paths, ["app/[slug]/a*.prisma", "app/[slug]/é b.prisma"]);
    assert_eq!(repository.read(&files[0]).unwrap(), NEW.as_bytes());
    assert_eq!(
        repository.path_of(&clone.path().join("app/gone/x.prisma")).as_deref(),
        Some("app/gone/x.prisma")
    );
    assert_eq!(repository.path_of(Path::new("/")), None);
}
