//! The rooms of the crates of this workspace: the permitted uses between them, drawn from the sources.
//!
//! A room is a module at the top of a crate, with all below it. `docs/architecture.md` draws the
//! same layers.

mod graph;
mod source;

use std::collections::BTreeSet;
use std::path::PathBuf;

use graph::Graph;
use source::{Source, Use};

/// The layers of the library, the lowest first. A room uses those of lower layers, and of its own.
const SEALWIRE: &[&[&str]] = &[
    &["words"],
    &["key_log", "reading"],
    &["verify", "pki"],
    &["error", "trace"],
    &["engine"],
    &["context"],
    &["session"],
    &["wire"],
    &["live"],
    &["blocking", "starttls", "tokio"],
    &["http"],
];

/// The layers of the program.
const SEAL: &[&[&str]] = &[
    &["words"],
    &["say"],
    &["files"],
    &["view"],
    &["net"],
    &["inspect", "truststore"],
    &["inventory"],
    &["tunnel"],
    &["cmd"],
    &["args"],
];

/// The layers of ACME.
const ACME: &[&[&str]] = &[
    &["clock"],
    &["protocol"],
    &["jws"],
    &["store"],
    &["authority", "validation"],
    &["client", "server"],
];

fn source(of: &str) -> Source {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").join(of).join("src");
    Source::of_folder(&root)
}

#[test]
fn the_library_is_in_layers() {
    hold("sealwire", SEALWIRE);
}

#[test]
fn the_program_is_in_layers() {
    hold("seal", SEAL);
}

#[test]
fn acme_is_in_layers() {
    hold("acme", ACME);
}

#[test]
fn the_fences_and_the_crates_without_layers_have_no_circle() {
    for of in ["sealwire-x509", "sealwire-openssl", "files", "lens"] {
        let graph = Graph::of(&source(of));
        assert_eq!(graph.circle(), None, "{of}: {:#?}", graph.arrows);
    }
}

fn hold(of: &str, layers: &[&[&str]]) {
    let source = source(of);
    let known: BTreeSet<&str> = layers.concat().into_iter().collect();
    let unknown: Vec<_> = source.rooms().difference(&known).copied().collect();
    assert!(unknown.is_empty(), "{of}: no layer is given for {unknown:?}");
    let graph = Graph::of(&source);
    assert_eq!(graph.circle(), None, "{of}: {:#?}", graph.arrows);
    assert_eq!(graph.upward(layers), [""; 0], "{of}: a lower layer uses a higher one");
}

/// So that another engine needs no change outside its own folder.
#[test]
fn rustls_is_named_behind_the_seam_only() {
    for (of, behind) in [("sealwire", &["engine"][..]), ("seal", &[])] {
        let source = source(of);
        let names = source.modules.iter().filter(|(_, module)| !module.rustls.is_empty());
        let (inside, outside): (Vec<_>, Vec<_>) =
            names.partition(|(name, _)| name.first().is_some_and(|top| behind.contains(&&**top)));
        let outside: Vec<_> = outside.iter().map(|(name, _)| name.join("::")).collect();
        assert_eq!(outside, [""; 0], "{of}: these name rustls");
        assert_eq!(inside.is_empty(), behind.is_empty(), "{of}: rustls is not behind the seam");
    }
}

/// One slot for the state of one connection at a time, and nothing else that is bound to a thread.
#[test]
fn the_engine_has_one_thread_local_slot() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if std::fs::read_to_string(&path).expect("a text").contains("thread_local!") {
                found.push(path.strip_prefix(&root).expect("below").display().to_string());
            }
        }
    }
    assert_eq!(found, ["engine/rustls/slot.rs"]);
}

