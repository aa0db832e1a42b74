//! What a certificate shall say: the options that every command that makes one has in common.

use std::time::SystemTime;

use clap::Args;
use sealwire::pki::{
    self, CertificateBuilder, Error, ExtendedKeyUsage, KeyUsage, Moment, SubjectAltName, Validity,
};

use crate::say::failure::Failure;

/// How long it is valid.
#[derive(Args)]
#[group(skip)]
pub(crate) struct Period {
    /// Validity in days from now [default: 365]
    #[arg(long, value_name = "N")]
    days: Option<u32>,
    /// Validity in hours, instead of days
    #[arg(long, value_name = "N", conflicts_with = "days")]
    hours: Option<u32>,
    /// Start of the validity period: 2030-12-31 or 2030-12-31T23:59:59Z [default: now]
    #[arg(long, value_name = "TIME")]
    not_before: Option<Moment>,
    /// End of the validity period
    #[arg(long, value_name = "TIME", conflicts_with_all = ["days", "hours"])]
    not_after: Option<Moment>,
}

/// What it is for, and what it points to.
#[derive(Args)]
#[group(skip)]
pub(crate) struct Shape {
    /// Subject alternative name; may be repeated: localhost, 127.0.0.1, user@example.com
    #[arg(long = "name", value_name = "NAME")]
    pub(super) names: Vec<SubjectAltName>,
    #[command(flatten)]
    pub(super) period: Period,
    /// For TLS servers only [default: servers and clients]
    #[arg(long)]
    server: bool,
    /// For TLS clients only
    #[arg(long, conflicts_with = "server")]
    client: bool,
    /// Additional extended key usage: serverAuth, clientAuth, codeSigning, emailProtection ... or a
    /// dotted OID; may be repeated
    #[arg(long, value_name = "PURPOSE", conflicts_with_all = ["server", "client"])]
    extended_key_usage: Vec<ExtendedKeyUsage>,
    /// Key usage, instead of the default for the kind of key; may be repeated: digitalSignature,
    /// keyEncipherment, ...
    #[arg(long, value_name = "USAGE")]
    key_usage: Vec<KeyUsage>,
    /// URL of the issuer's CRL; may be repeated
    #[arg(long, value_name = "URL")]
    crl_url: Vec<String>,
    /// URL of the issuer's OCSP responder; may be repeated
    #[arg(long, value_name = "URL")]
    ocsp_url: Vec<String>,
    /// URL of the issuer's certificate; may be repeated
    #[arg(long, value_name = "URL")]
    issuer_url: Vec<String>,
    /// Add the must-staple extension (RFC 7633): clients that check it require a stapled OCSP
    /// response
    #[arg(long)]
    must_staple: bool,
}

impl Period {
    /// What was asked for; `None` when nothing was.
    pub(crate) fn validity(&self) -> Result<Option<Validity>, Failure> {
        let start = self.not_before.map_or_else(SystemTime::now, Moment::system_time);
        let lasting = |amount: u32, unit: u64| {
            start.checked_add(std::time::Duration::from_secs(u64::from(amount) * unit))
        };
        let (option, end) = match (self.days, self.hours, self.not_after) {
            (Some(days), ..) => ("--days", lasting(days, 86_400)),
            (_, Some(hours), _) => ("--hours", lasting(hours, 3600)),
            (_, _, Some(end)) => ("--not-after", Some(end.system_time())),
            _ if self.not_before.is_some() => ("--not-before", lasting(365, 86_400)),
            _ => return Ok(None),
        };
        let validity = end
            .ok_or_else(|| Error::new(pki::Problem::InvalidValue, "the time is out of range"))
            .and_then(|end| Validity::between(start, end));
        Ok(Some(validity.map_err(|e| e.at(option))?))
    }
}

impl Shape {
    /// Whether any option speaks of extensions, which a v1 certificate cannot have.
    pub(super) fn wants_extensions(&self) -> bool {
        let lists = [&self.crl_url, &self.ocsp_url, &self.issuer_url];
        !self.names.is_empty()
            || self.server
            || self.client
            || self.must_staple
            || !self.extended_key_usage.is_empty()
            || !self.key_usage.is_empty()
            || lists.iter().any(|list| !list.is_empty())
    }

    /// Tells `builder` what was asked for.
    pub(crate) fn apply(&self, builder: CertificateBuilder) -> Result<CertificateBuilder, Failure> {
        let mut builder = builder.names(self.names.iter().cloned());
        if self.server {
            builder = builder.extended_key_usage([ExtendedKeyUsage::SERVER_AUTH]);
        }
        if self.client {
            builder = builder.extended_key_usage([ExtendedKeyUsage::CLIENT_AUTH]);
        }
        if !self.extended_key_usage.is_empty() {
            builder = builder.extended_key_usage(self.extended_key_usage.iter().copied());
        }
        if !self.key_usage.is_empty() {
            builder = builder.key_usage(self.key_usage.iter().copied());
        }
        for url in &self.crl_url {
            builder = builder.crl_url(url);
        }
        for url in &self.ocsp_url {
            builder = builder.ocsp_url(url);
        }
        for url in &self.issuer_url {
            builder = builder.issuer_url(url);
        }
        if self.must_staple {
            builder = builder.must_staple();
        }
        if let Some(validity) = self.period.validity()? {
            builder = builder.validity(validity);
        }
        Ok(builder)
    }
}
