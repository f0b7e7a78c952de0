//! Where the corpus and the oracle are.

use std::path::{Path, PathBuf};

/// The folder of the workspace's `Cargo.toml`.
pub fn workspace_root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).expect("this crate lies in crates/testkit").to_path_buf()
}

/// The folder with the corpus and the oracle: `UNDERPIN_SHARED`, else `shared` beside the checkout.
///
/// # Panics
/// When it is not there: a test without its inputs has failed, not passed.
pub fn shared() -> PathBuf {
    let folder = match std::env::var_os("UNDERPIN_SHARED") {
        Some(folder) => PathBuf::from(folder),
        None => workspace_root().join("../shared"),
    };
    match folder.canonicalize() {
        Ok(folder) if folder.join("corpus").is_dir() && folder.join("oracle/setup.sh").is_file() => folder,
        _ => panic!(
            "the corpus and the oracle are not in {}: put them there or name their folder in UNDERPIN_SHARED",
            folder.display()
        ),
    }
}
