//! Index methods and the types that they can hold.

use pg_query::protobuf::IndexStmt;
use pg_query::protobuf::node::Node as NodeEnum;
use underpin_catalog::{Name, RelationName};

use crate::failure::cast::Family;
use crate::failure::{Asked, Certainty, FailureKind, Found};

/// Index methods that need to be told how to handle a type.
pub(super) fn operator_classes(
    asked: &Asked<'_>,
    table: &RelationName,
    statement: &IndexStmt,
    found: &mut Found<'_>,
) {
    let method = statement.access_method.as_str();
    if method == "hash" && (statement.index_params.len() > 1 || statement.unique) {
        let why = match statement.unique {
            true => "a hash index cannot be unique",
            false => "a hash index has one column",
        };
        found.certain(FailureKind::Definition, "0A000", table.shown(), why);
        return;
    }
    let Some(facts) = asked.around.relation(table) else { return };
    for param in &statement.index_params {
        let Some(NodeEnum::IndexElem(element)) = &param.node else { continue };
        if element.name.is_empty() || !element.opclass.is_empty() {
            continue;
        }
        let column = Name::new(&element.name);
        let Some(own) = facts.column(&column).filter(|own| own.type_name.is_none()) else { continue };
        let is_array = own.type_sql.ends_with("[]");
        let family = Family::of(&own.type_sql);
        // btree_gin and btree_gist, where they are installed, lend their classes without being named.
        let lacks = match method {
            "btree" | "hash" if !is_array => {
                matches!(family, Family::Json | Family::Xml).then_some(Certainty::Certain)
            }
            "gin" if !is_array && !matches!(family, Family::Jsonb | Family::TsVector | Family::Unknown) => {
                Some(Certainty::Likely)
            }
            _ => None,
        };
        if let Some(certainty) = lacks {
            let why = format!(
                "a {method} index on {} needs an operator class: type {} has none by default",
                column.as_str(),
                own.type_sql
            );
            found.push(FailureKind::Definition, "42704", certainty, table.shown(), why);
        }
    }
}
