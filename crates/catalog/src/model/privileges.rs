//! Who owns an object, what others may do with it, and what is written about it.
//!
//! PostgreSQL keeps no list at all (`NULL`) until the first `GRANT`, and from then on a list with the
//! owner's own rights in it. A list that only says what the absent one means is read as
//! [`Privileges::Usual`], so that a grant that was taken back leaves no difference.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::Name;

/// What every kind of object has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct About {
    /// The role that owns it. `None` for what has no owner of its own, such as a column, and for the
    /// namespace `public`, whose owner tells how the database was made and not what it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<Name>,
    /// What others may do with it.
    #[serde(skip_serializing_if = "Privileges::is_usual")]
    pub privileges: Privileges,
    /// `COMMENT ON`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// What roles may do with an object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Privileges {
    /// What PostgreSQL grants when nobody says anything; for columns, nothing.
    #[default]
    Usual,
    /// These and no others, the owner's own included.
    Granted(BTreeSet<Grant>),
}

impl Privileges {
    /// Whether nothing was granted or revoked.
    pub fn is_usual(&self) -> bool {
        matches!(self, Self::Usual)
    }
}

/// One right of one role.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Grant {
    /// Who may; `None` for `PUBLIC`.
    pub grantee: Option<Name>,
    /// What, in SQL's word: `SELECT`.
    pub privilege: &'static str,
    /// The grantee may grant it on.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub grantable: bool,
    /// Who granted it.
    pub grantor: Name,
}

/// An entry of an access list that is not written as PostgreSQL writes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadableGrant(pub String);

impl std::fmt::Display for UnreadableGrant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the access list entry {:?} is of an unknown form", self.0)
    }
}

impl std::error::Error for UnreadableGrant {}

impl Grant {
    /// The grants of one `aclitem` as text: `grantee=letters/grantor`, no grantee for `PUBLIC`, a star
    /// behind a letter that may be granted on.
    ///
    /// # Errors
    /// When the text is of another form or has a letter that no version up to 18 has.
    pub fn of_aclitem(text: &str) -> Result<Vec<Self>, UnreadableGrant> {
        let unreadable = || UnreadableGrant(text.to_owned());
        let (grantee, rest) = role(text).ok_or_else(unreadable)?;
        let rest = rest.strip_prefix('=').ok_or_else(unreadable)?;
        let (letters, grantor) = rest.split_once('/').ok_or_else(unreadable)?;
        let (grantor, end) = role(grantor).ok_or_else(unreadable)?;
        if !end.is_empty() {
            return Err(unreadable());
        }
        let mut grants: Vec<Self> = Vec::new();
        for letter in letters.chars() {
            if letter == '*' {
                grants.last_mut().ok_or_else(unreadable)?.grantable = true;
                continue;
            }
            grants.push(Self {
                grantee: (!grantee.is_empty()).then(|| Name::new(grantee.clone())),
                privilege: privilege(letter).ok_or_else(unreadable)?,
                grantable: false,
                grantor: Name::new(grantor.clone()),
            });
        }
        Ok(grants)
    }
}

/// A role name at the beginning, and what follows it. Names of letters, digits and underscores stand
/// bare, others in quotes.
fn role(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(['=', '/']).unwrap_or(text.len());
        return Some((text[..end].to_owned(), &text[end..]));
    };
    let mut name = String::new();
    let mut rest = quoted;
    loop {
        let end = rest.find('"')?;
        name.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.strip_prefix('"') {
            Some(after) => {
                name.push('"');
                rest = after;
            }
            None => return Some((name, rest)),
        }
    }
}

/// The letters of `aclitem`; `m` is new in 17, and `s` and `A` (of server parameters) in 15.
fn privilege(letter: char) -> Option<&'static str> {
    Some(match letter {
        'r' => "SELECT",
        'w' => "UPDATE",
        'a' => "INSERT",
        'd' => "DELETE",
        'D' => "TRUNCATE",
        'x' => "REFERENCES",
        't' => "TRIGGER",
        'X' => "EXECUTE",
        'U' => "USAGE",
        'C' => "CREATE",
        'T' => "TEMPORARY",
        'c' => "CONNECT",
        's' => "SET",
        'A' => "ALTER SYSTEM",
        'm' => "MAINTAIN",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn grant(grantee: Option<&str>, privilege: &'static str, grantable: bool, grantor: &str) -> Grant {
        Grant { grantee: grantee.map(Name::new), privilege, grantable, grantor: Name::new(grantor) }
    }

    #[test]
    fn an_aclitem_is_a_grant_for_each_letter() {
        assert_eq!(
            Grant::of_aclitem("app=r*w/owner").unwrap(),
            [grant(Some("app"), "SELECT", true, "owner"), grant(Some("app"), "UPDATE", false, "owner")]
        );
        assert_eq!(Grant::of_aclitem("=X/owner").unwrap(), [grant(None, "EXECUTE", false, "owner")]);
        assert_eq!(Grant::of_aclitem("app=/owner").unwrap(), []);
    }

    #[test]
    fn roles_of_odd_names_are_read_out_of_their_quotes() {
        let odd = r#""a=""b/c"=r/"o w""#;
        assert_eq!(Grant::of_aclitem(odd).unwrap(), [grant(Some("a=\"b/c"), "SELECT", false, "o w")]);
    }

    #[test]
    fn what_is_no_aclitem_is_no_grant() {
        for text in ["", "app", "app=r", "app=?/owner", "app=*r/owner", "\"app=r/owner", "a=r/b/c"] {
            assert_eq!(Grant::of_aclitem(text), Err(UnreadableGrant(text.to_owned())), "{text}");
        }
    }
}
