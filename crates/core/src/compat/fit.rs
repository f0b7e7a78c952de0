//! Whether a field's values go into a column of a type, and come out of it.
//!
//! Prisma's client sends texts and lets the server find the types, so a write fits when the text does. What
//! comes back is told by the column's type, and the client refuses what its field cannot hold (P2023), or
//! takes it for another value. The table below is what Prisma Client 7.10 and 6.19 did with `pg` on each of
//! these pairs. Prisma's own engine (until 6) is stricter in what it sends.

use underpin_prisma::client::Column;
use underpin_prisma::migrate::Column as MigrateColumn;

use super::held::{Held, Kind};

/// How a field and a column get along.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fit {
    /// What is wrong with what comes out.
    pub(crate) read: Option<Slip>,
    /// What is wrong with what goes in.
    pub(crate) write: Option<Slip>,
}

/// What is wrong with values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Slip {
    /// The SQLSTATE, or P2023; `None` for a wrong value without an error.
    pub(crate) code: Option<&'static str>,
    /// With every value; otherwise with some.
    pub(crate) always: bool,
}

/// The client cannot use what the database answers.
const UNDECODED: &str = "P2023";
/// A text that is no value of the type.
const NOT_OF_TYPE: &str = "22P02";
/// A text that is no date or time.
const NO_MOMENT: &str = "22007";
/// Out of range.
const TOO_LARGE: &str = "22003";
/// Too long.
const TOO_LONG: &str = "22001";
/// Of another type than the column, where the client said which.
const NO_CAST: &str = "42804";

fn always(code: &'static str) -> Option<Slip> {
    Some(Slip { code: Some(code), always: true })
}

fn some(code: &'static str) -> Option<Slip> {
    Some(Slip { code: Some(code), always: false })
}

/// No error, and another value than was meant.
fn wrong() -> Option<Slip> {
    Some(Slip { code: None, always: false })
}

/// How a field fares with a column that is not its own yet; `None` where either is of a type that no client knows.
pub(crate) fn field_in(field: &Column, column: &MigrateColumn) -> Option<Fit> {
    Some(fit(&Held::expected(field)?, &Held::of_prisma(column)?))
}

/// How values of a field that expects one thing fare with a column that holds another.
pub(super) fn fit(expected: &Held, held: &Held) -> Fit {
    match (expected.list, held.list) {
        (false, false) | (true, true) => {
            let fit = values(&expected.kind, &held.kind);
            match (expected.length_max, held.length_max) {
                (wanted, Some(here))
                    if fit == Fit::default() && wanted.is_none_or(|wanted| wanted > here) =>
                {
                    Fit { write: some(TOO_LONG), ..fit }
                }
                _ => fit,
            }
        }
        (true, false) => list_in_scalar(&expected.kind, &held.kind),
        (false, true) => scalar_in_list(&expected.kind, &held.kind),
    }
}

fn list_in_scalar(expected: &Kind, held: &Kind) -> Fit {
    match (expected, held) {
        (Kind::Enum(_), Kind::Text) => Fit { read: some(NOT_OF_TYPE), write: None },
        // It casts to an array of texts.
        (Kind::Enum(_), _) => Fit { read: always("42846"), write: always(NO_CAST) },
        // A text is stored, and is no list when it comes back.
        (_, Kind::Text) => Fit { read: always(UNDECODED), write: always(UNDECODED) },
        (_, held) => Fit { read: always(UNDECODED), write: always(refusal(held)) },
    }
}

fn scalar_in_list(expected: &Kind, held: &Kind) -> Fit {
    let read = match (expected, held) {
        // `{A}` as a text; anything as true, as a byte, as JSON.
        (Kind::Text | Kind::Word(_), Kind::Enum(_)) | (Kind::Bool | Kind::Bytes | Kind::Json, _) => wrong(),
        _ => always(UNDECODED),
    };
    let write = match expected {
        Kind::Enum(_) => always(NO_CAST),
        Kind::Bytes => always("08P01"),
        _ => always(NOT_OF_TYPE),
    };
    Fit { read, write }
}

/// How the server refuses a text that is no value of the type.
fn refusal(held: &Kind) -> &'static str {
    match held {
        Kind::Timestamp | Kind::TimestampTz | Kind::Date | Kind::Time | Kind::TimeTz => NO_MOMENT,
        _ => NOT_OF_TYPE,
    }
}

