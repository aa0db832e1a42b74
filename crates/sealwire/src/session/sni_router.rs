//! Many names on one server: which context belongs to which.

use std::collections::HashMap;

use super::HelloReply;
use crate::context::SecureContext;
use crate::reading::ClientHello;
use crate::words::ConfigError;

/// Chooses a context by the host name of a ClientHello, with the rules of Node's
/// `server.addContext`: case does not matter, a `*` stands for any run of characters without a dot,
/// also an empty one and anywhere in the name, and of several that fit the last added counts.
///
/// ```no_run
/// # async fn example(default: sealwire::SecureContext, shop: sealwire::SecureContext)
/// # -> Result<(), Box<dyn std::error::Error>> {
/// use std::sync::Arc;
/// use sealwire::{Acceptor, SniRouter};
/// let mut router = SniRouter::new();
/// router.add("shop.example", shop.clone())?;
/// router.add("*.shop.example", shop)?;
/// let router = Arc::new(router);
/// let acceptor = Acceptor::new(default).on_client_hello(move |hello| {
///     let reply = router.reply(&hello);
///     async { reply }
/// });
/// # Ok(()) }
/// ```
#[derive(Debug, Default, Clone)]
pub struct SniRouter {
    /// Those without a `*`, in lower case.
    exact: HashMap<String, Route>,
    /// Those with one, in the order added.
    patterns: Vec<(String, Route)>,
    added: usize,
}

#[derive(Debug, Clone)]
struct Route {
    context: SecureContext,
    /// How many were added before.
    place: usize,
}

impl SniRouter {
    /// No names yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a name or pattern.
    ///
    /// # Errors
    /// `ERR_TLS_REQUIRED_SERVER_NAME` when it is empty.
    pub fn add(&mut self, pattern: &str, context: SecureContext) -> Result<(), ConfigError> {
        if pattern.is_empty() {
            let error = ConfigError::new("server_name", "a context needs the name it is for");
            return Err(error.with_code("ERR_TLS_REQUIRED_SERVER_NAME"));
        }
        let pattern = pattern.to_ascii_lowercase();
        let route = Route { context, place: self.added };
        self.added += 1;
        if pattern.contains('*') {
            self.patterns.push((pattern, route));
        } else {
            self.exact.insert(pattern, route);
        }
        Ok(())
    }

    /// The context for a host name.
    pub fn find(&self, server_name: &str) -> Option<&SecureContext> {
        let name = server_name.to_ascii_lowercase();
        let exact = self.exact.get(&name);
        let after = |route: &Route| exact.is_none_or(|exact| route.place > exact.place);
        let newer = self.patterns.iter().rev().take_while(|(_, route)| after(route));
        let pattern = newer.into_iter().find(|(pattern, _)| matches(pattern, &name));
        pattern.map(|(_, route)| route).or(exact).map(|route| &route.context)
    }

    /// The answer to a ClientHello: the [credentials](HelloReply::credentials) of the context that
    /// its name belongs to; the session's own when it has no name, or one that is not here.
    pub fn reply(&self, hello: &ClientHello) -> HelloReply {
        match hello.server_name().and_then(|name| self.find(name)) {
            Some(context) => HelloReply::new().credentials(context.clone()),
            None => HelloReply::new(),
        }
    }
}

/// Since a `*` does not reach over a dot, label by label.
fn matches(pattern: &str, name: &str) -> bool {
    let (mut pattern, mut name) = (pattern.split('.'), name.split('.'));
    loop {
        match (pattern.next(), name.next()) {
            (None, None) => return true,
            (Some(pattern), Some(label)) if label_matches(pattern, label) => {}
            _ => return false,
        }
    }
}

/// Each part between two `*` is looked for where it comes first, which leaves most to the rest.
fn label_matches(pattern: &str, label: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == label };
    let Some(mut label) = label.strip_prefix(first) else { return false };
    let (middle, last) = rest.rsplit_once('*').unwrap_or(("", rest));
    for part in middle.split('*').filter(|part| !part.is_empty()) {
        let Some((_, after)) = label.split_once(part) else { return false };
        label = after;
    }
    label.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::{SecureContext, SniRouter, matches};

    #[test]
    fn a_star_is_any_run_without_a_dot() {
        for (pattern, name, fits) in [
            ("a.example", "a.example", true),
            ("a.example", "b.example", false),
            ("*.example", "a.example", true),
            ("*.example", ".example", true),
            ("*.example", "example", false),
            ("*.example", "b.a.example", false),
            ("*", "localhost", true),
            ("*", "a.example", false),
            ("*.*", "a.example", true),
            ("w*.example", "www.example", true),
            ("w*.example", "w.example", true),
            ("*w.example", "www.example", true),
            ("a*b*c.example", "abc.example", true),
            ("a*b*c.example", "a-b-b-c.example", true),
            ("a*b*c.example", "acb.example", false),
            ("a*a.example", "a.example", false),
            ("**.example", "a.example", true),
            ("a.*.example", "a.b.example", true),
            ("a.*", "a.b.c", false),
            ("*b.example", "abab.example", true),
        ] {
            assert_eq!(matches(pattern, name), fits, "{pattern} for {name}");
        }
    }

    #[test]
    fn the_last_added_that_fits_counts() {
        let context = || SecureContext::builder().build().unwrap();
        let contexts = [context(), context(), context(), context()];
        let mut router = SniRouter::new();
        for (pattern, context) in
            ["A.example", "*.example", "b.example", "B.EXAMPLE"].iter().zip(&contexts)
        {
            router.add(pattern, context.clone()).unwrap();
        }
        let place = |name: &str| {
            let found = router.find(name)?;
            contexts.iter().position(|context| context.is_same(found))
        };
        assert_eq!(place("a.example"), Some(1), "the pattern was added after the name");
        assert_eq!(place("b.example"), Some(3));
        assert_eq!(place("c.EXAMPLE"), Some(1));
        assert_eq!(place("example"), None);
        assert_eq!(place(""), None);
        let error = router.add("", context()).expect_err("no name");
        assert_eq!(error.code(), Some("ERR_TLS_REQUIRED_SERVER_NAME"));
    }
}