#[test]
fn every_way_of_naming_a_room_is_an_arrow() {
    for code in [
        "use crate::b::X;",
        "pub use crate::b::X as Y;",
        "pub(crate) use crate::{b::{self, X}, c};",
        "use super::b;",
        "use super::{a, b::X};",
        "use crate::b::*;",
        "use crate::X;",
        "use crate::c::X;",
        "fn f() -> crate::b::X { todo!() }",
        "fn f() { let _ = vec![Vec::<super::b::X>::new()]; }",
        "macro_rules! m { () => { $crate::b::X } }",
        "mod inner { use super::super::b::X; }",
        "#[cfg(not(test))] use crate::b::X;",
    ] {
        let source = Source::of_files([
            ("lib.rs", "mod a; mod b; mod c; pub use b::X;"),
            ("a.rs", code),
            ("b/mod.rs", "mod x; pub use x::X;"),
            ("b/x.rs", "pub struct X;"),
            ("c.rs", "pub use crate::b::X;"),
        ]);
        let arrows = Graph::of(&source).arrows;
        assert!(arrows.contains_key(&("a".to_owned(), "b".to_owned())), "{code}: {arrows:?}");
    }
}

#[test]
fn what_is_no_arrow_is_none() {
    for code in [
        "// use crate::b::X;\n/* crate::b::X */ /// See [`crate::b::X`].\nstruct S;",
        "const TEXT: &str = \"crate::b::X\"; const RAW: &str = r#\"use crate::b;\"#;",
        "#[cfg(test)] mod tests { use crate::b::X; }",
        "#[cfg(test)] mod tests;",
        "#[cfg(test)] use crate::b::X;",
        "use b::X;",
        "use std::b::X; use self::own::b; mod own { pub(super) fn b() {} }",
        "pub(crate) fn f<'b>(x: &'b str) -> char { 'b' }",
    ] {
        let source = Source::of_files([
            ("lib.rs", "mod a; mod b;"),
            ("a.rs", code),
            ("a/tests.rs", if code.contains("mod tests;") { "use crate::b::X;" } else { "" }),
            ("b.rs", "pub struct X;"),
        ]);
        assert!(Graph::of(&source).arrows.is_empty(), "{code}");
    }
}

#[test]
fn circles_and_climbers_are_found() {
    let source = Source::of_files([
        ("lib.rs", "mod a; mod b; mod c; mod d;"),
        ("a.rs", "use crate::b::Y;"),
        // The name is b's, its home is c.
        ("b.rs", "pub use crate::c::Y;"),
        ("c.rs", "pub struct Y; fn f(_: crate::a::Z) {}"),
        ("d.rs", "use crate::a;"),
    ]);
    let graph = Graph::of(&source);
    let circle = graph.circle().expect("a circle");
    assert!(circle.len() > 1 && !circle.contains(&"d".to_owned()), "{circle:?}");
    let up = graph.upward(&[&["c"], &["b"], &["a"], &["d"]]);
    assert_eq!(up, ["c -> a (c: crate::a::Z)"]);
    assert_eq!(graph.upward(&[&["a", "b", "c"]]).len(), 1, "d has no layer");
    let straight = Source::of_files([("lib.rs", ""), ("a.rs", "use super::b;"), ("b.rs", "")]);
    assert_eq!(Graph::of(&straight).circle(), None);
}

#[test]
fn rustls_is_seen_wherever_it_stands() {
    for code in ["use rustls::A;", "mod t { fn f() { ::rustls::a() } }", "type T = webpki::B;"] {
        let source = Source::of_files([("lib.rs", "mod a;"), ("a.rs", code)]);
        let found = source.modules.values().any(|module| !module.rustls.is_empty());
        assert!(found, "{code}");
    }
    let source = Source::of_files([("a.rs", "/// As rustls does.\nfn webpki_root_certs() {}")]);
    assert!(source.modules.values().all(|module| module.rustls.is_empty()));
}

#[test]
fn a_use_is_taken_apart() {
    let source = Source::of_files([("a.rs", "use crate::{b::{self, C as D}, e::*};")]);
    let name = |path: &str| path.split("::").map(str::to_owned).collect::<Vec<_>>();
    let one = |path, called: Option<&str>| Use { path: name(path), called: called.map(Into::into) };
    let expected =
        [one("crate::b", Some("b")), one("crate::b::C", Some("D")), one("crate::e", None)];
    assert_eq!(source.modules[&name("a")].uses, expected);
}
