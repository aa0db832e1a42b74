//! Messages of protocol buffers, shown by their description. protoc describes them, and encodes them.

use std::process::Command;

use serde_json::{Value, json};

use crate::origin::{origin, program};
use crate::peers::browser::Scripts;
use crate::peers::{Folder, installed};
use crate::running::Proxy;

const SHOP: &str = r#"
syntax = "proto3";
package shop.v1;
import "when.proto";
enum Colour { NONE = 0; RED = 1; }
message Item {
  message Maker { string name = 1; sfixed32 since = 2; }
  string name = 1;
  Colour colour = 2;
  repeated int32 sizes = 3;
  map<string, sint64> stock = 4;
  bytes data = 5;
  oneof price { double exact = 6; uint64 cents = 7; }
  Maker maker = 8;
  when.Moment made = 9;
  string password = 10;
  repeated Colour others = 11 [packed = false];
}
message Receipt { fixed64 number = 1; bool paid = 2; repeated Item items = 3; float rate = 4; }
service Shop { rpc Buy(Item) returns (stream Receipt); }
"#;

const ITEM: &str = r#"
name: "tea" colour: RED sizes: [1, -2, 300] stock { key: "here" value: -7 } stock { key: "there" value: 8 }
data: "\000\001\377" cents: 18446744073709551615 maker { name: "Zoë" since: -3 } made { seconds: 1700000000 }
password: "SECRET" others: RED others: NONE
"#;

/// gRPC's server: two messages, the second of them compressed. And one message that its type names.
const SERVER: &str = "
const fs = require('fs'), http2 = require('http2'), zlib = require('zlib');
const server = http2.createSecureServer({
  cert: fs.readFileSync('cert.pem'), key: fs.readFileSync('key.pem'), allowHTTP1: true });
