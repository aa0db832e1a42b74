//! What a revocation list says of itself: whose certificates it is about, and which of them
//! (RFC 5280 section 5.2), and what entries have to say beside a serial number.

use crate::der::{
    BOOLEAN, CONTEXT_0, Element, Elements, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE,
};
use crate::distribution_point::{self as point, ALL_REASONS, DirName, PointName};
use crate::list_entries::{self, Entries};

/// `[2]`, `[3]`, ... primitive.
const fn context(number: u8) -> u8 {
    0x80 | number
}

const KEY_ID: &[u8] = &[0x55, 0x1D, 0x23];
const CRL_NUMBER: &[u8] = &[0x55, 0x1D, 0x14];
const REASON: &[u8] = &[0x55, 0x1D, 0x15];
const DELTA: &[u8] = &[0x55, 0x1D, 0x1B];
const POINT: &[u8] = &[0x55, 0x1D, 0x1C];
const CERTIFICATE_ISSUER: &[u8] = &[0x55, 0x1D, 0x1D];
/// `removeFromCRL`.
const REMOVED: &[u8] = &[8];

/// The terms of a list.
#[derive(Default)]
pub(crate) struct Terms {
    /// The names of its issuingDistributionPoint.
    pub(crate) names: Option<Vec<PointName>>,
    pub(crate) only_users: bool,
    pub(crate) only_cas: bool,
    pub(crate) only_attributes: bool,
    /// The reasons that it is about, if not all.
    pub(crate) some_reasons: Option<u16>,
    /// It is about certificates of other issuers too.
    pub(crate) indirect: bool,
    /// The number of the list that this one is to be added to.
    pub(crate) base: Option<Number>,
    pub(crate) number: Option<Number>,
    /// The key that signed it.
    pub(crate) key: KeyReference,
    /// The encodings of the two extensions that a delta list shares with its base.
    pub(crate) shared: [Option<Box<[u8]>>; 2],
    /// There is a critical extension, of the list or of an entry, that is unknown here.
    pub(crate) unknown_critical: bool,
    /// An extension cannot be read, or says two things at once.
    pub(crate) invalid: bool,
    /// Where the certificates of another issuer begin among the entries of an indirect list, and of
    /// which: until there, they are the list's issuer's.
    issuers: Vec<(u32, Vec<DirName>)>,
}

/// What an indirect list or a delta list says of a certificate.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Said {
    Nothing,
    Revoked,
    /// No longer revoked, whatever the complete list says.
    Removed,
}

/// The authorityKeyIdentifier extension of a list.
#[derive(Default)]
pub(crate) struct KeyReference {
    pub(crate) id: Option<Box<[u8]>>,
    pub(crate) issuer: Option<DirName>,
    pub(crate) serial: Option<Box<[u8]>>,
}

/// A number of any size.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Number(Box<[u8]>);

impl Number {
    fn read(integer: Element<'_>) -> Option<Self> {
        let negative = integer.contents.first().is_some_and(|byte| byte & 0x80 != 0);
        let significant = integer.contents.iter().position(|&byte| byte != 0);
        let start = significant.unwrap_or(integer.contents.len());
        (integer.tag == INTEGER && !negative).then(|| Self(integer.contents[start..].into()))
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.0.len().cmp(&other.0.len()).then_with(|| self.0.cmp(&other.0)))
    }
}

impl std::fmt::Display for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&crate::asn1::hex(&self.0))
    }
}

impl Terms {
    /// The terms of a list, DER, that AWS-LC has read. What cannot be read makes it invalid.
    pub(crate) fn of(der: &[u8]) -> Self {
        let mut terms = Self::default();
        if terms.read(der).is_none() {
            terms.invalid = true;
        }
        let kinds = [terms.only_users, terms.only_cas, terms.only_attributes];
        terms.invalid |= kinds.iter().filter(|&&only| only).count() > 1;
        terms
    }

    fn read(&mut self, der: &[u8]) -> Option<()> {
        let mut fields = Elements::of(der).enter(SEQUENCE)?.enter(SEQUENCE)?;
        fields.element(INTEGER);
        fields.element(SEQUENCE)?;
        let issuer = fields.element(SEQUENCE)?.encoding;
        fields.next()?; // thisUpdate
        let mut next = fields.next();
        if next.is_some_and(|it| matches!(it.tag, UTC_TIME | GENERALIZED_TIME)) {
            next = fields.next();
        }
        let mut entries = None;
        if next.is_some_and(|it| it.tag == SEQUENCE) {
            entries = next.take();
            next = fields.next();
        }
        if let Some(extensions) = next.filter(|it| it.tag == CONTEXT_0) {
            for extension in Extension::all(Elements::of(extensions.contents).enter(SEQUENCE)?)? {
                self.add_extension(&extension, issuer)?;
            }
        }
        self.read_entries(der, Elements::of(entries.map_or(&[], |it| it.contents)))
    }

    fn add_extension(&mut self, extension: &Extension<'_>, issuer: &[u8]) -> Option<()> {
        let value = || Elements::of(extension.value);
        match extension.oid {
            KEY_ID => {
                self.key = KeyReference::read(value().enter(SEQUENCE)?);
                self.shared[0] = Some(extension.value.into());
            }
            POINT => {
                self.shared[1] = Some(extension.value.into());
                self.read_point(value().enter(SEQUENCE)?, issuer)?;
            }
            CRL_NUMBER => {
                self.number = Some(Number::read(value().next()?)?);
                self.unknown_critical |= extension.critical;
            }
            DELTA => self.base = Some(Number::read(value().next()?)?),
            _ => self.unknown_critical |= extension.critical,
        }
        Some(())
    }

