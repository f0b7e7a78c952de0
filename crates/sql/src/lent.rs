//! Which statements a superuser may execute for somebody who is none.
//!
//! Databases that are managed let their owners do some things for which plain PostgreSQL wants a superuser:
//! extensions, event triggers, publications of everything, roles. A throwaway server has to do the same, and
//! must not thereby become somebody's who writes a hostile migration. So here is a short list: statements that
//! execute nothing of the migration's own, and give nobody more rights than those of an ordinary role. What is
//! not on it is left to the rights of whoever executes it.

use pg_query::NodeEnum;
use pg_query::protobuf::node::Node as Tree;
use pg_query::protobuf::{AccessPriv, AlterTableType, DefElem, Node, RoleSpec, RoleSpecType};
use underpin_catalog::Name;

use crate::parser;

/// A statement that a superuser may execute for somebody else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lent {
    /// An extension is made or brought to another version. Its scripts are the installation's, and run as
    /// superuser: what the database already has must not come in their way.
    Extension,
    /// A publication is made or changed.
    Publication,
    /// An event trigger is made. From then on its function runs whenever somebody changes the database.
    EventTrigger,
    /// Roles are made, changed, dropped or granted, without rights beyond those of an ordinary role. With the
    /// name of the role that is made.
    Roles(Option<Name>),
}

/// Predefined roles that see and change no more than the databases of the server.
const HARMLESS: &[&str] = &[
    "pg_monitor",
    "pg_read_all_settings",
    "pg_read_all_stats",
    "pg_stat_scan_tables",
    "pg_read_all_data",
    "pg_write_all_data",
    "pg_signal_backend",
    "pg_maintain",
];

/// What may be lent for a statement, if anything. `superuser` is the role that lends: no statement may name it.
pub fn lent(statement: &str, superuser: &Name) -> Option<Lent> {
    let parsed = parser::parse(statement).ok()?;
    let [only] = parsed.protobuf.stmts.as_slice() else { return None };
    let roles = Roles { superuser };
    match only.stmt.as_ref()?.node.as_ref()? {
        Tree::CreateExtensionStmt(_) | Tree::AlterExtensionStmt(_) => Some(Lent::Extension),
        Tree::CreatePublicationStmt(_) | Tree::AlterPublicationStmt(_) => Some(Lent::Publication),
        Tree::CreateEventTrigStmt(_) => Some(Lent::EventTrigger),
        Tree::CreateRoleStmt(create) => {
            let harmless = roles.may_name(&create.role) && roles.options(&create.options);
            harmless.then(|| Lent::Roles(Some(Name::new(&create.role))))
        }
        Tree::AlterRoleStmt(alter) => {
            let harmless = roles.may_be(alter.role.as_ref()) && roles.options(&alter.options);
            harmless.then_some(Lent::Roles(None))
        }
        Tree::DropRoleStmt(drop) => roles.all(&drop.roles).then_some(Lent::Roles(None)),
        Tree::GrantRoleStmt(grant) => {
            let harmless = roles.all(&grant.granted_roles)
                && roles.all(&grant.grantee_roles)
                && grant.grantor.as_ref().is_none_or(|grantor| roles.may_be(Some(grantor)));
            harmless.then_some(Lent::Roles(None))
        }
        _ => None,
    }
}

/// The role that a statement gives an object to, when that is all that it does. PostgreSQL wants the new owner to
/// be allowed to make such an object in its namespace, unless a superuser executes it.
pub fn new_owner(statement: &str) -> Option<Name> {
    let parsed = parser::parse(statement).ok()?;
    let [only] = parsed.protobuf.stmts.as_slice() else { return None };
    let role = match only.stmt.as_ref()?.node.as_ref()? {
        Tree::AlterOwnerStmt(alter) => alter.newowner.as_ref()?,
        Tree::AlterTableStmt(alter) => match alter.cmds.as_slice() {
            [Node { node: Some(Tree::AlterTableCmd(command)) }]
                if command.subtype() == AlterTableType::AtChangeOwner =>
            {
                command.newowner.as_ref()?
            }
            _ => return None,
        },
        _ => return None,
    };
    (role.roletype() == RoleSpecType::RolespecCstring).then(|| Name::new(&role.rolename))
}

struct Roles<'a> {
    superuser: &'a Name,
}

