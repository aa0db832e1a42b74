//! Two flows side by side: the differences between them.

use super::{Redactor, Whole};
use crate::content;
use crate::store::{Reader, StoreError};

/// Lines compared at most.
const MOST_LINES: usize = 2_000;

/// The difference as lines that begin with a space, `-` (only in the first) or `+` (only in the
/// second); `None` when one of the flows is not there.
///
/// # Errors
/// When the session cannot be read.
pub fn diff(
    reader: &Reader,
    first: i64,
    second: i64,
    redactor: Redactor,
) -> Result<Option<Vec<String>>, StoreError> {
    let (Some(a), Some(b)) = (Whole::read(reader, first)?, Whole::read(reader, second)?) else {
        return Ok(None);
    };
    Ok(Some(lines(&told(&a, redactor), &told(&b, redactor))))
}

fn told(whole: &Whole, redactor: Redactor) -> Vec<String> {
    let line = &whole.detail.summary;
    let url = format!("{}://{}{}", line.scheme, line.authority, line.path);
    let mut out = vec![format!("{} {} {}", line.method, redactor.url(&url), line.version)];
    let messages = [&whole.detail.request, &whole.detail.response];
    for (n, message) in messages.into_iter().enumerate() {
        if n == 1 {
            let status = line.status.map_or_else(|| "no answer".to_owned(), |s| s.to_string());
            out.extend([String::new(), status]);
        }
        for header in &message.headers {
            let name = String::from_utf8_lossy(&header.name);
            out.push(format!("{name}: {}", redactor.header(header)));
        }
        let encoding = content::header(&message.headers, "content-encoding");
        let data = content::decoded(&whole.bodies[n], encoding.as_deref(), 1 << 20);
        out.push(String::new());
        match content::as_text(&data) {
            // JSON in one line says little: each value has a line of its own.
            Some(text) => match serde_json::from_str::<serde_json::Value>(text) {
                Ok(json) => {
                    let pretty = serde_json::to_string_pretty(&json).unwrap_or_default();
                    out.extend(redactor.text(&pretty).lines().map(str::to_owned));
                }
                Err(_) => out.extend(redactor.text(text).lines().map(str::to_owned)),
            },
            None => out.push(format!("({} B, no text)", data.len())),
        }
    }
    out.truncate(MOST_LINES);
    out
}

/// The longest common subsequence, after what is equal at both ends.
fn lines(a: &[String], b: &[String]) -> Vec<String> {
    let start = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    let (rest_a, rest_b) = (&a[start..], &b[start..]);
    let end = rest_a.iter().rev().zip(rest_b.iter().rev()).take_while(|(a, b)| a == b).count();
    let (middle_a, middle_b) = (&rest_a[..rest_a.len() - end], &rest_b[..rest_b.len() - end]);
    let width = middle_b.len() + 1;
    let mut longest = vec![0_u16; (middle_a.len() + 1) * width];
    for i in (0..middle_a.len()).rev() {
        for j in (0..middle_b.len()).rev() {
            longest[i * width + j] = if middle_a[i] == middle_b[j] {
                longest[(i + 1) * width + j + 1] + 1
            } else {
                longest[(i + 1) * width + j].max(longest[i * width + j + 1])
            };
        }
    }
    let mut out: Vec<_> = a[..start].iter().map(|line| format!(" {line}")).collect();
    let (mut i, mut j) = (0, 0);
    while i < middle_a.len() || j < middle_b.len() {
        if i < middle_a.len() && j < middle_b.len() && middle_a[i] == middle_b[j] {
            out.push(format!(" {}", middle_a[i]));
            (i, j) = (i + 1, j + 1);
        } else if j == middle_b.len()
            || (i < middle_a.len() && longest[(i + 1) * width + j] >= longest[i * width + j + 1])
        {
            out.push(format!("-{}", middle_a[i]));
            i += 1;
        } else {
            out.push(format!("+{}", middle_b[j]));
            j += 1;
        }
    }
    out.extend(a[a.len() - end..].iter().map(|line| format!(" {line}")));
    out
}

#[cfg(test)]
mod tests {
    #[test]
    fn lines() {
        let list = |text: &str| text.chars().map(String::from).collect::<Vec<_>>();
        let told = |a, b| super::lines(&list(a), &list(b)).join("");
        assert_eq!(told("abc", "abc"), " a b c");
        assert_eq!(told("abc", "axc"), " a-b+x c");
        assert_eq!(told("", "ab"), "+a+b");
        assert_eq!(told("ab", ""), "-a-b");
        assert_eq!(told("aXbc", "abYc"), " a-X b+Y c");
    }
}
