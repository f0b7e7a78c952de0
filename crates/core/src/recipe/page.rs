//! The pages of the recipes, which are documentation and test.

/// The page of a recipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecipePage {
    /// The recipe's name.
    pub name: &'static str,
    /// Its page, Markdown.
    pub text: &'static str,
}

macro_rules! pages {
    ($($name:literal),* $(,)?) => {
        &[$(RecipePage { name: $name, text: include_str!(concat!("../../recipes/", $name, ".md")) }),*]
    };
}

const ALL: &[RecipePage] = pages!(
    "add-column",
    "add-enum-value",
    "add-foreign-key",
    "add-table",
    "add-unique",
    "change-default",
    "change-key-type",
    "change-on-delete",
    "change-primary-key",
    "change-type",
    "drop-column",
    "drop-foreign-key",
    "drop-table",
    "drop-unique",
    "extract-table",
    "make-optional",
    "make-required",
    "merge-columns",
    "move-column",
    "one-to-many-to-many",
    "remove-enum-value",
    "rename-column",
    "rename-enum-value",
    "rename-table",
    "replace-enum",
    "split-column",
);

/// All of them, by name.
pub fn pages() -> &'static [RecipePage] {
    ALL
}
