//! What opens a page.

use std::net::SocketAddr;

/// What opens the API. 32 random bytes, written as hexadecimal.
#[derive(Clone)]
pub struct Token(String);

impl Token {
    /// A new one.
    ///
    /// # Errors
    /// When there are no random bytes.
    pub fn new() -> Result<Self, String> {
        let mut bytes = [0; 32];
        aws_lc_rs::rand::fill(&mut bytes).map_err(|_| "no random bytes".to_owned())?;
        Ok(Self(bytes.iter().map(|byte| format!("{byte:02x}")).collect()))
    }

    /// The token, for a URL of ours.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }

    pub(super) fn is(&self, given: &str) -> bool {
        aws_lc_rs::constant_time::verify_slices_are_equal(self.0.as_bytes(), given.as_bytes())
            .is_ok()
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(..)")
    }
}

/// Where to go in a browser: the token is in the fragment, which browsers do not send.
#[must_use]
pub fn page_url(address: SocketAddr, token: &Token) -> String {
    format!("http://{address}/#token={}", token.text())
}
