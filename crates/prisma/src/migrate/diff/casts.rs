//! Which type casts to which, by Prisma's judgement: its numbers and its gaps, also where
//! PostgreSQL could do better.

use crate::migrate::NativeType;
use crate::migrate::step::Cast;

/// The cast from one type to another; `None` where Prisma takes them for the same.
pub(super) fn cast_of(from: NativeType, to: NativeType) -> Option<Cast> {
    (from != to && !is_same_time(from, to)).then(|| judge(from, to))
}

/// Digits of a second that were never said, or are said no longer, make no difference.
fn is_same_time(from: NativeType, to: NativeType) -> bool {
    use NativeType::{Time, Timestamp, Timestamptz, Timetz};
    match (from, to) {
        (Timestamp(from), Timestamp(to))
        | (Timestamptz(from), Timestamptz(to))
        | (Time(from), Time(to))
        | (Timetz(from), Timetz(to)) => from.is_none() || to.is_none(),
        _ => false,
    }
}

fn judge(from: NativeType, to: NativeType) -> Cast {
    use NativeType::{
        BigInt, Bit, Boolean, ByteA, Char, Citext, Date, Decimal, DoublePrecision, Inet, Integer, Json,
        JsonB, Money, Oid, Real, SmallInt, Text, Time, Timestamp, Timestamptz, Timetz, Uuid, VarBit, VarChar,
        Xml,
    };
    let is_unlimited = matches!(to, Text | VarChar(None));
    let limit = match to {
        VarChar(length) | Char(length) => length,
        _ => None,
    };
    match from {
        // Texts.
        Text if is_unlimited || to == Citext => Cast::Safe,
        Text => fitting_text(to, Cast::Risky),
        VarChar(_) | Char(_) if to == Text => Cast::Safe,
        VarChar(length) => match (length, to) {
            (None, VarChar(Some(_)) | Char(_)) => Cast::Risky,
            (Some(length), _) => shorter_text(length, to),
            _ => Cast::Impossible,
        },
        Char(None) => fitting_text(to, Cast::Safe),
        Char(Some(length)) => shorter_text(length, to),
        Citext => {
            if matches!(to, Text | VarChar(_)) {
                Cast::Safe
            } else {
                Cast::Risky
            }
        }
        Inet => {
            if matches!(to, Citext | Text | VarChar(_)) {
                Cast::Safe
            } else {
                Cast::Impossible
            }
        }
        Uuid if is_unlimited || limit >= Some(32) => Cast::Safe,
        Uuid => Cast::Impossible,
        Xml if is_unlimited => Cast::Safe,
        Json | JsonB if is_unlimited || matches!(to, Json | JsonB) => Cast::Safe,
        Xml | Json | JsonB => fitting_text(to, Cast::Risky),
        ByteA if is_unlimited => Cast::Safe,
        ByteA => {
            if limit >= Some(3) {
                Cast::Risky
            } else {
                Cast::Impossible
            }
        }
        Boolean => match to {
            Text | VarChar(_) => Cast::Safe,
            Char(Some(length)) if length >= 5 => Cast::Safe,
            Char(Some(4)) => Cast::Risky,
            _ => Cast::Impossible,
        },
        // Numbers.
        Money => {
            if matches!(to, Citext | Text | VarChar(_)) {
                Cast::Safe
            } else {
                Cast::Risky
            }
        }
        Oid => {
            if matches!(to, Text | VarChar(_) | BigInt | Integer) {
                Cast::Safe
            } else {
                Cast::Impossible
            }
        }
        SmallInt => whole_number(to, 3, 4, &[Integer, BigInt], &[]),
        Integer => whole_number(to, 10, 11, &[BigInt], &[SmallInt]),
        BigInt => whole_number(to, 19, 20, &[], &[SmallInt, Integer]),
        Real => floating_number(to, 47, DoublePrecision, Cast::Safe),
        DoublePrecision => floating_number(to, 317, Real, Cast::Risky),
        Decimal(digits) => from_decimal(digits, to),
        // Times.
        Timestamp(_) if limit >= Some(23) => Cast::Safe,
        Timestamptz(_) | Date if limit >= Some(28) => Cast::Safe,
        Time(_) if limit >= Some(14) => Cast::Safe,
        Timetz(_) if limit >= Some(19) => Cast::Safe,
        Timestamp(_) | Timestamptz(_) | Date | Time(_) | Timetz(_) if is_unlimited => Cast::Safe,
        Timestamp(_) | Timestamptz(_) => {
            if to.is_temporal() {
                Cast::Safe
            } else {
                Cast::Impossible
            }
        }
        Date => {
            if matches!(to, Timestamp(_) | Timestamptz(_)) {
                Cast::Safe
            } else {
                Cast::Impossible
            }
        }
        Time(_) => {
            if matches!(to, Timetz(_)) {
                Cast::Safe
            } else {
                Cast::Impossible
            }
        }
        Timetz(_) => {
            if matches!(to, Timetz(_) | Time(_)) {
                Cast::Safe
            } else {
                Cast::Impossible
            }
        }
        // Bits.
        Bit(None) => match to {
            Text | VarChar(_) | Char(_) | VarBit(_) => Cast::Safe,
            _ => Cast::Impossible,
        },
        Bit(Some(bits)) => match to {
            Text | VarChar(None) | VarBit(None) => Cast::Safe,
            VarChar(Some(length)) | VarBit(Some(length)) | Char(Some(length)) if length >= bits => Cast::Safe,
            _ => Cast::Impossible,
        },
        VarBit(None) => match to {
            Text | VarChar(None) => Cast::Safe,
            VarChar(Some(_)) | Char(_) | Bit(_) => Cast::Risky,
            _ => Cast::Impossible,
        },
        VarBit(Some(bits)) => match to {
            Text | VarChar(None) | VarBit(None) => Cast::Safe,
            VarBit(Some(length)) if length > bits => Cast::Safe,
            VarChar(Some(length)) | Char(Some(length)) if length >= bits => Cast::Safe,
            Bit(Some(length)) if length > bits => Cast::Impossible,
            VarChar(_) | Char(_) | Bit(_) => Cast::Risky,
            _ => Cast::Impossible,
        },
    }
}

