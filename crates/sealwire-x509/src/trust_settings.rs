//! The trust settings of a `TRUSTED CERTIFICATE` (`openssl x509 -addtrust`, `-addreject`), and what
//! OpenSSL 3 takes them to mean.

use aws_lc_sys as c;

use crate::der::{CONTEXT_0, Elements, OBJECT_IDENTIFIER, SEQUENCE};
use crate::error::Error;
use crate::owned::{Owned, no_memory};
use crate::purpose::Purpose;

/// The trusted and rejected purposes of a certificate, as contents of OBJECT IDENTIFIERs.
pub(crate) struct TrustSettings {
    /// `None`: there is no such list, and trust is as without settings.
    trusted: Option<Vec<Vec<u8>>>,
    rejected: Vec<Vec<u8>>,
}

/// The uses that verdicts are asked about, and the wildcard.
const USES: [(&[u8], i32); 3] = [
    (&[0x2B, 6, 1, 5, 5, 7, 3, 1], c::NID_server_auth),
    (&[0x2B, 6, 1, 5, 5, 7, 3, 2], c::NID_client_auth),
    (ANY, c::NID_anyExtendedKeyUsage),
];
const ANY: &[u8] = &[0x55, 0x1D, 0x25, 0];

enum Meaning {
    Trusted,
    Rejected,
    Nothing,
}

impl TrustSettings {
    /// What follows the certificate: OpenSSL's X509_CERT_AUX.
    pub(crate) fn read(der: &[u8]) -> Option<Self> {
        let mut fields = Elements::of(der).enter(SEQUENCE)?;
        let trusted = fields.enter(SEQUENCE).map(identifiers);
        let rejected = fields.enter(CONTEXT_0).map(identifiers).unwrap_or_default();
        Some(Self { trusted, rejected })
    }

    /// What they mean for a use: a list of what is trusted is all that is trusted, and the wildcard
    /// is in both lists every use.
    fn meaning(&self, wanted: &[u8]) -> Meaning {
        let names = |list: &[Vec<u8>]| list.iter().any(|it| *it == wanted || it == ANY);
        match &self.trusted {
            _ if names(&self.rejected) => Meaning::Rejected,
            Some(trusted) if names(trusted) => Meaning::Trusted,
            Some(_) => Meaning::Rejected,
            None => Meaning::Nothing,
        }
    }

    /// Whether they say in so many words that the certificate is trusted for what `purpose` asks.
    pub(crate) fn trust_for(&self, purpose: Purpose) -> bool {
        let wanted = match purpose {
            Purpose::Server => USES[0].0,
            Purpose::Client => USES[1].0,
            Purpose::Any => return false,
        };
        matches!(self.meaning(wanted), Meaning::Trusted)
    }

    /// `x509`, a certificate without settings, with these as AWS-LC would say the same: it looks
    /// for one use only, and has no wildcard. `None`: they change nothing.
    pub(crate) fn anchor(&self, x509: Owned<c::X509>) -> Result<Option<Owned<c::X509>>, Error> {
        // SAFETY: a live certificate.
        let self_signed =
            unsafe { c::X509_get_extension_flags(x509.as_ptr()) } & c::EXFLAG_SS as u32 != 0;
        let mut changed = false;
        for (wanted, nid) in USES {
            // SAFETY: the numbers are those of objects that AWS-LC knows.
            let object = unsafe { c::OBJ_nid2obj(nid) };
            // SAFETY: a live certificate that is not shared yet, and a static object.
            let done = unsafe {
                match self.meaning(wanted) {
                    Meaning::Rejected => c::X509_add1_reject_object(x509.as_ptr(), object),
                    Meaning::Trusted => c::X509_add1_trust_object(x509.as_ptr(), object),
                    // With settings for other uses, AWS-LC forgets that a root is one.
                    Meaning::Nothing if self_signed => {
                        c::X509_add1_trust_object(x509.as_ptr(), object)
                    }
                    Meaning::Nothing => continue,
                }
            };
            if done != 1 {
                return Err(no_memory());
            }
            changed = true;
        }
        Ok(changed.then_some(x509))
    }
}

fn identifiers(list: Elements<'_>) -> Vec<Vec<u8>> {
    let identifiers = list.filter(|element| element.tag == OBJECT_IDENTIFIER);
    identifiers.map(|element| element.contents.to_vec()).collect()
}
