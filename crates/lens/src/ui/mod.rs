//! The page: files in the binary, as a browser gets them.

const JS: &str = "text/javascript; charset=utf-8";

/// Type and text of a file that other pages behind our [`door`](crate::door) have as well: looks, nodes
/// without markup, the API with its token.
#[must_use]
pub fn shared(path: &str) -> Option<(&'static str, &'static [u8])> {
    Some(match path {
        "/style.css" => ("text/css; charset=utf-8", include_bytes!("page/style.css")),
        "/api.js" => (JS, include_bytes!("page/api.js")),
        "/dom.js" => (JS, include_bytes!("page/dom.js")),
        _ => return None,
    })
}

/// Type and text of a file of the page.
#[must_use]
pub fn file(path: &str) -> Option<(&'static str, &'static [u8])> {
    Some(match path {
        "/" => ("text/html; charset=utf-8", include_bytes!("page/index.html")),
        "/app.js" => (JS, include_bytes!("page/app.js")),
        "/list.js" => (JS, include_bytes!("page/list.js")),
        "/detail.js" => (JS, include_bytes!("page/detail.js")),
        "/viewers.js" => (JS, include_bytes!("page/viewers.js")),
        "/protobuf.js" => (JS, include_bytes!("page/protobuf.js")),
        "/llm.js" => (JS, include_bytes!("page/llm.js")),
        "/tls.js" => (JS, include_bytes!("page/tls.js")),
        "/lesson.js" => (JS, include_bytes!("page/lesson.js")),
        "/edit.js" => (JS, include_bytes!("page/edit.js")),
        _ => return shared(path),
    })
}

#[cfg(test)]
mod tests {
    const FILES: [&str; 13] = [
        "/",
        "/style.css",
        "/app.js",
        "/api.js",
        "/dom.js",
        "/list.js",
        "/detail.js",
        "/viewers.js",
        "/protobuf.js",
        "/llm.js",
        "/tls.js",
        "/lesson.js",
        "/edit.js",
    ];

    #[test]
    fn the_page_is_small_and_makes_no_markup_of_text() {
        let files = FILES.map(|path| super::file(path).expect(path).1);
        let size: usize = files.iter().map(|file| file.len()).sum();
        assert!(size <= 150 * 1024, "{size}");
        for file in files {
            let text = std::str::from_utf8(file).expect("text");
            for way in [
                "innerHTML",
                "outerHTML",
                "insertAdjacent",
                "document.write",
                "eval(",
                "new Function",
            ] {
                assert!(!text.contains(way), "{way}");
            }
        }
    }
}
