//! Names what a replay is made by: kept states of histories are those of exactly these sources.

use std::collections::hash_map::DefaultHasher;
use std::hash::Hasher;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// Reading, planning and executing, and the versions of other packages, the parser's among them.
const DECIDE: [&str; 5] =
    ["../sql/src", "../core/src", "src/shadow_history.rs", "src/shadow_history", "../../Cargo.lock"];

fn main() -> io::Result<()> {
    let mut hasher = DefaultHasher::new();
    for path in DECIDE.map(PathBuf::from) {
        println!("cargo:rerun-if-changed={}", path.display());
        // Outside of the workspace, the package's version tells.
        if path.exists() {
            add(&mut hasher, &path)?;
        }
    }
    println!("cargo:rustc-env=UNDERPIN_REPLAYER={:016x}", hasher.finish());
    Ok(())
}

fn add(hasher: &mut DefaultHasher, path: &Path) -> io::Result<()> {
    if path.is_dir() {
        let mut entries =
            fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
        entries.sort();
        return entries.iter().try_for_each(|entry| add(hasher, entry));
    }
    hasher.write(path.to_string_lossy().as_bytes());
    hasher.write(&fs::read(path)?);
    Ok(())
}