/// A cast to a text of limited length.
fn fitting_text(to: NativeType, cast: Cast) -> Cast {
    if matches!(to, NativeType::VarChar(_) | NativeType::Char(_)) { cast } else { Cast::Impossible }
}

/// From a text of at most `length` characters.
fn shorter_text(length: u32, to: NativeType) -> Cast {
    match to {
        NativeType::VarChar(None) => Cast::Safe,
        NativeType::Char(None) => {
            if length == 1 {
                Cast::Safe
            } else {
                Cast::Risky
            }
        }
        NativeType::VarChar(Some(limit)) | NativeType::Char(Some(limit)) => {
            if length > limit {
                Cast::Risky
            } else {
                Cast::Safe
            }
        }
        _ => Cast::Impossible,
    }
}

/// From a number that takes so many characters in a text. `char` without a length is one character.
fn number_as_text(to: NativeType, characters: u32) -> Cast {
    match to {
        NativeType::Text | NativeType::VarChar(None) => Cast::Safe,
        NativeType::Char(None) => Cast::Risky,
        NativeType::VarChar(Some(limit)) | NativeType::Char(Some(limit)) => {
            if limit < characters {
                Cast::Risky
            } else {
                Cast::Safe
            }
        }
        _ => Cast::Impossible,
    }
}

/// From a whole number of so many digits.
fn whole_number(
    to: NativeType,
    digits: u32,
    characters: u32,
    wider: &[NativeType],
    narrower: &[NativeType],
) -> Cast {
    match to {
        NativeType::Real | NativeType::DoublePrecision | NativeType::Decimal(None) => Cast::Safe,
        NativeType::Decimal(Some((precision, scale))) => {
            if precision.saturating_sub(scale) < digits {
                Cast::Risky
            } else {
                Cast::Safe
            }
        }
        _ if wider.contains(&to) => Cast::Safe,
        _ if narrower.contains(&to) => Cast::Risky,
        _ => number_as_text(to, characters),
    }
}

/// From a number with an exponent.
fn floating_number(to: NativeType, characters: u32, sibling: NativeType, cast: Cast) -> Cast {
    match to {
        NativeType::SmallInt | NativeType::Integer | NativeType::BigInt | NativeType::Decimal(_) => {
            Cast::Risky
        }
        _ if to == sibling => cast,
        _ => number_as_text(to, characters),
    }
}

fn from_decimal(digits: Option<(u32, u32)>, to: NativeType) -> Cast {
    let into_whole = |digits_max: u32| match digits {
        Some((precision, 0)) if precision <= digits_max => Cast::Safe,
        _ => Cast::Risky,
    };
    match to {
        NativeType::SmallInt => into_whole(2),
        NativeType::Integer => into_whole(9),
        NativeType::BigInt => into_whole(18),
        NativeType::Decimal(new) => match (digits, new) {
            (Some((precision, scale)), Some((new_precision, new_scale))) => {
                let loses_whole = precision.saturating_sub(scale) > new_precision.saturating_sub(new_scale);
                if loses_whole || scale > new_scale { Cast::Risky } else { Cast::Safe }
            }
            // The most that `numeric` without arguments holds, before and behind the point.
            (None, Some((precision, scale))) if precision < 131_072 || scale < 16_383 => Cast::Risky,
            _ => Cast::Safe,
        },
        NativeType::Real | NativeType::DoublePrecision => Cast::Risky,
        _ => {
            let characters = match digits {
                // A sign, and a point where there is a fraction.
                Some((precision, 0)) => precision + 1,
                Some((precision, _)) => precision + 2,
                None => 131_073,
            };
            number_as_text(to, characters)
        }
    }
}
