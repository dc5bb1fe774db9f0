//! `datasus-spark-connect <folder of Apache's descriptions> <folder to write to>`: Rust of those messages of Spark Connect that the core
//! uses, and of no others.

mod wanted;

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::path::PathBuf;

use prost_types::{DescriptorProto, FileDescriptorProto, FileDescriptorSet};
use wanted::{CALLS, ENUMS, MESSAGES};

/// What was found of what is wanted, and what there was too little of.
#[derive(Default)]
struct Kept {
    names: BTreeSet<String>,
    problems: Vec<String>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let [_, from, into] = std::env::args().collect::<Vec<_>>().try_into().map_err(|_| "two folders are expected")?;
    let from = PathBuf::from(from);
    let mut files: Vec<PathBuf> = std::fs::read_dir(from.join("spark/connect"))?
        .map(|entry| Ok(entry?.path()))
        .collect::<std::io::Result<_>>()?;
    files.sort();
    let mut config = prost_build::Config::new();
    config.skip_source_info().bytes(["."]).disable_comments(["."]);
    let mut all = config.load_fds(&files, &[from])?;
    let mut kept = Kept::default();
    all.file.retain(|file| file.package() == "spark.connect");
    all.file.iter_mut().for_each(|file| prune(file, &mut kept));
    let wanted = MESSAGES.iter().map(|(name, _)| *name).chain(ENUMS.iter().copied()).chain(CALLS.iter().copied());
    kept.problems.extend(wanted.filter(|name| !kept.names.contains(*name)).map(|name| format!("no {name} there")));
    if !kept.problems.is_empty() {
        return Err(kept.problems.join("; ").into());
    }
    let all = FileDescriptorSet { file: vec![one(all)] };
    tonic_prost_build::configure()
        .build_server(false)
        .build_transport(false)
        .out_dir(into)
        .compile_fds_with_config(all, config)?;
    Ok(())
}

/// Imports lead nowhere once most is gone.
fn one(all: FileDescriptorSet) -> FileDescriptorProto {
    let mut one = FileDescriptorProto { name: Some("connect.proto".into()), ..all.file[0].clone() };
    one.dependency.clear();
    for file in all.file.into_iter().skip(1) {
        one.message_type.extend(file.message_type);
        one.enum_type.extend(file.enum_type);
        one.service.extend(file.service);
    }
    one
}

fn prune(file: &mut FileDescriptorProto, kept: &mut Kept) {
    file.message_type.retain_mut(|message| prune_message(message, "", kept));
    file.enum_type.retain(|one| keep(one.name(), kept, |name| ENUMS.contains(&name)));
    for service in &mut file.service {
        service.method.retain(|method| keep(method.name(), kept, |name| CALLS.contains(&name)));
    }
}

fn keep(name: &str, kept: &mut Kept, is_wanted: impl Fn(&str) -> bool) -> bool {
    let is_wanted = is_wanted(name);
    if is_wanted {
        kept.names.insert(name.to_owned());
    }
    is_wanted
}

/// Whether anything of it is wanted: a message, or what stands in it.
fn prune_message(message: &mut DescriptorProto, within: &str, kept: &mut Kept) -> bool {
    let name = format!("{within}{}", message.name());
    let inside = format!("{name}.");
    let fields = MESSAGES.iter().find(|(wanted, _)| *wanted == name).map(|(_, fields)| *fields);
    let Some(fields) = fields else { return false };
    kept.names.insert(name.clone());
    for field in fields.iter().filter(|field| !message.field.iter().any(|there| there.name() == **field)) {
        kept.problems.push(format!("no {name}.{field} there"));
    }
    message.field.retain(|field| fields.contains(&field.name()));
    // Maps are messages of their own on the wire.
    let maps: BTreeSet<String> =
        message.field.iter().filter_map(|field| Some(field.type_name().rsplit_once('.')?.1.to_owned())).collect();
    message.nested_type.retain_mut(|nested| match nested.options.as_ref().is_some_and(|options| options.map_entry()) {
        true => maps.contains(nested.name()),
        false => prune_message(nested, &inside, kept),
    });
    message.enum_type.retain(|one| keep(&format!("{inside}{}", one.name()), kept, |name| ENUMS.contains(&name)));
    // A choice of which nothing is left is none; the others have new numbers.
    let left: BTreeSet<i32> = message.field.iter().filter_map(|field| field.oneof_index).collect();
    let numbers: BTreeMap<i32, i32> = left.iter().copied().zip(0..).collect();
    for field in &mut message.field {
        field.oneof_index = field.oneof_index.map(|old| numbers[&old]);
    }
    let mut number = -1;
    message.oneof_decl.retain(|_| {
        number += 1;
        left.contains(&number)
    });
    message.reserved_range.clear();
    true
}
