//! The keys of a fleet: from one secret, for every service and epoch, on every machine the same.
//!
//! Machines that share the secret resume each other's sessions without talking to each other. A
//! key is used for an hour and accepted for an hour before and after, so that clocks need not
//! agree by more than that.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};
use sealwire::TicketKeys;
use sealwire::pki::{Error, Problem};
use zeroize::Zeroizing;

use crate::files;

/// What a fleet shares.
pub(crate) struct FleetSecret(Prk);

/// How long a key makes tickets.
pub(crate) const EPOCH: Duration = Duration::from_secs(3600);

/// The shortest secret that is one.
const SHORTEST: usize = 32;

impl FleetSecret {
    /// Reads it from a file: all its bytes, but for one line end.
    ///
    /// # Errors
    /// When the file cannot be read, or is too short to be a secret.
    pub(crate) fn read(path: &Path) -> Result<Self, Error> {
        let bytes = files::read(path)?;
        let secret = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
        Self::new(secret).ok_or_else(|| {
            let what = format!(
                "a fleet's secret has at least {SHORTEST} bytes, this has {}",
                secret.len()
            );
            Error::new(Problem::InvalidValue, what).at(path.display().to_string())
        })
    }

    /// For tests of others: a secret that is long enough.
    #[cfg(test)]
    pub(crate) fn of(secret: &[u8; SHORTEST]) -> Self {
        Self::new(secret).expect("long enough")
    }

    fn new(secret: &[u8]) -> Option<Self> {
        let salt = Salt::new(HKDF_SHA256, b"seal tunnel fleet 1");
        (secret.len() >= SHORTEST).then(|| Self(salt.extract(secret)))
    }

    /// The ticket keys of a service at this time.
    pub(crate) fn ticket_keys(&self, service: &str, now: SystemTime) -> TicketKeys {
        let epoch = epoch(now);
        let of = |epoch: u64| TicketKeys::from_bytes(&self.expand(b"tickets", service, epoch));
        of(epoch).accepting([of(epoch.saturating_sub(1)), of(epoch + 1)])
    }

    /// The key under which a service's sessions are stored.
    pub(crate) fn store_key(&self, service: &str) -> Zeroizing<[u8; 32]> {
        self.expand(b"store", service, 0)
    }

    fn expand<const N: usize>(&self, what: &[u8], service: &str, epoch: u64) -> Zeroizing<[u8; N]> {
        let mut key = Zeroizing::new([0; N]);
        // Each part is of a fixed length, or the last: no two sets of parts are the same bytes.
        let info = [what, b"\0", &epoch.to_be_bytes(), service.as_bytes()];
        self.0
            .expand(&info, Length(N))
            .and_then(|okm| okm.fill(&mut *key))
            .expect("HKDF-SHA256 gives up to 8160 bytes");
        key
    }
}

/// Which epoch it is: machines whose clocks agree agree on it.
pub(crate) fn epoch(now: SystemTime) -> u64 {
    now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()) / EPOCH.as_secs()
}

struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hours: u64) -> SystemTime {
        UNIX_EPOCH + EPOCH * u32::try_from(hours).unwrap()
    }

    fn keys(secret: &[u8; 32], service: &str, hours: u64) -> [u8; 48] {
        *FleetSecret::new(secret).unwrap().ticket_keys(service, at(hours)).to_bytes()
    }

    #[test]
    fn keys_depend_on_secret_service_and_epoch_and_on_nothing_else() {
        let first = keys(&[1; 32], "web", 100);
        assert_eq!(first, keys(&[1; 32], "web", 100));
        assert_ne!(first, keys(&[2; 32], "web", 100));
        assert_ne!(first, keys(&[1; 32], "db", 100));
        assert_ne!(first, keys(&[1; 32], "web", 101));
        let within = at(100) + EPOCH - Duration::from_secs(1);
        let secret = FleetSecret::new(&[1; 32]).unwrap();
        assert_eq!(*secret.ticket_keys("web", within).to_bytes(), first);
        assert_ne!(secret.store_key("web")[..], first[..32]);
    }

    #[test]
    fn the_derivation_is_hkdf_of_rfc_5869() {
        use aws_lc_rs::hmac;
        let sign = |key: &[u8], data: &[u8]| {
            hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), data).as_ref().to_vec()
        };
        let prk = sign(b"seal tunnel fleet 1", &[7; 32]);
        let info = [&b"tickets\0"[..], &100_u64.to_be_bytes(), b"web"].concat();
        let one = sign(&prk, &[&info[..], &[1]].concat());
        let two = sign(&prk, &[&one[..], &info, &[2]].concat());
        assert_eq!(keys(&[7; 32], "web", 100)[..], [one, two].concat()[..48]);
    }

    #[test]
    fn a_short_secret_is_none() {
        assert!(FleetSecret::new(&[1; 31]).is_none());
    }
}
