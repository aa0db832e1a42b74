//! The page that shows what is in a folder.

use std::time::SystemTime;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sealwire::pki::Moment;

use super::folder::Entry;
use crate::words::markup::escape;

/// What may stand as it is in one segment of a path (RFC 3986, section 3.3).
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The page loads nothing and runs nothing.
pub(super) const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

const STYLE: &str = "\
:root{color-scheme:light dark;--line:#8884;--dim:#888}\
body{font:16px/1.5 system-ui,sans-serif;max-width:56rem;margin:2rem auto;padding:0 1rem}\
h1{font-size:1.15rem;font-weight:600;word-break:break-all}\
table{width:100%;border-collapse:collapse;font-variant-numeric:tabular-nums}\
td,th{padding:.3rem .5rem;border-bottom:1px solid var(--line);text-align:left;font-weight:normal}\
th{color:var(--dim);font-size:.85rem}\
td:nth-child(2),th:nth-child(2){text-align:right;white-space:nowrap}\
td:nth-child(3),th:nth-child(3){text-align:right;white-space:nowrap;color:var(--dim)}\
td:first-child{word-break:break-all}\
a{text-decoration:none}a:hover{text-decoration:underline}\
footer{margin-top:1.5rem;color:var(--dim);font-size:.85rem}";

/// The page of the folder at `path`, the decoded path of the request.
pub(super) fn of(path: &str, entries: &[Entry]) -> String {
    let title = escape(path);
    let mut rows = String::new();
    if path != "/" {
        rows += "<tr><td><a href=\"../\">../</a></td><td></td><td></td></tr>\n";
    }
    for entry in entries {
        let slash = if entry.is_folder { "/" } else { "" };
        // "./" keeps a name with a colon from being read as a scheme.
        let href = format!("./{}{slash}", utf8_percent_encode(&entry.name, SEGMENT));
        let size = if entry.is_folder { String::new() } else { size(entry.bytes) };
        rows += &format!(
            "<tr><td><a href=\"{href}\">{}{slash}</a></td><td>{size}</td><td>{}</td></tr>\n",
            escape(&entry.name),
            entry.modified.map(day).unwrap_or_default()
        );
    }
    let count = match entries.len() {
        0 => "nothing here".to_owned(),
        1 => "1 entry".to_owned(),
        n => format!("{n} entries"),
    };
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title}</title>\n\
         <style>{STYLE}</style>\n<h1>{title}</h1>\n<table>\n\
         <tr><th>Name</th><th>Size</th><th>Changed (UTC)</th></tr>\n{rows}</table>\n\
         <footer>{count}, served by seal</footer>\n</html>\n"
    )
}

/// A page of one sentence, for an answer that is not a file.
pub(super) fn sentence(text: &str) -> String {
    let text = escape(text);
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>{text}</title>\n\
         <style>{STYLE}</style>\n<h1>{text}</h1>\n</html>\n"
    )
}

fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1000.0;
    let mut unit = 0;
    while value >= 999.95 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

fn day(time: SystemTime) -> String {
    Moment::from(time).to_string().chars().take(16).collect::<String>().replace('T', " ")
}

#[cfg(test)]
mod tests {
    use super::{Entry, of, size};

    #[test]
    fn names_are_text_and_never_markup() {
        let entry = |name: &str, is_folder| Entry {
            name: name.to_owned(),
            is_folder,
            bytes: 1,
            modified: None,
        };
        let page = of("/a&b/", &[entry("x<script>\"'&.txt", false), entry("a:b", true)]);
        assert!(!page.contains("<script>"), "{page}");
        assert!(page.contains("<title>/a&amp;b/</title>"), "{page}");
        let link =
            "<a href=\"./x%3Cscript%3E%22%27%26.txt\">x&lt;script&gt;&quot;&#39;&amp;.txt</a>";
        assert!(page.contains(link), "{page}");
        assert!(page.contains("<a href=\"./a%3Ab/\">a:b/</a>"), "{page}");
    }

    #[test]
    fn sizes_are_read_at_a_glance() {
        for (bytes, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.0 kB"),
            (999_949, "999.9 kB"),
            (999_950, "1.0 MB"),
            (5_000_000_000, "5.0 GB"),
        ] {
            assert_eq!(size(bytes), text);
        }
    }
}
