//! What stands behind the question mark.

/// The query of a URL.
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Taken apart.
    #[must_use]
    pub fn read(query: &str) -> Self {
        let decode = |text: &str| {
            let text = text.replace('+', " ");
            let mut out = Vec::with_capacity(text.len());
            let mut bytes = text.as_bytes().iter();
            while let Some(&byte) = bytes.next() {
                let hex = bytes.as_slice().get(..2).filter(|_| byte == b'%');
                let hex =
                    hex.and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
                if hex.is_some() {
                    bytes.nth(1);
                }
                out.push(hex.unwrap_or(byte));
            }
            String::from_utf8_lossy(&out).into_owned()
        };
        let pair = |pair: &str| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name), decode(value))
        };
        Self(query.split('&').filter(|pair| !pair.is_empty()).map(pair).collect())
    }

    /// What a name has, the first time it is there.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, value)| &value[..])
    }

    /// Whether a name says yes.
    #[must_use]
    pub fn is(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| matches!(value, "1" | "true"))
    }

    /// The number that a name has.
    #[must_use]
    pub fn number(&self, name: &str, otherwise: i64) -> i64 {
        self.get(name).and_then(|value| value.parse().ok()).unwrap_or(otherwise)
    }
}
