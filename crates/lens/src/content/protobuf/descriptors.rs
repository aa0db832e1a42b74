//! The description of messages, as protoc writes it: a `FileDescriptorSet` of `google/protobuf/descriptor.proto`.

use std::collections::HashMap;
use std::fmt;

use super::wire::{Broken, Fields, Wire};

/// What messages, enumerations and methods look like, by their full names.
#[derive(Clone, Debug, Default)]
pub struct Descriptors {
    pub(super) messages: HashMap<String, Message>,
    pub(super) enums: HashMap<String, HashMap<i32, String>>,
    /// The request's message and the answer's, by `package.Service/Method`.
    pub(super) methods: HashMap<String, [String; 2]>,
}

/// Why a file is no such description.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DescriptorError(String);

#[derive(Clone, Debug, Default)]
pub(super) struct Message {
    pub(super) fields: HashMap<u32, Field>,
    /// Whether it is an entry of a map: its fields are `key` and `value`.
    pub(super) is_map_entry: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) is_repeated: bool,
}

/// The types of `FieldDescriptorProto`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Double,
    Float,
    Int64,
    Uint64,
    Int32,
    Fixed64,
    Fixed32,
    Bool,
    String,
    /// A message, or a group.
    Message(String),
    Bytes,
    Uint32,
    Enum(String),
    Sfixed32,
    Sfixed64,
    Sint32,
    Sint64,
}

/// Messages in messages.
const DEEPEST: u32 = 64;

impl Descriptors {
    /// Adds what a `FileDescriptorSet` describes.
    ///
    /// # Errors
    /// When it is none, or a message is named that it does not describe.
    pub fn add(&mut self, set: &[u8]) -> Result<(), DescriptorError> {
        let read = self.files(set).map_err(|Broken| {
            DescriptorError(
                "no FileDescriptorSet, as protoc --descriptor_set_out writes it".to_owned(),
            )
        });
        read.and_then(|()| self.check())
    }

    /// Whether nothing is described.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    fn files(&mut self, set: &[u8]) -> Result<(), Broken> {
        let before = self.messages.len();
        for file in inner(set, 1) {
            let file = file?;
            let package = text(file, 2)?;
            self.types(file, &package, [4, 5], DEEPEST)?;
            for service in inner(file, 6) {
                let service = service?;
                let name = joined(&package, &text(service, 1)?);
                for method in inner(service, 2) {
                    let method = method?;
                    let messages = [full_name(&text(method, 2)?), full_name(&text(method, 3)?)];
                    self.methods.insert(format!("{name}/{}", text(method, 1)?), messages);
                }
            }
        }
        if self.messages.len() == before { Err(Broken) } else { Ok(()) }
    }

    /// Messages and enumerations, which lie in fields of these two numbers.
    fn types(
        &mut self,
        of: &[u8],
        scope: &str,
        fields: [u32; 2],
        depth: u32,
    ) -> Result<(), Broken> {
        let depth = depth.checked_sub(1).ok_or(Broken)?;
        for message in inner(of, fields[0]) {
            let message = message?;
            let name = joined(scope, &text(message, 1)?);
            self.types(message, &name, [3, 4], depth)?;
            self.messages.insert(name, described(message)?);
        }
        for one in inner(of, fields[1]) {
            let one = one?;
            let mut values = HashMap::new();
            for value in inner(one, 2) {
                let value = value?;
                values.entry(number(value, 2)? as i32).or_insert(text(value, 1)?);
            }
            self.enums.insert(joined(scope, &text(one, 1)?), values);
        }
        Ok(())
    }

    fn check(&self) -> Result<(), DescriptorError> {
        let of_fields = self.messages.iter().flat_map(|(name, message)| {
            message.fields.values().filter_map(move |field| match &field.kind {
                Kind::Message(kind) => Some((name, kind)),
                _ => None,
            })
        });
        let of_methods =
            self.methods.iter().flat_map(|(name, both)| both.iter().map(move |one| (name, one)));
        let mut missing =
            of_fields.chain(of_methods).filter(|(_, kind)| !self.messages.contains_key(*kind));
        match missing.next() {
            Some((by, kind)) => Err(DescriptorError(format!(
                "{by} has a {kind}, which is not described: make it with protoc --include_imports"
            ))),
            None => Ok(()),
        }
    }
}

impl fmt::Display for DescriptorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for DescriptorError {}

fn described(message: &[u8]) -> Result<Message, Broken> {
    let mut out = Message::default();
    for field in inner(message, 2) {
        let field = field?;
        const REPEATED: u64 = 3;
        let kind = kind(number(field, 5)?, full_name(&text(field, 6)?)).ok_or(Broken)?;
        let is_repeated = number(field, 4)? == REPEATED;
        let place = u32::try_from(number(field, 3)?).map_err(|_| Broken)?;
        out.fields.insert(place, Field { name: text(field, 1)?, kind, is_repeated });
    }
    for options in inner(message, 7) {
        out.is_map_entry |= number(options?, 7)? != 0;
    }
    Ok(out)
}

fn kind(number: u64, name: String) -> Option<Kind> {
    Some(match number {
        1 => Kind::Double,
        2 => Kind::Float,
        3 => Kind::Int64,
        4 => Kind::Uint64,
        5 => Kind::Int32,
        6 => Kind::Fixed64,
        7 => Kind::Fixed32,
        8 => Kind::Bool,
        9 => Kind::String,
        10 | 11 => Kind::Message(name),
        12 => Kind::Bytes,
        13 => Kind::Uint32,
        14 => Kind::Enum(name),
        15 => Kind::Sfixed32,
        16 => Kind::Sfixed64,
        17 => Kind::Sint32,
        18 => Kind::Sint64,
        _ => return None,
    })
}

/// What fields of this number carry, each as bytes.
fn inner(of: &[u8], wanted: u32) -> impl Iterator<Item = Result<&[u8], Broken>> {
    Fields(of).filter_map(move |field| match field {
        Ok((number, Wire::Bytes(bytes))) if number == wanted => Some(Ok(bytes)),
        Ok(_) => None,
        Err(broken) => Some(Err(broken)),
    })
}

/// The last field of this number, as text: empty when it is missing.
fn text(of: &[u8], wanted: u32) -> Result<String, Broken> {
    let last = inner(of, wanted).last().transpose()?.unwrap_or_default();
    std::str::from_utf8(last).map(str::to_owned).map_err(|_| Broken)
}

fn number(of: &[u8], wanted: u32) -> Result<u64, Broken> {
    let mut found = 0;
    for field in Fields(of) {
        if let (number, Wire::Varint(value)) = field?
            && number == wanted
        {
            found = value;
        }
    }
    Ok(found)
}

fn joined(scope: &str, name: &str) -> String {
    if scope.is_empty() { name.to_owned() } else { format!("{scope}.{name}") }
}

/// protoc names types with a dot before them.
fn full_name(name: &str) -> String {
    name.trim_start_matches('.').to_owned()
}
