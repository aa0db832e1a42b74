//! AWS-LC prints what extensions say as it is, line ends and all, so a name could begin a line that
//! looks like one of ours. What is printed then is a copy in which line ends are written as escapes.

use std::borrow::Cow;

use aws_lc_sys as c;

use crate::der::{BOOLEAN, Element, Elements, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE, encode};
use crate::error::ErrorQueue;
use crate::owned::{Owned, printed};

const CONSTRUCTED: u8 = 0x20;
/// A certificate has its deepest extension at the fifth level, and names in those are a few further.
const MAX_DEPTH: u8 = 24;

/// The copy of a certificate or a revocation list. `None` when nothing in it breaks a line.
pub(crate) fn one_line(der: &[u8]) -> Option<Vec<u8>> {
    match rebuilt(der, MAX_DEPTH, &extension_or_same)? {
        Cow::Owned(copy) => Some(copy),
        Cow::Borrowed(_) => None,
    }
}

/// Every element through `change`; those that it leaves and that hold others, from within. `None`
/// when it is not DER to its end.
fn rebuilt<'a>(
    der: &'a [u8],
    depth: u8,
    change: &dyn Fn(Element<'a>) -> Option<Vec<u8>>,
) -> Option<Cow<'a, [u8]>> {
    let mut copy = Vec::with_capacity(der.len());
    let mut changed = false;
    let mut elements = Elements::of(der);
    for element in elements.by_ref() {
        let inside = || {
            let holds = element.tag & CONSTRUCTED != 0 && depth > 0;
            match rebuilt(element.contents, depth - 1, change).filter(|_| holds)? {
                Cow::Owned(contents) => Some(encode(element.tag, &contents)),
                Cow::Borrowed(_) => None,
            }
        };
        match change(element).or_else(|| (depth > 0).then(inside)?) {
            Some(other) => {
                changed = true;
                copy.extend(other);
            }
            None => copy.extend_from_slice(element.encoding),
        }
    }
    elements.is_at_end().then_some(if changed { Cow::Owned(copy) } else { Cow::Borrowed(der) })
}

/// An extension whose value breaks a line, without that.
fn extension_or_same(element: Element<'_>) -> Option<Vec<u8>> {
    if element.tag != SEQUENCE {
        return None;
    }
    let mut parts = Elements::of(element.contents);
    let oid = parts.element(OBJECT_IDENTIFIER)?;
    let critical = parts.element(BOOLEAN);
    let value = parts.element(OCTET_STRING)?;
    if !parts.is_at_end() || !value.contents.iter().any(|byte| breaks(*byte)) {
        return None;
    }
    let told = if is_understood(element.encoding) {
        rebuilt(value.contents, MAX_DEPTH, &text_or_same)?.into_owned()
    } else {
        // Printed byte by byte, with a dot for what does not print.
        value.contents.iter().map(|&byte| if breaks(byte) { b'.' } else { byte }).collect()
    };
    let critical = critical.map_or(&[][..], |critical| critical.encoding);
    let parts = [oid.encoding, critical, &encode(OCTET_STRING, &told)].concat();
    Some(encode(SEQUENCE, &parts))
}

/// Text that breaks a line, with escapes.
fn text_or_same(element: Element<'_>) -> Option<Vec<u8>> {
    let text = element.contents;
    let is_text = match element.tag {
        // UTF8String, NumericString, PrintableString, T61String, IA5String and the rarer ones.
        0x0C | 0x12..=0x16 | 0x19..=0x1B => true,
        // rfc822Name, dNSName, URI; or the reasons of a distribution point, a short BIT STRING.
        0x81 | 0x82 | 0x86 => text.len() > 3 || text.first().is_some_and(|unused| *unused > 7),
        // UniversalString and BMPString, which are printed byte by byte.
        0x1C | 0x1E => true,
        _ => false,
    };
    if !is_text || !text.iter().any(|byte| breaks(*byte)) {
        return None;
    }
    let escaped = text.iter().flat_map(|&byte| match byte {
        b'\n' => b"\\x0A".to_vec(),
        b'\r' => b"\\x0D".to_vec(),
        other => vec![other],
    });
    let dotted = text.iter().map(|&byte| if breaks(byte) { b'.' } else { byte });
    let wide = matches!(element.tag, 0x1C | 0x1E);
    Some(encode(element.tag, &if wide { dotted.collect() } else { escaped.collect::<Vec<u8>>() }))
}

fn breaks(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r')
}

/// Whether AWS-LC prints this extension field by field.
fn is_understood(extension: &[u8]) -> bool {
    let _queue = ErrorQueue::new();
    let Ok(len) = extension.len().try_into() else { return false };
    let mut input = extension.as_ptr();
    // SAFETY: `len` readable bytes; on success a new extension.
    let read =
        unsafe { Owned::new(c::d2i_X509_EXTENSION(std::ptr::null_mut(), &raw mut input, len)) };
    read.is_some_and(|it| {
        // SAFETY: a live BIO and a live extension, which printing does not change.
        printed(|bio| unsafe { c::X509V3_EXT_print(bio, it.as_ptr(), 0, 0) }).is_ok()
    })
}
