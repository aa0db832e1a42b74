//! The handshake as one page that needs nothing else: a drawing of the messages of both sides, in order, each
//! message to be opened for its parts and bytes.

use sealwire::trace::{Message, Sender};

use super::trace::milliseconds;
use crate::words::markup::escape;

const STYLE: &str = "\
:root{color-scheme:light dark;--line:#8886;--dim:#888;--client:#2563eb;--server:#c2410c;--back:#8881}\
@media(prefers-color-scheme:dark){:root{--client:#7aa2ff;--server:#ff9e64}}\
body{font:15px/1.5 system-ui,sans-serif;max-width:64rem;margin:2rem auto;padding:0 1rem}\
h1{font-size:1.3rem;margin:0}p.facts{color:var(--dim);margin:.2rem 0 1.2rem;white-space:pre-line}\
.ends{display:grid;grid-template-columns:5.5rem 1fr 1fr;font-weight:600;margin-bottom:.3rem}\
.ends b:nth-child(2){color:var(--client)}.ends b:nth-child(3){color:var(--server);text-align:right}\
details{border-top:1px solid var(--line)}details:last-of-type{border-bottom:1px solid var(--line)}\
summary{display:grid;grid-template-columns:5.5rem 1fr;gap:0 .5rem;padding:.45rem 0;cursor:pointer;list-style:none}\
summary::-webkit-details-marker{display:none}summary:hover{background:var(--back)}\
time{color:var(--dim);font-variant-numeric:tabular-nums;text-align:right}\
.arrow{position:relative;display:flex;align-items:center;gap:.6rem;border-bottom:2px solid;padding-bottom:.15rem}\
.client .arrow{border-color:var(--client)}.server .arrow{border-color:var(--server);flex-direction:row-reverse}\
.client .arrow::after,.server .arrow::after{content:'';position:absolute;bottom:-6px;border:5px solid transparent}\
.client .arrow::after{right:-2px;border-left:9px solid var(--client)}\
.server .arrow::after{left:-2px;border-right:9px solid var(--server)}\
.name{font-weight:600}.client .name{color:var(--client)}.server .name{color:var(--server)}\
.sealed::before{content:'{'}.sealed::after{content:'}'}\
.bytes{color:var(--dim);font-size:.85rem;white-space:nowrap}\
.says,.why{grid-column:2}.server .says,.server .why{text-align:right}.why{color:var(--dim);font-size:.9rem}\
.parts{margin:.2rem 0 1rem 6rem}dl{display:grid;grid-template-columns:max-content 1fr;gap:.1rem 1rem;margin:0 0 .6rem}\
dt{color:var(--dim)}dd{margin:0;overflow-wrap:anywhere}\
pre{font:12px/1.45 ui-monospace,monospace;background:var(--back);padding:.6rem;overflow-x:auto;margin:0}\
footer{color:var(--dim);font-size:.85rem;margin-top:1.5rem}\
@media(max-width:40rem){.parts{margin-left:0}dl{grid-template-columns:1fr}}";

/// The page. `facts` are what is known of the connection, a line each.
pub(crate) fn page(title: &str, facts: &str, messages: &[Message]) -> String {
    let title = escape(title);
    let mut rows = String::new();
    for message in messages {
        rows += &row(message);
    }
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n\
         <title>The handshake with {title}</title>\n<style>{STYLE}</style>\n\
         <h1>The handshake with {title}</h1>\n<p class=\"facts\">{}</p>\n\
         <div class=\"ends\"><b></b><b>client (seal)</b><b>server</b></div>\n{rows}\
         <footer>Messages in braces went encrypted; they can be read here because the secrets of \
         this connection are ours. Open a message for its parts and bytes. Made by seal inspect.</footer>\n</html>\n",
        escape(facts)
    )
}

fn row(message: &Message) -> String {
    let side = if message.from == Sender::Client { "client" } else { "server" };
    let sealed = if message.encrypted { " sealed" } else { "" };
    let why = message
        .why
        .as_ref()
        .map_or_else(String::new, |why| format!("<div class=\"why\">{}</div>", escape(why)));
    let mut parts = String::new();
    for (name, value) in message.fields.iter().filter(|(_, value)| !value.is_empty()) {
        parts += &format!("<dt>{}</dt><dd>{}</dd>", escape(name), escape(value));
    }
    format!(
        "<details class=\"{side}\"><summary><time>{:.1} ms</time>\
         <div class=\"arrow\"><span class=\"name{sealed}\">{}</span>\
         <span class=\"bytes\">{} bytes</span></div>\
         <div class=\"says\">{}</div>{why}</summary>\
         <div class=\"parts\"><dl>{parts}</dl><pre>{}</pre></div></details>\n",
        milliseconds(message.at),
        escape(&message.name),
        message.bytes,
        escape(&message.says),
        dump(&message.hex)
    )
}

/// Sixteen bytes a line, with what they are as text.
fn dump(hex: &str) -> String {
    let (digits, more) = match hex.strip_suffix("...") {
        Some(digits) => (digits, "\n(and more)"),
        None => (hex, ""),
    };
    let mut out = String::new();
    for (line, chunk) in digits.as_bytes().chunks(32).enumerate() {
        let pairs: Vec<&str> =
            chunk.chunks(2).filter_map(|pair| std::str::from_utf8(pair).ok()).collect();
        let text: String = pairs
            .iter()
            .map(|pair| match u8::from_str_radix(pair, 16) {
                Ok(byte @ 0x20..=0x7e) => char::from(byte),
                _ => '.',
            })
            .collect();
        out += &format!("{:04x}  {:<47}  {text}\n", line * 16, pairs.join(" "));
    }
    escape(out.trim_end()) + more
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use sealwire::trace::{Sender, Tracer};

    use super::{dump, page};

    #[test]
    fn what_a_server_says_is_text_on_the_page() {
        let evil = b"<script>alert(1)</script>";
        let mut tracer = Tracer::new(SystemTime::now());
        // An EncryptedExtensions with ALPN, as a server would have to hide it.
        let alpn = [&[0, 26, 25][..], evil].concat();
        let list = [&[0, 32, 0, 16, 0, 28][..], &alpn].concat();
        let message = [&[8, 0, 0, 34][..], &list].concat();
        let record = [&[22, 3, 3, 0, 38][..], &message].concat();
        tracer.bytes(Sender::Server, Duration::ZERO, &record);
        assert!(tracer.messages()[0].says.contains("<script>"), "{:?}", tracer.messages());
        let page = page("<script>", "<script>", tracer.messages());
        assert!(!page.contains("<script"), "{page}");
        assert_eq!(dump("3c41ff"), format!("0000  {:<47}  &lt;A.", "3c 41 ff"));
    }
}
