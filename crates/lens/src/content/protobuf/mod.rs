//! Messages of protocol buffers by their description, as JSON with the names of the `.proto` file.

mod descriptors;
mod wire;

use std::borrow::Cow;

use base64ct::{Base64, Encoding as _};
use serde_json::{Map, Value, json};

pub use descriptors::{DescriptorError, Descriptors};
use descriptors::{Field, Kind, Message};
use wire::{Fields, Wire};

use super::header;
use crate::flow::Header;

/// What is read of one body.
const MOST_MESSAGES: usize = 200;
/// Messages in messages.
const DEEPEST: u32 = 64;
/// All compressed messages of a body together.
const MOST_INFLATED: usize = 1 << 20;
/// JavaScript's numbers are whole up to here.
const MOST_WHOLE: u64 = 1 << 53;

/// The messages of a body, read by a description.
#[derive(Clone, Debug, PartialEq)]
pub struct Described {
    /// The full name of their type.
    pub message: String,
    /// Each of them, as JSON.
    pub values: Vec<Value>,
    /// Whether bytes are left that are no such message, or are cut off.
    pub is_partial: bool,
}

/// Whose body it is.
#[derive(Clone, Copy)]
pub struct Of<'a> {
    /// The path of its request.
    pub path: &'a str,
    /// Its own head.
    pub headers: &'a [Header],
    /// Whether it is the answer's.
    pub is_response: bool,
}

/// How messages follow each other in a body.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Framing {
    /// It is one.
    Alone,
    /// Each has a byte of flags and four of its length before it, as in gRPC.
    Prefixed,
    /// Each has its length before it, as a varint.
    Delimited,
}

impl Descriptors {
    /// The messages of a body, when its type or the path of its request say which they are: a method of gRPC,
    /// Connect or Twirp, or a parameter `proto` or `messageType` of the type. Where bytes are hidden, only their
    /// number is given.
    #[must_use]
    pub fn describe(&self, of: Of<'_>, body: &[u8], hides_bytes: bool) -> Option<Described> {
        if body.is_empty() {
            return None;
        }
        let (name, framing) = self.message_of(of)?;
        let encoding = ["grpc-encoding", "connect-content-encoding"]
            .into_iter()
            .find_map(|name| header(of.headers, name));
        let encoding = encoding.as_deref();
        let pieces = Pieces { rest: body, framing, encoding, inflates: MOST_INFLATED };
        let reading = Reading { descriptors: self, hides_bytes };
        let mut out = Described { message: name.to_owned(), values: Vec::new(), is_partial: false };
        for piece in pieces.take(MOST_MESSAGES) {
            let value =
                piece.and_then(|piece| reading.message(self.messages.get(name)?, &piece, DEEPEST));
            match value {
                Some(value) => out.values.push(value),
                None => {
                    out.is_partial = true;
                    break;
                }
            }
        }
        Some(out)
    }

    fn message_of(&self, of: Of<'_>) -> Option<(&str, Framing)> {
        let whole = header(of.headers, "content-type")?;
        let kind = whole.to_ascii_lowercase();
        let (essence, parameters) = kind.split_once(';').unwrap_or((&kind, ""));
        let essence = essence.trim();
        let framing = match essence {
            "application/grpc"
            | "application/grpc+proto"
            | "application/grpc-web"
            | "application/grpc-web+proto"
            | "application/connect+proto" => Framing::Prefixed,
            // In base64.
            "application/grpc-web-text" | "application/grpc-web-text+proto" => return None,
            _ if parameters.contains("encoding=delimited") => Framing::Delimited,
            _ if essence.contains("proto") => Framing::Alone,
            _ => return None,
        };
        let parameter = whole.split(';').skip(1).find_map(|one| {
            let (name, value) = one.split_once('=')?;
            let says = ["proto", "messagetype"].contains(&&*name.trim().to_ascii_lowercase());
            says.then(|| value.trim().trim_matches('"').to_owned())
        });
        let named =
            parameter.or_else(|| Some(header(of.headers, "x-protobuf-message")?.into_owned()));
        let message = match named {
            Some(name) => name,
            None => self.methods.get(method(of.path)?)?[usize::from(of.is_response)].clone(),
        };
        Some((self.messages.get_key_value(&message)?.0, framing))
    }
}

