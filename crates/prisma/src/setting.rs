//! A value that a schema or a configuration gives literally or through the environment.

use std::fmt;

use thiserror::Error;

/// Where a value comes from. `{:?}` leaves literals out: a connection URL may hold a password.
#[derive(Clone, PartialEq, Eq)]
pub enum Setting {
    /// Written in the file.
    Literal(String),
    /// A variable of the environment.
    Variable {
        /// Its name.
        name: String,
        /// Whether it is an error when it is missing or empty: `env("X")`, not `process.env.X`.
        is_required: bool,
    },
    /// `first ?? second` or `first || second`.
    Either {
        /// Tried first.
        first: Box<Setting>,
        /// Taken when the first has no value.
        second: Box<Setting>,
        /// Whether an empty first value counts as none, as with `||`.
        skips_empty: bool,
    },
}

/// A value, and the variable it was found in. `{:?}` leaves the value out.
#[derive(Clone, PartialEq, Eq)]
pub struct Resolved {
    /// The value.
    pub value: String,
    /// The variable, or `None` for a literal.
    pub variable: Option<String>,
}

/// A required variable that is not there.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("environment variable not found: {name}")]
pub struct MissingVariable {
    /// Its name.
    pub name: String,
}

impl fmt::Debug for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal(_) => f.write_str("literal"),
            Self::Variable { name, is_required: true } => write!(f, "env({name})"),
            Self::Variable { name, is_required: false } => write!(f, "process.env.{name}"),
            Self::Either { first, second, skips_empty: true } => write!(f, "({first:?} || {second:?})"),
            Self::Either { first, second, skips_empty: false } => write!(f, "({first:?} ?? {second:?})"),
        }
    }
}

impl fmt::Debug for Resolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolved").field("variable", &self.variable).finish_non_exhaustive()
    }
}

impl Setting {
    /// The value under an environment; `None` when an optional variable is not set.
    ///
    /// # Errors
    /// [`MissingVariable`] for a required variable that is not set or empty.
    pub fn resolve(
        &self,
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Option<Resolved>, MissingVariable> {
        match self {
            Self::Literal(value) => Ok(Some(Resolved { value: value.clone(), variable: None })),
            Self::Variable { name, is_required } => match environment(name) {
                Some(value) if !(value.is_empty() && *is_required) => {
                    Ok(Some(Resolved { value, variable: Some(name.clone()) }))
                }
                _ if *is_required => Err(MissingVariable { name: name.clone() }),
                _ => Ok(None),
            },
            Self::Either { first, second, skips_empty } => match first.resolve(environment)? {
                Some(found) if !(*skips_empty && found.value.is_empty()) => Ok(Some(found)),
                _ => second.resolve(environment),
            },
        }
    }

    /// The variables that are looked at, in order.
    pub fn variables(&self) -> Vec<&str> {
        match self {
            Self::Literal(_) => Vec::new(),
            Self::Variable { name, .. } => vec![name],
            Self::Either { first, second, .. } => [first.variables(), second.variables()].concat(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variable(name: &str, is_required: bool) -> Setting {
        Setting::Variable { name: name.to_owned(), is_required }
    }

    fn value(setting: &Setting) -> Result<Option<String>, MissingVariable> {
        let environment = |name: &str| match name {
            "SET" => Some("value".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        };
        Ok(setting.resolve(&environment)?.map(|resolved| resolved.value))
    }

    fn either(first: Setting, second: Setting, skips_empty: bool) -> Setting {
        Setting::Either { first: Box::new(first), second: Box::new(second), skips_empty }
    }

    #[test]
    fn follows_javascript() {
        let fallback = || Setting::Literal("fallback".to_owned());
        assert_eq!(value(&variable("SET", true)), Ok(Some("value".into())));
        assert_eq!(value(&variable("EMPTY", true)), Err(MissingVariable { name: "EMPTY".into() }));
        assert_eq!(value(&variable("EMPTY", false)), Ok(Some(String::new())));
        assert_eq!(value(&variable("UNSET", false)), Ok(None));
        assert_eq!(value(&either(variable("UNSET", false), fallback(), false)), Ok(Some("fallback".into())));
        assert_eq!(value(&either(variable("EMPTY", false), fallback(), false)), Ok(Some(String::new())));
        assert_eq!(value(&either(variable("EMPTY", false), fallback(), true)), Ok(Some("fallback".into())));
    }
}
