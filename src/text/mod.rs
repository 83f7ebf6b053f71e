//! What every page of text is made of: columns and colours. It prints nothing.

pub mod measure;
mod paint;

pub use self::paint::Paint;
