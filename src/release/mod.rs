//! What is shipped: the functions' binary, the worker and the console, found on this machine and made into things that
//! AWS takes. Every one is named by its content, so that the same release is uploaded once.

pub mod bundle;
mod console;
pub mod content;
mod functions;
pub mod image;
mod machine;
pub mod manifest;
pub mod named;
pub mod own;
pub mod place;
pub mod registry;
pub mod repository;
mod source;
mod upload;

pub use console::{Console, ConsoleFile};
pub use content::name_of as sha256;
pub use functions::Functions;
pub use image::{Image, WorkerSource};
pub use machine::Machine;
pub use place::Place;
pub use source::{DIRECTORY_VARIABLE, Origin, Release, find_worker};
pub use upload::{Upload, image_digest, known_digest, places, registry_host, uploads};
