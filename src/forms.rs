//! The forms in which programs read us: schemas that are made of the types, and compared with what `docs/schema` promises.

use schemars::{JsonSchema, generate::SchemaSettings};

/// A worker's size, which belongs to a crate that knows nothing of schemas.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
#[expect(dead_code, reason = "it is there to be described")]
pub struct Size {
    /// Processors.
    vcpus: f64,
    /// Memory in GiB.
    memory_gib: f64,
    /// Whether they are ARM.
    arm: bool,
}

/// The form of a type as it is written: what may be left out is not required.
fn form<T: JsonSchema>() -> String {
    let schema = SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<T>();
    serde_json::to_string_pretty(&schema).expect("a schema is plain JSON") + "\n"
}

#[test]
fn the_committed_schemas_are_those_of_what_is_printed() {
    for (name, form) in [
        ("cost", form::<crate::cost::Cost>()),
        ("doctor", form::<crate::doctor::Report>()),
        ("drift", form::<crate::drift::answer::Answer>()),
        ("plan", form::<crate::deploy::plan::Plan>()),
    ] {
        let path = format!("{}/docs/schema/{name}.json", env!("CARGO_MANIFEST_DIR"));
        if std::env::var_os("DLT_UPDATE").is_some() {
            std::fs::write(&path, &form).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(committed == form, "{name}: run this test with DLT_UPDATE=1 and commit docs/schema");
    }
}
