//! What a person says of columns that are split or merged.

/// `User.name:firstName,lastName` of a split, `User.firstName,lastName:name` of a merge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReshapeAnswer {
    /// The columns that go, each with its table: by the names of the schema or of the database.
    pub from: Vec<String>,
    /// The columns that come, by their names alone.
    pub to: Vec<String>,
}

impl ReshapeAnswer {
    /// One column that becomes several.
    ///
    /// # Errors
    /// What to write instead.
    pub fn split(text: &str) -> Result<Self, String> {
        let wrong = "write what it was and what it becomes, as in User.name:firstName,lastName";
        Self::read(text).filter(|read| read.from.len() == 1 && read.to.len() > 1).ok_or(wrong.to_owned())
    }

    /// Several columns that become one.
    ///
    /// # Errors
    /// What to write instead.
    pub fn merge(text: &str) -> Result<Self, String> {
        let wrong = "write what they were and what they become, as in User.firstName,lastName:name";
        Self::read(text).filter(|read| read.from.len() > 1 && read.to.len() == 1).ok_or(wrong.to_owned())
    }

    /// As it was given, with its flag.
    pub(crate) fn shown(&self) -> String {
        let columns = self.from.iter().enumerate().map(|(at, from)| match at {
            0 => from.as_str(),
            _ => from.rsplit_once('.').map_or(from.as_str(), |(_, column)| column),
        });
        let columns: Vec<&str> = columns.collect();
        let flag = if self.from.len() == 1 { "--split" } else { "--merge" };
        format!("{flag} {}:{}", columns.join(","), self.to.join(","))
    }

    fn read(text: &str) -> Option<Self> {
        let (from, to) = text.split_once(':')?;
        let names =
            |text: &str| -> Vec<String> { text.split(',').map(|name| name.trim().to_owned()).collect() };
        let (mut from, to) = (names(from), names(to));
        let (table, _) = from.first()?.rsplit_once('.')?;
        let table = table.to_owned();
        for name in from.iter_mut().skip(1).filter(|name| !name.contains('.')) {
            *name = format!("{table}.{name}");
        }
        let is_empty = |name: &String| name.is_empty() || name.ends_with('.') || name.starts_with('.');
        (!from.iter().chain(&to).any(is_empty)).then_some(Self { from, to })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_and_wrong_ones_told() {
        let split = ReshapeAnswer::split("User.name:firstName, lastName").unwrap();
        assert_eq!(
            (split.from, split.to),
            (vec!["User.name".to_owned()], vec!["firstName".to_owned(), "lastName".to_owned()])
        );
        let merge = ReshapeAnswer::merge("app.User.firstName,lastName:name").unwrap();
        assert_eq!(merge.from, ["app.User.firstName", "app.User.lastName"]);
        assert_eq!(merge.shown(), "--merge app.User.firstName,lastName:name");
        for wrong in
            ["User.name:one", "name:one,two", "User.name", "User.:a,b", "User.name:a,", "User.a,b:c,d"]
        {
            assert!(ReshapeAnswer::split(wrong).is_err(), "{wrong}");
        }
        for wrong in ["User.a:b", "User.a,b:c,d", "a,b:c", "User.a,:c"] {
            assert!(ReshapeAnswer::merge(wrong).is_err(), "{wrong}");
        }
    }
}