    fn read_point(&mut self, mut fields: Elements<'_>, issuer: &[u8]) -> Option<()> {
        if let Some(name) = fields.enter(CONTEXT_0) {
            self.names = Some(point::names(name, issuer)?);
        }
        let mut flag = |number| {
            fields.element(context(number)).is_some_and(|flag| flag.contents.first() != Some(&0))
        };
        self.only_users = flag(1);
        self.only_cas = flag(2);
        if let Some(reasons) = fields.element(context(3)) {
            self.some_reasons = Some(point::reason_bits(reasons.contents));
        }
        let mut flag = |number| {
            fields.element(context(number)).is_some_and(|flag| flag.contents.first() != Some(&0))
        };
        self.indirect = flag(4);
        self.only_attributes = flag(5);
        fields.next().is_none().then_some(())
    }

    /// Reads what entries say, and keeps nothing of it but where another issuer begins: there may be
    /// millions.
    fn read_entries(&mut self, der: &[u8], mut entries: Elements<'_>) -> Option<()> {
        for entry in entries.by_ref() {
            let mut fields = Elements::of(entry.contents);
            fields.element(INTEGER)?;
            fields.next()?; // revocationDate
            let Some(extensions) = fields.enter(SEQUENCE) else { continue };
            for extension in Extension::all(extensions)? {
                match extension.oid {
                    CERTIFICATE_ISSUER if self.indirect => {
                        let names = Elements::of(extension.value).enter(SEQUENCE)?;
                        let names = point::directories(point::general_names(names));
                        self.issuers.push((list_entries::place(der, entry)?, names));
                    }
                    REASON => {
                        Elements::of(extension.value).next()?;
                        self.unknown_critical |= extension.critical;
                    }
                    _ => self.unknown_critical |= extension.critical,
                }
            }
        }
        entries.is_at_end().then_some(())
    }

    /// The reasons that the list is about.
    pub(crate) fn reasons(&self) -> u16 {
        self.some_reasons.unwrap_or(ALL_REASONS)
    }

    /// Whether entries say more than that a certificate of the list's issuer is revoked.
    pub(crate) fn has_own_entries(&self) -> bool {
        self.indirect || self.base.is_some()
    }

    /// What the list, an indirect or a delta list, says of a certificate: its serial number (the
    /// contents of the INTEGER), and whether its issuer has a given name, `None` being the list's own
    /// issuer. Of several entries the last one counts.
    pub(crate) fn look_up(
        &self,
        der: &[u8],
        entries: &Entries,
        serial: &[u8],
        is_issuer: impl Fn(Option<&DirName>) -> bool,
    ) -> Said {
        let last = entries.of(der, serial).iter().rev().find(|&&place| match self.issuer(place) {
            None => is_issuer(None),
            Some(names) => names.iter().any(|name| is_issuer(Some(name))),
        });
        match last {
            None => Said::Nothing,
            Some(&place) if self.base.is_some() && is_removal(der, place) => Said::Removed,
            Some(_) => Said::Revoked,
        }
    }

    /// Whose certificate the entry there is about; `None` when it is the list's issuer's.
    fn issuer(&self, place: u32) -> Option<&[DirName]> {
        let begun = self.issuers.partition_point(|(begin, _)| *begin <= place);
        let (_, names) = self.issuers.get(begun.checked_sub(1)?)?;
        Some(names)
    }
}

/// Whether the entry there takes a certificate off the list.
fn is_removal(der: &[u8], place: u32) -> bool {
    let reason = || {
        let mut fields = list_entries::fields(der, place)?;
        fields.element(INTEGER)?;
        fields.next()?; // revocationDate
        let extensions = Extension::all(fields.enter(SEQUENCE)?)?;
        let reason = extensions.iter().rfind(|extension| extension.oid == REASON)?;
        Elements::of(reason.value).next()
    };
    reason().is_some_and(|reason| reason.contents == REMOVED)
}

impl KeyReference {
    fn read(mut fields: Elements<'_>) -> Self {
        let id = fields.element(context(0)).map(|id| id.contents.into());
        let issuer = fields.enter(0xA1).map(point::general_names).map(point::directories);
        let serial = fields.element(context(2)).map(|serial| serial.contents.into());
        Self { id, issuer: issuer.and_then(|names| names.into_iter().next()), serial }
    }
}

const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// One element of an Extensions.
pub(crate) struct Extension<'a> {
    /// The contents of the OBJECT IDENTIFIER.
    pub(crate) oid: &'a [u8],
    critical: bool,
    pub(crate) value: &'a [u8],
}

impl<'a> Extension<'a> {
    /// All of them; `None` when one cannot be read.
    pub(crate) fn all(mut extensions: Elements<'a>) -> Option<Vec<Self>> {
        let mut all = Vec::new();
        for extension in extensions.by_ref() {
            let mut fields = Elements::of(extension.contents);
            let oid = fields.element(OBJECT_IDENTIFIER)?.contents;
            let critical =
                fields.element(BOOLEAN).is_some_and(|it| it.contents.first() != Some(&0));
            all.push(Self { oid, critical, value: fields.element(OCTET_STRING)?.contents });
        }
        extensions.is_at_end().then_some(all)
    }
}
