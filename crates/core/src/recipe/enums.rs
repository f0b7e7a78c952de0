//! Values of enums: `add-enum-value`; what takes values away is refused.

use underpin_prisma::migrate::AlterEnum;

use super::draft::Draft;

/// An enum with other values.
pub(super) fn alter(draft: &mut Draft<'_>, alter: &AlterEnum<'_>) {
    let name = alter.before.name.name.as_str().to_owned();
    let added: Vec<&str> = alter.added.clone();
    if !alter.removed.is_empty() {
        let removed = alter.removed.join(", ");
        let instead = match alter.added.is_empty() {
            true => {
                "keep the value in the database and stop writing it; a value that no row has does no harm"
                    .to_owned()
            }
            false => format!(
                "a value that only gets another name keeps the old one in the database: NEW_NAME @map(\"{}\")",
                alter.removed[0]
            ),
        };
        return draft.refuse(
            format!("{name}.{removed}"),
            "PostgreSQL takes no value out of a type: all columns of it would be written anew while everybody waits, the release that is out casts to what is gone, and what both have prepared fails (0A000)",
            instead,
        );
    }
    draft.uses("add-enum-value", format!("{name} has {}", added.join(", ")));
    draft.note(format!(
        "a release that does not know {} of {name} cannot read a row with it (the whole query fails): let the new release write it only when the old one is gone",
        added.join(", ")
    ));
    let (before, after) = (alter.before.name.clone(), alter.after.clone());
    draft.in_both(|catalog| {
        catalog.enums.iter_mut().filter(|own| own.name == before).for_each(|own| {
            own.values.clone_from(&after.values);
        });
    });
}
