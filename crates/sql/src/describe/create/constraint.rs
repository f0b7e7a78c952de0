//! A constraint, of a table or beside a column.

use pg_query::protobuf::{ConstrType, Constraint};
use underpin_catalog::{Name, RelationName};

use crate::bounds::comparisons;
use crate::describe::tree::{named, names, read_by};
use crate::effect::{AddConstraint, ConstraintKind, Deferral, OnDelete};
use crate::predicate::not_null_columns;

/// What a constraint asks for; `beside` is the column that it was written beside.
pub(crate) fn constraint(table: &RelationName, added: &Constraint, beside: Option<&Name>) -> AddConstraint {
    let kind = match added.contype() {
        ConstrType::ConstrForeign => ConstraintKind::ForeignKey {
            references: named(added.pktable.as_ref()),
            columns: names(&added.pk_attrs),
            on_delete: match added.fk_del_action.as_str() {
                "c" => OnDelete::Cascade,
                "n" => OnDelete::SetNull,
                "d" => OnDelete::SetDefault,
                _ => OnDelete::Refuse,
            },
        },
        ConstrType::ConstrUnique => ConstraintKind::Unique,
        ConstrType::ConstrPrimary => ConstraintKind::PrimaryKey,
        ConstrType::ConstrExclusion => ConstraintKind::Exclude,
        ConstrType::ConstrNotnull => ConstraintKind::NotNull,
        _ => ConstraintKind::Check,
    };
    let columns = match (&kind, beside) {
        (ConstraintKind::Check, _) => read_by(&added.raw_expr),
        (_, Some(column)) => vec![column.clone()],
        (ConstraintKind::ForeignKey { .. }, None) => names(&added.fk_attrs),
        (_, None) => names(&added.keys),
    };
    let enforceable = matches!(kind, ConstraintKind::Check | ConstraintKind::ForeignKey { .. });
    AddConstraint {
        table: table.clone(),
        name: (!added.conname.is_empty()).then(|| Name::new(&added.conname)),
        columns,
        including: names(&added.including),
        not_valid: added.skip_validation,
        not_enforced: enforceable && !added.is_enforced,
        using_index: (!added.indexname.is_empty()).then(|| Name::new(&added.indexname)),
        no_inherit: added.is_no_inherit,
        deferral: match (added.deferrable, added.initdeferred) {
            (_, true) => Deferral::Initially,
            (true, false) => Deferral::Possible,
            (false, false) => Deferral::Never,
        },
        proves_not_null: match &kind {
            ConstraintKind::Check => added.raw_expr.as_deref().map(not_null_columns).unwrap_or_default(),
            _ => Vec::new(),
        },
        compares: match &kind {
            ConstraintKind::Check => added.raw_expr.as_deref().map(comparisons).unwrap_or_default(),
            _ => Vec::new(),
        },
        kind,
    }
}
