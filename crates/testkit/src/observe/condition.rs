//! Names of the failures that statements of a migration end with, as the manual's appendix has them.

/// The condition of a SQLSTATE, in words; empty for one that we do not list.
pub(super) fn name(sqlstate: &str) -> &'static str {
    match sqlstate {
        "0A000" => "feature not supported",
        "22001" => "string data right truncation",
        "22003" => "numeric value out of range",
        "22023" => "invalid parameter value",
        "22P02" => "invalid text representation",
        "23502" => "not null violation",
        "23503" => "foreign key violation",
        "23505" => "unique violation",
        "23514" => "check violation",
        "23P01" => "exclusion violation",
        "25001" => "active SQL transaction",
        "2BP01" => "dependent objects still exist",
        "2D000" => "invalid transaction termination",
        "42601" => "syntax error",
        "42701" => "duplicate column",
        "42703" => "undefined column",
        "42704" => "undefined object",
        "42710" => "duplicate object",
        "42804" => "datatype mismatch",
        "42809" => "wrong object type",
        "42830" => "invalid foreign key",
        "42883" => "undefined function",
        "42P01" => "undefined table",
        "42P07" => "duplicate table",
        "42P13" => "invalid function definition",
        "42P16" => "invalid table definition",
        "42P17" => "invalid object definition",
        "55000" => "object not in prerequisite state",
        "55006" => "object in use",
        "55P04" => "unsafe new enum value usage",
        _ => "",
    }
}
