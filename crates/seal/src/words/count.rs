//! How many of something, as people say it.

/// `1 request`, `2 requests`: for words that take an *s*.
pub(crate) fn counted(count: u64, one: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {one}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_one() {
        let all = [0, 1, 2].map(|count| counted(count, "row"));
        assert_eq!(all, ["0 rows", "1 row", "2 rows"]);
    }
}
