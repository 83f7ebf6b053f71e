//! What a scenario may be made of besides its own text: variables, and files that lie beside it.

use std::{
    cell::Cell,
    path::{Component, Path},
};

/// Bytes of all files of one scenario together. Every worker is given them, so this bounds what a start has to carry.
pub const MAX_FILES_BYTES: usize = 16 * 1024 * 1024;

/// Answers what a scenario asks for while it is read.
#[derive(Clone, Copy)]
pub struct Sources<'a> {
    /// What `${NAME}` stands for.
    pub variable: &'a dyn Fn(&str) -> Option<String>,
    /// The bytes of a file below the scenario's folder, or why there are none. It is asked for relative names without `..`
    /// only; that no link leads out of the folder is for it to see to.
    pub file: &'a dyn Fn(&str) -> Result<Vec<u8>, String>,
}

impl Sources<'_> {
    /// No variables and no files: a scenario that came over the wire.
    pub const NONE: Sources<'static> = Sources { variable: &|_| None, file: &|_| Err(NO_FILES.to_owned()) };

    /// Variables, and no files.
    pub fn of_variables(variable: &dyn Fn(&str) -> Option<String>) -> Sources<'_> {
        Sources { variable, file: Sources::NONE.file }
    }
}

const NO_FILES: &str = "a scenario that is sent to the API cannot read files; write the content into it, \
                        or read the scenario from its file with `dlt run`";

/// The files of one scenario while it is read, which must not grow beyond [`MAX_FILES_BYTES`].
pub(super) struct Files<'a> {
    sources: &'a Sources<'a>,
    left: Cell<usize>,
}

impl<'a> Files<'a> {
    pub(super) fn new(sources: &'a Sources<'a>) -> Self {
        Self { sources, left: Cell::new(MAX_FILES_BYTES) }
    }

    /// The bytes of a file that a scenario names.
    pub(super) fn read(&self, name: &str) -> Result<Vec<u8>, String> {
        let inside = Path::new(name).components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        if name.is_empty() || !inside || name.contains(['\0', '\\']) {
            return Err(format!(
                "`{}` is not the name of a file below the scenario's folder; files lie beside the scenario, without `..`",
                name.escape_debug()
            ));
        }
        let bytes = (self.sources.file)(name)?;
        let left = self.left.get().checked_sub(bytes.len()).ok_or_else(|| {
            format!("with `{name}` the files of this scenario are larger than {} MiB", MAX_FILES_BYTES / 1024 / 1024)
        })?;
        self.left.set(left);
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leads_out_of_the_folder_and_all_files_together_are_bounded() {
        let half = |_: &str| Ok(vec![0; MAX_FILES_BYTES / 2 + 1]);
        let sources = Sources { file: &half, ..Sources::NONE };
        let files = Files::new(&sources);
        for name in ["../a", "/etc/passwd", "a/../../b", "", "..\\a"] {
            assert!(files.read(name).expect_err(name).contains("below the scenario's folder"), "{name}");
        }
        assert!(files.read("a/./b.csv").is_ok());
        assert!(files.read("c.csv").expect_err("too much").contains("larger than 16 MiB"));
        assert!(Files::new(&Sources::NONE).read("a.csv").expect_err("none").contains("cannot read files"));
    }
}