impl Roles<'_> {
    fn may_name(&self, role: &str) -> bool {
        role != self.superuser.as_str() && (!role.starts_with("pg_") || HARMLESS.contains(&role))
    }

    /// A role that is named. `CURRENT_USER` would be the superuser who executes it.
    fn may_be(&self, role: Option<&RoleSpec>) -> bool {
        role.is_some_and(|role| {
            role.roletype() == RoleSpecType::RolespecCstring && self.may_name(&role.rolename)
        })
    }

    fn all(&self, roles: &[Node]) -> bool {
        roles.iter().all(|role| match &role.node {
            Some(NodeEnum::RoleSpec(role)) => self.may_be(Some(role)),
            Some(NodeEnum::AccessPriv(AccessPriv { priv_name, cols })) => {
                cols.is_empty() && self.may_name(priv_name)
            }
            _ => false,
        })
    }

    fn options(&self, options: &[Node]) -> bool {
        options.iter().all(|option| match &option.node {
            Some(NodeEnum::DefElem(option)) => self.option(option),
            _ => false,
        })
    }

    fn option(&self, option: &DefElem) -> bool {
        let argument = option.arg.as_ref().and_then(|argument| argument.node.as_ref());
        match option.defname.as_str() {
            "canlogin" | "inherit" | "password" | "validUntil" | "connectionlimit" | "createdb"
            | "bypassrls" => true,
            // Up to PostgreSQL 15, who may create roles may make himself a member of those that execute programs.
            "superuser" | "createrole" | "isreplication" => {
                matches!(argument, Some(NodeEnum::Boolean(yes)) if !yes.boolval)
            }
            "addroleto" | "rolemembers" | "adminmembers" => {
                matches!(argument, Some(NodeEnum::List(roles)) if self.all(&roles.items))
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(statement: &str) -> Option<Lent> {
        lent(statement, &Name::new("owner_of_all"))
    }

    #[test]
    fn what_managed_databases_let_their_owners_do() {
        assert_eq!(of("CREATE EXTENSION IF NOT EXISTS postgis SCHEMA gis CASCADE"), Some(Lent::Extension));
        assert_eq!(of("ALTER EXTENSION postgis UPDATE"), Some(Lent::Extension));
        assert_eq!(of("CREATE PUBLICATION p FOR ALL TABLES"), Some(Lent::Publication));
        assert_eq!(
            of("CREATE EVENT TRIGGER t ON ddl_command_end EXECUTE FUNCTION f()"),
            Some(Lent::EventTrigger)
        );
        assert_eq!(
            of("CREATE ROLE app WITH LOGIN PASSWORD 'x' NOSUPERUSER NOCREATEROLE IN ROLE team"),
            Some(Lent::Roles(Some(Name::new("app"))))
        );
        for statement in [
            "ALTER ROLE app BYPASSRLS",
            "DROP ROLE IF EXISTS app, other",
            "GRANT app, pg_read_all_data TO reader WITH ADMIN OPTION",
            "REVOKE app FROM reader",
        ] {
            assert_eq!(of(statement), Some(Lent::Roles(None)), "{statement}");
        }
    }

    #[test]
    fn who_gets_an_object() {
        for statement in [
            "ALTER TABLE IF EXISTS \"T\" OWNER TO app",
            "ALTER VIEW v OWNER TO app",
            "ALTER FUNCTION f(int) OWNER TO app",
            "ALTER SCHEMA s OWNER TO app",
        ] {
            assert_eq!(new_owner(statement), Some(Name::new("app")), "{statement}");
        }
        for statement in [
            "ALTER TABLE t OWNER TO app, ADD COLUMN c int",
            "ALTER TABLE t OWNER TO CURRENT_USER",
            "ALTER TABLE t SET SCHEMA app",
            "ALTER TABLE t OWNER TO app; ALTER TABLE u OWNER TO app",
        ] {
            assert_eq!(new_owner(statement), None, "{statement}");
        }
    }

    #[test]
    fn nothing_that_gives_more() {
        for statement in [
            "CREATE ROLE app SUPERUSER",
            "CREATE ROLE app CREATEROLE",
            "CREATE ROLE app REPLICATION",
            "CREATE ROLE app IN ROLE pg_execute_server_program",
            "CREATE ROLE app IN ROLE owner_of_all",
            "CREATE ROLE app ROLE CURRENT_USER",
            "CREATE ROLE app ADMIN owner_of_all",
            "ALTER ROLE app SUPERUSER",
            "ALTER ROLE owner_of_all PASSWORD 'x'",
            "ALTER ROLE CURRENT_USER PASSWORD 'x'",
            "ALTER ROLE app SET session_preload_libraries = 'x'",
            "DROP ROLE owner_of_all",
            "GRANT pg_execute_server_program TO app",
            "GRANT pg_read_server_files TO app",
            "GRANT owner_of_all TO app",
            "GRANT app TO owner_of_all",
            "GRANT app TO reader GRANTED BY CURRENT_USER",
            "ALTER FUNCTION pg_read_file(text) OWNER TO app",
            "GRANT EXECUTE ON FUNCTION pg_read_file(text) TO app",
            "COPY t FROM PROGRAM 'id'",
            "SET session_replication_role = replica",
            "ALTER SYSTEM SET work_mem = '1MB'",
            "CREATE SUBSCRIPTION s CONNECTION '' PUBLICATION p",
            "CREATE FUNCTION f() RETURNS int LANGUAGE c AS 'x', 'y'",
            "DO $$ BEGIN CREATE ROLE app; END $$",
            "CREATE EXTENSION dblink; COPY t FROM PROGRAM 'id'",
            "CREATE ROLE",
            "",
        ] {
            assert_eq!(of(statement), None, "{statement}");
        }
    }
}