/// The last two parts of a path: `package.Service/Method`.
fn method(path: &str) -> Option<&str> {
    let path = path.split(['?', '#']).next()?;
    let before = path.rfind('/')?;
    let begin = path[..before].rfind('/').map_or(0, |at| at + 1);
    Some(&path[begin..])
}

/// The messages of a body one by one; `None` for what is no whole message.
struct Pieces<'a> {
    rest: &'a [u8],
    framing: Framing,
    encoding: Option<&'a str>,
    /// How many bytes may still be inflated.
    inflates: usize,
}

impl<'a> Iterator for Pieces<'a> {
    type Item = Option<Cow<'a, [u8]>>;

    fn next(&mut self) -> Option<Self::Item> {
        const COMPRESSED: u8 = 1;
        const END_OF_STREAM: u8 = 2;
        const TRAILERS: u8 = 0x80;
        while !self.rest.is_empty() {
            let mut fields = Fields(std::mem::take(&mut self.rest));
            if self.framing == Framing::Alone {
                return Some(Some(fields.0.into()));
            }
            if self.framing == Framing::Delimited {
                let piece = fields.bytes();
                self.rest = if piece.is_some() { fields.0 } else { &[] };
                return Some(piece.map(Cow::Borrowed));
            }
            let Some((flags, piece)) = prefixed(&mut fields) else { return Some(None) };
            self.rest = fields.0;
            match flags {
                0 => return Some(Some(piece.into())),
                COMPRESSED if self.inflates > 0 => {
                    let inflated = super::decoded(piece, self.encoding, self.inflates);
                    self.inflates -= inflated.len();
                    return Some(Some(inflated));
                }
                // Of gRPC-Web and of Connect: what follows is no message.
                _ if flags & TRAILERS != 0 || flags & END_OF_STREAM != 0 => {}
                _ => return Some(None),
            }
        }
        None
    }
}

fn prefixed<'a>(fields: &mut Fields<'a>) -> Option<(u8, &'a [u8])> {
    let [flags] = fields.fixed()?;
    let length = u32::from_be_bytes(fields.fixed()?);
    let (piece, rest) = fields.0.split_at_checked(length as usize)?;
    fields.0 = rest;
    Some((flags, piece))
}

struct Reading<'a> {
    descriptors: &'a Descriptors,
    hides_bytes: bool,
}

