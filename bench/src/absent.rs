//! Who was not measured, and why. The report says it first: a comparison in which one is missing
//! without a word would be read as one that was won.

use std::cell::RefCell;

#[derive(Default)]
pub(crate) struct Absent(RefCell<Vec<(String, String)>>);

impl Absent {
    /// Says it on standard error at once, and notes it for the report.
    pub(crate) fn note(&self, who: &str, why: &str) {
        let why = why.split_whitespace().collect::<Vec<_>>().join(" ");
        let short: String = why.chars().take(300).collect();
        let entry = (who.to_owned(), short);
        if !self.0.borrow().contains(&entry) {
            eprintln!("\n!!! NOT MEASURED: {who}: {why}");
            self.0.borrow_mut().push(entry);
        }
    }

    /// For the report; empty when everybody was there.
    pub(crate) fn report(&self) -> String {
        let all = self.0.borrow();
        if all.is_empty() {
            return String::new();
        }
        let lines = all.iter().map(|(who, why)| {
            format!("- {}: {}\n", who.replace(['*', '|'], ""), why.replace(['*', '`', '|'], ""))
        });
        format!("**Not measured in this run:**\n\n{}\n", lines.collect::<String>())
    }
}

#[cfg(test)]
mod tests {
    use super::Absent;

    #[test]
    fn each_is_said_once_on_one_line() {
        let absent = Absent::default();
        assert_eq!(absent.report(), "");
        absent.note("hitch", "it ended:\n  no certificate");
        absent.note("hitch", "it ended:\n  no certificate");
        let expected = "**Not measured in this run:**\n\n- hitch: it ended: no certificate\n\n";
        assert_eq!(absent.report(), expected);
    }
}
