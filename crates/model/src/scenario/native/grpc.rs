//! Unary gRPC calls. Their `.proto` files are compiled when the scenario is read, so that no worker needs them.

mod message;

use std::collections::BTreeMap;

use protox::{
    Compiler,
    file::{ChainFileResolver, File, FileResolver, GoogleFileResolver},
};

use super::{
    body, checks, extract, request,
    scope::Scope,
    socket::{check_url, timeout},
    values::{required, text_of},
};
use crate::{
    document::{Node, Value},
    fields::Fields,
    problem::{Problem, suggest},
    program::{Grpc, Step},
    scenario::sources::Files,
    template::Template,
};

/// Files that one call may need, with all that they import.
const MAX_PROTO_FILES: usize = 500;

/// A unary call.
pub(super) fn read(fields: &mut Fields<'_>, scope: &mut Scope<'_>) -> Option<Step> {
    let node = fields.required("grpc")?;
    let mut fields = Fields::of(node, fields.path_of("grpc"), fields.problems())?;
    let label = request::read_label(&mut fields, scope);
    let url = fields.required("url").and_then(|node| {
        let path = fields.path_of("url");
        scope.template_at(node, &path, fields.problems(), |url| check_url(url, "http"))
    });
    let method = required(&mut fields, "method", |text| match text.trim_start_matches('/').split_once('/') {
        Some((service, name)) if !service.is_empty() && !name.is_empty() && !name.contains('/') => {
            Ok(format!("{service}/{name}"))
        }
        _ => Err(format!("expected `package.Service/Method`, found `{text}`")),
    });
    let descriptors = proto(&mut fields, method.as_deref(), scope);
    let message = match fields.optional("message") {
        Some(node) => {
            let message = body::message(&mut fields, "message", node, scope);
            let known = descriptors.as_deref().zip(method.as_deref()).zip(message.as_ref());
            let misfit =
                known.and_then(|((descriptors, method), message)| message::misfit(descriptors, method, message));
            if let Some(why) = misfit {
                fields.reject("message", node, why);
            }
            message
        }
        None => Some(Template::literal("{}")),
    };
    let check = |name: &str, value: &Template| crate::scenario::limits::header(name, &value.render(|_| "0".to_owned()));
    let metadata = super::values::templates(&mut fields, "metadata", scope, check);
    let timeout_ms = timeout(&mut fields, scope);
    let checks = checks::read(&mut fields, scope, &checks::IN_A_CALL);
    let extract = extract::read(&mut fields, scope, &extract::IN_A_CALL);
    fields.finish_knowing(&[
        ("host", "write `url: https://host:port`"),
        ("address", "write `url: https://host:port`"),
        ("data", "write `message`"),
        ("payload", "write `message`"),
        ("headers", "write `metadata`"),
        ("call", "write `method: package.Service/Method`"),
        ("protos", "write `proto`"),
    ]);
    let method = method?;
    let label = label.unwrap_or_else(|| Template::literal(method.as_str()));
    let (url, message, descriptors) = (url?, message?, descriptors?);
    Some(Step::Grpc(Box::new(Grpc { label, url, method, descriptors, message, metadata, timeout_ms, checks, extract })))
}

/// The `FileDescriptorSet` of a file or of several, in which the method must be.
fn proto(fields: &mut Fields<'_>, method: Option<&str>, scope: &Scope<'_>) -> Option<Vec<u8>> {
    let node = fields.required("proto")?;
    let listed: Vec<&Node> = match &node.value {
        Value::Sequence(items) => items.iter().collect(),
        _ => vec![node],
    };
    let names: Result<Vec<&str>, String> = listed.into_iter().map(text_of).collect();
    let compiled = names.and_then(|names| compile(&names, &scope.files));
    match compiled {
        Ok(compiler) => {
            let problem = method.and_then(|method| missing(&compiler, method));
            if let Some((node, (message, hint))) = fields.optional("method").zip(problem) {
                let problem = Problem::at(node.place, fields.path_of("method"), message);
                fields.problems().push(problem.hint(hint));
            }
            Some(compiler.encode_file_descriptor_set())
        }
        Err(why) => {
            fields.reject("proto", node, why);
            None
        }
    }
}

fn compile(names: &[&str], files: &Files<'_>) -> Result<Compiler, String> {
    let mut sources = BTreeMap::new();
    for name in names {
        let folder = name.rsplit_once('/').map_or("", |(folder, _)| folder);
        collect(name, folder, files, &mut sources)?;
    }
    let mut resolver = ChainFileResolver::new();
    resolver.add(Sources(sources));
    resolver.add(GoogleFileResolver::new());
    let mut compiler = Compiler::with_file_resolver(resolver);
    compiler.include_imports(true).include_source_info(false);
    compiler.open_files(names).map_err(|error| shown(&error))?;
    Ok(compiler)
}

/// The text of a file and of all that it imports; imports are looked for in the scenario's folder, then beside the file.
fn collect(name: &str, folder: &str, files: &Files<'_>, sources: &mut BTreeMap<String, String>) -> Result<(), String> {
    if sources.contains_key(name) || name.starts_with("google/protobuf/") {
        return Ok(());
    }
    if sources.len() >= MAX_PROTO_FILES {
        return Err(format!("more than {MAX_PROTO_FILES} .proto files are needed"));
    }
    let text = files.read_text(name).or_else(|why| match folder {
        "" => Err(why),
        folder => files.read_text(&format!("{folder}/{name}")).map_err(|_| why),
    })?;
    let parsed = File::from_source(name, &text).map_err(|error| shown(&error))?;
    let imports = parsed.file_descriptor_proto().dependency.clone();
    sources.insert(name.to_owned(), text);
    imports.iter().try_for_each(|import| collect(import, folder, files, sources))
}

fn shown(error: &protox::Error) -> String {
    match error.file() {
        Some(file) => format!("`{file}`: {error}"),
        None => error.to_string(),
    }
}

/// What is wrong with a method, and its cure.
fn missing(compiler: &Compiler, method: &str) -> Option<(String, String)> {
    let set = compiler.file_descriptor_set();
    let mut known = Vec::new();
    for file in &set.file {
        for service in &file.service {
            for one in &service.method {
                let package = if file.package().is_empty() { String::new() } else { format!("{}.", file.package()) };
                let name = format!("{package}{}/{}", service.name(), one.name());
                known.push((name, one.client_streaming() || one.server_streaming()));
            }
        }
    }
    let names = || known.iter().map(|(name, _)| name.as_str());
    match known.iter().find(|(name, _)| name == method) {
        Some((_, false)) => None,
        Some((_, true)) => {
            Some((format!("`{method}` is a stream"), "only calls with one message each way can be made".to_owned()))
        }
        None => {
            let hint = match suggest(method, names()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("there are: {}", names().collect::<Vec<_>>().join(", ")),
            };
            Some((format!("there is no method `{method}`"), hint))
        }
    }
}

/// Files that were read already.
struct Sources(BTreeMap<String, String>);

impl FileResolver for Sources {
    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        match self.0.get(name) {
            Some(text) => File::from_source(name, text),
            None => Err(protox::Error::file_not_found(name)),
        }
    }
}
