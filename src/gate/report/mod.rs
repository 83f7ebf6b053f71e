//! A gate's answer in every form that somebody reads: text, JUnit, JSON, Markdown, HTML.

pub mod figures;
pub mod files;
pub mod html;
pub mod json;
pub mod junit;
pub mod markdown;
pub mod plot;
pub mod text;