impl Reading<'_> {
    fn message(&self, message: &Message, data: &[u8], depth: u32) -> Option<Value> {
        let depth = depth.checked_sub(1)?;
        let mut out = Map::new();
        for field in Fields(data) {
            let (number, wire) = field.ok()?;
            match message.fields.get(&number) {
                Some(field) => self.field(field, wire, &mut out, depth)?,
                None => put(&mut out, &number.to_string(), self.unknown(wire)),
            }
        }
        Some(Value::Object(out))
    }

    fn field(
        &self,
        field: &Field,
        wire: Wire<'_>,
        out: &mut Map<String, Value>,
        depth: u32,
    ) -> Option<()> {
        if let (Kind::Message(name), Wire::Bytes(data)) = (&field.kind, wire) {
            let message = self.descriptors.messages.get(name)?;
            let value = self.message(message, data, depth)?;
            if message.is_map_entry {
                let entries =
                    out.entry(&field.name).or_insert_with(|| json!({})).as_object_mut()?;
                let key = match &value["key"] {
                    Value::String(key) => key.clone(),
                    Value::Null => String::new(),
                    key => key.to_string(),
                };
                entries.insert(key, value.get("value").cloned().unwrap_or_default());
                return Some(());
            }
            return self.put_field(field, value, out);
        }
        // Several numbers may lie in one field.
        if let Wire::Bytes(data) = wire
            && !matches!(field.kind, Kind::String | Kind::Bytes | Kind::Message(_))
        {
            let mut packed = Fields(data);
            let all = out.entry(&field.name).or_insert_with(|| json!([]));
            if !all.is_array() {
                *all = json!([all.take()]);
            }
            while !packed.0.is_empty() {
                let wire = number_of(&field.kind, &mut packed)?;
                all.as_array_mut()?.push(self.value(&field.kind, wire, depth)?);
            }
            return Some(());
        }
        let value = self.value(&field.kind, wire, depth)?;
        self.put_field(field, value, out)
    }

    fn put_field(&self, field: &Field, value: Value, out: &mut Map<String, Value>) -> Option<()> {
        match field.is_repeated {
            true => out.entry(&field.name).or_insert_with(|| json!([])).as_array_mut()?.push(value),
            false => drop(out.insert(field.name.clone(), value)),
        }
        Some(())
    }

    /// `None` where a field is not written as its type is.
    fn value(&self, kind: &Kind, wire: Wire<'_>, depth: u32) -> Option<Value> {
        let zigzag = |value: u64| (value >> 1) as i64 ^ -((value & 1) as i64);
        Some(match (kind, wire) {
            (Kind::Double, Wire::Fixed64(bytes)) => float(f64::from_le_bytes(bytes)),
            (Kind::Float, Wire::Fixed32(bytes)) => float(f64::from(f32::from_le_bytes(bytes))),
            (Kind::Int64, Wire::Varint(value)) => signed(value.cast_signed()),
            (Kind::Uint64, Wire::Varint(value)) => unsigned(value),
            (Kind::Int32, Wire::Varint(value)) => signed(i64::from(value as i32)),
            (Kind::Uint32, Wire::Varint(value)) => unsigned(u64::from(value as u32)),
            (Kind::Fixed64, Wire::Fixed64(bytes)) => unsigned(u64::from_le_bytes(bytes)),
            (Kind::Fixed32, Wire::Fixed32(bytes)) => unsigned(u32::from_le_bytes(bytes).into()),
            (Kind::Sfixed64, Wire::Fixed64(bytes)) => signed(i64::from_le_bytes(bytes)),
            (Kind::Sfixed32, Wire::Fixed32(bytes)) => signed(i32::from_le_bytes(bytes).into()),
            (Kind::Sint32 | Kind::Sint64, Wire::Varint(value)) => signed(zigzag(value)),
            (Kind::Bool, Wire::Varint(value)) => (value != 0).into(),
            (Kind::Enum(name), Wire::Varint(value)) => {
                let value = value as i32;
                let name = self.descriptors.enums.get(name).and_then(|values| values.get(&value));
                name.map_or_else(|| value.into(), |name| name.clone().into())
            }
            (Kind::String, Wire::Bytes(text)) => String::from_utf8_lossy(text).into(),
            (Kind::Bytes, Wire::Bytes(data)) => self.bytes(data),
            (Kind::Message(name), Wire::Group(data)) => {
                self.message(self.descriptors.messages.get(name)?, data, depth)?
            }
            _ => return None,
        })
    }

    /// Of a field that is not described.
    fn unknown(&self, wire: Wire<'_>) -> Value {
        match wire {
            Wire::Varint(value) => unsigned(value),
            Wire::Fixed64(bytes) => unsigned(u64::from_le_bytes(bytes)),
            Wire::Fixed32(bytes) => unsigned(u32::from_le_bytes(bytes).into()),
            Wire::Bytes(data) | Wire::Group(data) => self.bytes(data),
        }
    }

    fn bytes(&self, data: &[u8]) -> Value {
        match self.hides_bytes {
            true => format!("({} bytes)", data.len()).into(),
            false => Base64::encode_string(data).into(),
        }
    }
}

/// The next of several numbers, of which each is as long as its type says.
fn number_of<'a>(kind: &Kind, fields: &mut Fields<'a>) -> Option<Wire<'a>> {
    Some(match kind {
        Kind::Double | Kind::Fixed64 | Kind::Sfixed64 => Wire::Fixed64(fields.fixed()?),
        Kind::Float | Kind::Fixed32 | Kind::Sfixed32 => Wire::Fixed32(fields.fixed()?),
        _ => Wire::Varint(fields.varint()?),
    })
}

fn put(out: &mut Map<String, Value>, name: &str, value: Value) {
    match out.get_mut(name) {
        Some(Value::Array(all)) => all.push(value),
        Some(one) => *one = json!([one.take(), value]),
        None => drop(out.insert(name.to_owned(), value)),
    }
}

/// As text where readers of JSON would lose digits, as in the JSON of protocol buffers themselves.
fn unsigned(value: u64) -> Value {
    if value <= MOST_WHOLE { value.into() } else { value.to_string().into() }
}

fn signed(value: i64) -> Value {
    if value.unsigned_abs() <= MOST_WHOLE { value.into() } else { value.to_string().into() }
}

/// JSON has no infinity.
fn float(value: f64) -> Value {
    serde_json::Number::from_f64(value).map_or_else(|| value.to_string().into(), Value::Number)
}
