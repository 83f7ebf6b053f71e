//! The console's files under a prefix that names their content, so that a release is switched, forth or back, at once.

use std::{fs, path::Path};

use super::sha256;
use crate::{exit::Exit, failure::Failure};

/// How deep a console's directories may go.
const DEEPEST: usize = 16;

/// The console's files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Console {
    /// Sorted by path.
    pub files: Vec<ConsoleFile>,
    /// Their prefix in the artifact bucket, without slashes at its ends; names their content.
    pub prefix: String,
}

/// A file of the console.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConsoleFile {
    /// With forward slashes, below the prefix.
    pub path: String,
    /// What is in it.
    pub content: Vec<u8>,
}

impl Console {
    /// The page that every `dlt` carries.
    pub fn built_in() -> Self {
        let file = |path: &str, content: &[u8]| ConsoleFile { path: path.to_owned(), content: content.to_vec() };
        Self::new(vec![
            file("index.html", include_bytes!("../../console/index.html")),
            file("settings.js", include_bytes!("../../console/settings.js")),
            file("details.js", include_bytes!("../../console/details.js")),
            file("api.js", include_bytes!("../../console/api.js")),
        ])
    }

    /// The files of a directory.
    pub fn read(directory: &Path) -> Result<Self, Failure> {
        let mut files = Vec::new();
        collect(directory, "", DEEPEST, &mut files).map_err(|error| {
            let message = format!("failed to read the console in `{}`", directory.display());
            Failure::from_error(Exit::Invalid, message, &error)
        })?;
        if files.iter().any(|file| file.path == "index.html") {
            return Ok(Self::new(files));
        }
        let message = format!("the console in `{}` has no index.html", directory.display());
        Err(Failure::new(Exit::Invalid, message).hint("build the console first"))
    }

    /// The console of these paths and contents.
    pub fn of(files: Vec<(String, Vec<u8>)>) -> Self {
        Self::new(files.into_iter().map(|(path, content)| ConsoleFile { path, content }).collect())
    }

    /// Files under the name of their content.
    pub fn new(mut files: Vec<ConsoleFile>) -> Self {
        files.sort();
        let parts: Vec<&[u8]> = files.iter().flat_map(|file| [file.path.as_bytes(), &*file.content]).collect();
        let prefix = format!("console/{}", sha256(&parts));
        Self { files, prefix }
    }
}

fn collect(directory: &Path, prefix: &str, depth: usize, files: &mut Vec<ConsoleFile>) -> std::io::Result<()> {
    if depth == 0 {
        return Err(std::io::Error::other(format!("`{prefix}` is more than {DEEPEST} directories deep")));
    }
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_str().ok_or_else(|| std::io::Error::other(format!("{name:?} is not UTF-8")))?;
        let path = if prefix.is_empty() { name.to_owned() } else { format!("{prefix}/{name}") };
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), &path, depth - 1, files)?;
        } else {
            files.push(ConsoleFile { path, content: fs::read(entry.path())? });
        }
    }
    Ok(())
}

impl ConsoleFile {
    /// What a browser must know about it.
    pub fn content_type(&self) -> &'static str {
        match self.path.rsplit('.').next() {
            Some("html") => "text/html; charset=utf-8",
            Some("js" | "mjs") => "text/javascript; charset=utf-8",
            Some("css") => "text/css; charset=utf-8",
            Some("json" | "map") => "application/json",
            Some("svg") => "image/svg+xml",
            Some("png") => "image/png",
            Some("ico") => "image/x-icon",
            Some("woff2") => "font/woff2",
            Some("txt") => "text/plain; charset=utf-8",
            _ => "application/octet-stream",
        }
    }

    /// What a build puts below `assets` has its content in its address; everything else is asked for again each time,
    /// because a release of other content has the same addresses.
    pub fn cache_control(&self) -> &'static str {
        if self.path.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prefix_names_the_content_and_not_the_order_of_reading() {
        let file = |path: &str, content: &str| ConsoleFile { path: path.to_owned(), content: content.into() };
        let one = Console::new(vec![file("index.html", "a"), file("app.js", "b")]);
        let two = Console::new(vec![file("app.js", "b"), file("index.html", "a")]);
        assert_eq!(one, two);
        assert_ne!(one.prefix, Console::new(vec![file("index.html", "ab"), file("app.js", "")]).prefix);
    }

    #[test]
    fn a_directory_is_read_with_what_is_below_it() {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("assets")).unwrap();
        fs::write(directory.path().join("index.html"), "<p>").unwrap();
        fs::write(directory.path().join("assets/app.js"), "1").unwrap();
        let console = Console::read(directory.path()).unwrap();
        assert_eq!(
            console.files.iter().map(|it| it.path.as_str()).collect::<Vec<_>>(),
            ["assets/app.js", "index.html"]
        );
        assert_eq!(console.files[0].content_type(), "text/javascript; charset=utf-8");
    }

    #[test]
    fn a_console_without_a_page_is_refused() {
        assert!(Console::read(tempfile::tempdir().unwrap().path()).is_err());
    }

    #[test]
    fn only_files_with_their_content_in_their_address_are_kept_for_long() {
        let kept = |path: &str| ConsoleFile { path: path.to_owned(), content: Vec::new() }.cache_control();
        assert!(kept("assets/app.1a2b.js").contains("immutable"));
        assert_eq!([kept("index.html"), kept("settings.js")], ["no-cache"; 2]);
    }

    #[test]
    fn the_built_in_page_asks_nothing_of_other_servers() {
        for file in Console::built_in().files {
            let text = String::from_utf8(file.content).unwrap();
            for outside in ["src=\"http", "href=\"http", "@import", "url(", "fetch(\"http"] {
                assert!(!text.contains(outside), "{}: {outside}", file.path);
            }
        }
    }

    /// The distribution's policy is `script-src 'self'`: a script inside the page would never run.
    #[test]
    fn the_built_in_page_has_its_script_in_a_file_that_is_there() {
        let console = Console::built_in();
        let page = console.files.iter().find(|file| file.path == "index.html").unwrap();
        let page = std::str::from_utf8(&page.content).unwrap();
        let scripts: Vec<&str> = page.split("<script").skip(1).collect();
        assert!(!scripts.is_empty());
        for script in scripts {
            let path = script.strip_prefix(" src=\"/").and_then(|rest| rest.split_once('"')).unwrap().0;
            assert!(console.files.iter().any(|file| file.path == path), "{path}");
        }
    }
}