fn values(expected: &Kind, held: &Kind) -> Fit {
    use Kind::{
        Big, Bool, Bytes, Date, Enum, Float, Int, Json, Money, Numeric, Oid, Other, Small, Text, Time,
        TimeTz, Timestamp, TimestampTz, Word,
    };
    if expected == held {
        return Fit::default();
    }
    let (read, write) = match (expected, held) {
        (_, Other(_)) => (None, some(NOT_OF_TYPE)),
        (Other(_), _) => (None, None),

        (Word(_), Text) => (None, None),
        (Text | Word(_), Word(_) | Big | Numeric | Money | Json | Enum(_)) => (None, some(NOT_OF_TYPE)),
        (Text | Word(_), Small | Int | Oid | Float | Bool) => (always(UNDECODED), some(NOT_OF_TYPE)),
        (Text | Word(_), Timestamp | TimestampTz | Date | Time | TimeTz) => (None, some(NO_MOMENT)),
        (Text, Text) => (None, None),

        (Small | Int | Oid | Big, Small | Int | Oid | Big) => match width(expected) < width(held) {
            true => (some(UNDECODED), None),
            false => (None, some(TOO_LARGE)),
        },
        (Small | Int | Oid, Float | Numeric | Money) => (wrong(), None),
        (Big, Float | Numeric | Money) => (some(UNDECODED), None),
        (Float | Numeric | Money, Small | Int | Oid | Big) => (None, some(NOT_OF_TYPE)),
        (Float | Numeric | Money, Float | Numeric | Money) => (None, None),
        (Small | Int | Oid | Big | Float | Numeric | Money | Bool | Json, Text) => (some(UNDECODED), None),
        (Small | Int | Oid | Big | Float | Numeric | Money, Json) => (some(UNDECODED), None),
        (Small | Int | Oid | Big | Float | Numeric | Money, Bool) => (always(UNDECODED), some(NOT_OF_TYPE)),

        (Bool, Small | Int | Oid | Float) => (wrong(), always(NOT_OF_TYPE)),
        (Bool, Json) => (some(UNDECODED), None),
        (Bool, Bytes) => (wrong(), None),

        (Timestamp | TimestampTz, Timestamp | TimestampTz) => (None, wrong()),
        (Timestamp | TimestampTz, Date | Time | TimeTz) => (None, wrong()),
        (Date, Timestamp | TimestampTz) | (Time | TimeTz, Time | TimeTz) => (None, None),
        (Date | Time | TimeTz, Timestamp | TimestampTz | Date | Time | TimeTz) => {
            (wrong(), always(NO_MOMENT))
        }
        (Timestamp | TimestampTz | Date | Time | TimeTz, Text) => (wrong(), None),
        (Timestamp | TimestampTz | Date | Time | TimeTz, Bool) => (always(UNDECODED), always(NOT_OF_TYPE)),
        (Timestamp | TimestampTz | Date | Time | TimeTz, Bytes) => (always(UNDECODED), always(UNDECODED)),
        (Timestamp | TimestampTz | Date | Time | TimeTz, _) => (wrong(), always(NOT_OF_TYPE)),

        (Json, Small | Int | Oid | Big | Float | Numeric | Money | Bool) => (None, some(NOT_OF_TYPE)),
        (Json, Bytes) => (some(UNDECODED), None),

        (Bytes, Text) => (always(UNDECODED), some("22021")),
        (Bytes, Json | Enum(_)) => (always(UNDECODED), some(NOT_OF_TYPE)),
        (Bytes, _) => (always(UNDECODED), some("08P01")),

        // The values may be the same; the client says the type when it writes.
        (Enum(_), Enum(_)) => (some(UNDECODED), always(NO_CAST)),
        (Enum(_), Text) => (some(UNDECODED), None),
        (Enum(_), _) => (always(UNDECODED), always(NO_CAST)),

        (_, Bytes) => (always(UNDECODED), some(UNDECODED)),
        (_, held) => (always(UNDECODED), always(refusal(held))),
    };
    Fit { read, write }
}

/// How much a whole number holds.
fn width(kind: &Kind) -> u8 {
    match kind {
        Kind::Small => 1,
        Kind::Int => 2,
        Kind::Oid => 3,
        _ => 4,
    }
}