const framed = (data, flags) => {
  const head = Buffer.alloc(5);
  head[0] = flags;
  head.writeUInt32BE(data.length, 1);
  return Buffer.concat([head, data]);
};
server.on('request', (q, r) => {
  const receipt = fs.readFileSync('receipt.bin');
  if (q.url === '/receipt') {
    return r.writeHead(200, { 'content-type': 'application/x-protobuf; messageType=\"shop.v1.Receipt\"' }).end(receipt);
  }
  q.on('data', () => {}).on('end', () => {
    r.writeHead(200, { 'content-type': 'application/grpc+proto', 'grpc-encoding': 'gzip' });
    r.end(Buffer.concat([framed(receipt, 0), framed(zlib.gzipSync(receipt), 1)]));
  });
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
";

fn protoc(dir: &Folder, arguments: &[&str], input: &str) -> Vec<u8> {
    dir.run(
        Command::new("protoc"),
        &[&["-I."], arguments, &["shop.proto"]].concat(),
        input.as_bytes(),
    )
    .ok()
    .stdout
}

/// Before a message of gRPC, its flags and its length.
fn framed(message: &[u8]) -> Vec<u8> {
    [&[0], &(message.len() as u32).to_be_bytes()[..], message].concat()
}

#[test]
fn messages_are_shown_with_the_names_of_their_description() {
    if !installed(&["curl", "node", "openssl", "protoc"]) {
        return;
    }
    let dir = Folder::new();
    drop(origin(&dir)); // for its certificate
    dir.write("shop.proto", SHOP);
    let when = "syntax = \"proto3\"; package when; message Moment { int64 seconds = 1; }";
    dir.write("when.proto", when);
    protoc(&dir, &["--include_imports", "--descriptor_set_out=shop.pb"], "");
    let item = protoc(&dir, &["--encode=shop.v1.Item"], ITEM);
    dir.write("item.bin", framed(&item));
    let receipt = "number: 7 paid: true items { name: \"tea\" } items { exact: 2.5 } rate: inf";
    dir.write("receipt.bin", protoc(&dir, &["--encode=shop.v1.Receipt"], receipt));
    let server = program(&dir, SERVER);
    let options = ["--session", "s.db", "--ca", "cert.pem", "--descriptors", "shop.pb"];
    let proxy = Proxy::start(&dir, &options);
    let url = format!("https://localhost:{}", server.port);
    let get = |more: &[&str]| {
        let ran = proxy.curl(&dir, more).output().expect("curl runs");
        assert!(ran.status.success(), "{ran:?}");
    };
    let kind = ["-o", "got", "-H", "Content-Type: application/grpc"];
    let call = format!("{url}/shop.v1.Shop/Buy");
    get(&[&kind[..], &["--http2", "--data-binary", "@item.bin", &call]].concat());
    get(&["-o", "got", &format!("{url}/receipt")]);
    // What is cut off is shown as far as it is whole.
    dir.write("cut.bin", [framed(&item), framed(&item)[..20].to_vec()].concat());
    get(&[&kind[..], &["--http2", "--data-binary", "@cut.bin", &call]].concat());
    proxy.until("flows?filter=-is:open", |list| (list["total"] == 3).then_some(()));

    let item = |data: Value, password: &str| {
        json!({
            "name": "tea", "colour": "RED", "sizes": [1, -2, 300], "stock": { "here": -7, "there": 8 },
            "data": data, "cents": "18446744073709551615", "maker": { "name": "Zoë", "since": -3 },
            "made": { "seconds": 1_700_000_000 }, "password": password, "others": ["RED", "NONE"],
        })
    };
    let whole = item("AAH/".into(), "SECRET");
    let receipt = json!({ "number": 7, "paid": true, "items": [{ "name": "tea" }, { "exact": 2.5 }], "rate": "inf" });
    let of = |id: u64| proxy.api("GET", &format!("flows/{id}"), None);
    let called = of(1);
    let described = |message: &str, values: &[&Value], partial: bool| json!({ "message": message, "values": values, "partial": partial });
    assert_eq!(called["request"]["protobuf"], described("shop.v1.Item", &[&whole], false));
    let twice = described("shop.v1.Receipt", &[&receipt, &receipt], false);
    assert_eq!(called["response"]["protobuf"], twice);
    let named = of(2);
    assert!(named["request"]["protobuf"].is_null(), "{named}");
    assert_eq!(named["response"]["protobuf"], described("shop.v1.Receipt", &[&receipt], false));
    assert_eq!(of(3)["request"]["protobuf"], described("shop.v1.Item", &[&whole], true));

    // In the terminal, where secrets are hidden, and what cannot be looked through.
    let query = ["proxy", "query", "s.db", "id:1", "--json", "--descriptors", "shop.pb"];
    let told: Value = serde_json::from_str(dir.seal_with(&query, b"").ok().text()).expect("JSON");
    let hidden = item("(3 bytes)".into(), "REDACTED");
    assert_eq!(told["request"]["protobuf"]["values"], json!([hidden]));
    // For an agent.
    let show = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": { "name": "show_flow", "arguments": { "id": 1 } } });
    let mcp = ["proxy", "mcp", "s.db", "--descriptors", "shop.pb"];
    let said = dir.seal_with(&mcp, format!("{show}\n").as_bytes()).ok();
    assert!(said.text().contains("shop.v1.Receipt") && !said.text().contains("SECRET"), "{said:?}");

    // What is no description, or describes too little.
    dir.write("none.pb", "no description");
    dir.seal("proxy open s.db --descriptors none.pb").err_is("none.pb: no FileDescriptorSet");
    protoc(&dir, &["--descriptor_set_out=half.pb"], "");
    dir.seal("proxy open s.db --descriptors half.pb")
        .err_is("shop.v1.Item has a when.Moment, which is not described");

    // On the page, before the guess.
    let Some(scripts) = Scripts::found(&[]) else { return };
    let asked = [
        &proxy.page,
        "/shop.v1.Shop/Buy",
        "1",
        "shop.v1.Item",
        "colour",
        "\"RED\"",
        "Protobuf by guess",
    ];
    let ran = scripts.run(&dir, "shows.mjs", &asked).ok();
    assert!(ran.text().ends_with("done\n"), "{ran:?}");
}
