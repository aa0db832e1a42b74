//! Patterns with `*` and `**`, for names of certificates, of SNI, and of files.

/// A text with wildcards: `*` stands for one or more characters that are not the separator, `**`
/// for any characters, none included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern {
    text: String,
    separator: Option<char>,
}

impl Pattern {
    /// A pattern of a name whose parts are divided by `separator`: `.` in DNS names, `/` in URIs.
    /// Without one, `*` goes over everything.
    pub(crate) fn new(text: impl Into<String>, separator: Option<char>) -> Self {
        Self { text: text.into(), separator }
    }

    /// Whether `name` is meant. Time grows with the product of the two lengths at most.
    pub(crate) fn matches(&self, name: &str) -> bool {
        let tokens = self.tokens();
        let name: Vec<char> = name.chars().collect();
        // `reached[i]`: the tokens so far can stand for the first i characters.
        let mut reached = vec![false; name.len() + 1];
        reached[0] = true;
        for token in &tokens {
            let mut next = vec![false; name.len() + 1];
            match token {
                Token::Literal(character) => {
                    for i in 0..name.len() {
                        next[i + 1] = reached[i] && name[i] == *character;
                    }
                }
                Token::Some => {
                    for i in 0..name.len() {
                        next[i + 1] = (reached[i] || next[i]) && Some(name[i]) != self.separator;
                    }
                }
                Token::Any => {
                    let mut seen = false;
                    for (i, next) in next.iter_mut().enumerate() {
                        seen |= reached[i];
                        *next = seen;
                    }
                }
            }
            reached = next;
        }
        reached[name.len()]
    }

    fn tokens(&self) -> Vec<Token> {
        let mut tokens = Vec::new();
        let mut characters = self.text.chars().peekable();
        while let Some(character) = characters.next() {
            tokens.push(match character {
                '*' if characters.next_if_eq(&'*').is_some() => Token::Any,
                '*' => Token::Some,
                other => Token::Literal(other),
            });
        }
        tokens
    }
}

enum Token {
    Literal(char),
    Some,
    Any,
}

impl std::fmt::Display for Pattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::Pattern;

    #[test]
    fn wildcards_stand_for_what_they_say() {
        for (pattern, separator, yes, no) in [
            ("a.example", Some('.'), &["a.example"][..], &["b.example", "a.example.", ""][..]),
            (
                "*.example",
                Some('.'),
                &["a.example", "*.example"],
                &["a.b.example", ".example", "example"],
            ),
            ("web-*.example", Some('.'), &["web-1.example"], &["web-.example", "web-1.b.example"]),
            ("**.example", Some('.'), &["a.b.example", ".example"], &["example"]),
            (
                "spiffe://td/*/db",
                Some('/'),
                &["spiffe://td/ns/db"],
                &["spiffe://td/a/b/db", "spiffe://td//db"],
            ),
            ("spiffe://td/**", Some('/'), &["spiffe://td/a/b", "spiffe://td/"], &["spiffe://td"]),
            ("*", None, &["Anybody, Inc."], &[""]),
            ("**", None, &["", "x"], &[]),
            ("", None, &[""], &["x"]),
            ("Ä*", None, &["Äpfel"], &["Ä", "Apfel"]),
        ] {
            let pattern = Pattern::new(pattern, separator);
            for name in yes {
                assert!(pattern.matches(name), "{pattern} for {name:?}");
            }
            for name in no {
                assert!(!pattern.matches(name), "{pattern} for {name:?}");
            }
        }
    }

    #[test]
    fn a_hostile_pair_costs_no_more_than_its_size() {
        let pattern = Pattern::new("*a".repeat(500), None);
        assert!(!pattern.matches(&"a".repeat(999)), "each * needs a character of its own");
        assert!(pattern.matches(&"a".repeat(1000)));
    }
}
