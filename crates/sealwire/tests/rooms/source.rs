//! The modules of a crate, and what each names.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::str::FromStr;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// A module or an item, by the names that lead to it from the crate's root.
pub(crate) type Name = Vec<String>;

/// A crate: its modules, tests left out.
pub(crate) struct Source {
    pub(crate) modules: BTreeMap<Name, Module>,
}

/// What one module names.
#[derive(Default)]
pub(crate) struct Module {
    /// Names that stand for others here, by `use`, whoever may see them.
    pub(crate) uses: Vec<Use>,
    /// Paths in the code that begin with `crate`, `self` or `super`.
    pub(crate) paths: BTreeSet<Name>,
    /// Names of the crates that another engine would do without, with tests.
    pub(crate) rustls: BTreeSet<String>,
}

/// One leaf of a `use`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Use {
    pub(crate) path: Name,
    /// What it is called here; `None` for `*`.
    pub(crate) called: Option<String>,
}

impl Source {
    /// Of a folder with a `lib.rs`.
    pub(crate) fn of_folder(root: &Path) -> Self {
        let mut files = Vec::new();
        collect(root, root, &mut files);
        assert!(!files.is_empty(), "{}: no crate", root.display());
        Self::of_files(files.iter().map(|(name, text)| (name.as_str(), text.as_str())))
    }

    /// Of files by their paths, `session/mod.rs`, and what is in them.
    pub(crate) fn of_files<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut reader = Reader::default();
        for (path, text) in files {
            let name = path.trim_end_matches(".rs").split('/').map(str::to_owned);
            let mut name: Name = name.collect();
            if matches!(name.last().map(String::as_str), Some("mod" | "lib" | "main")) {
                name.pop();
            }
            let tokens = TokenStream::from_str(text).unwrap_or_else(|e| panic!("{path}: {e}"));
            reader.module(&name, tokens);
        }
        let Reader { mut modules, tests } = reader;
        modules.retain(|name, _| !tests.iter().any(|test| name.starts_with(test)));
        Self { modules }
    }
}

fn collect(root: &Path, folder: &Path, files: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display())) {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(root, &path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(root).expect("below the root").to_str().expect("UTF-8");
            files.push((name.replace('\\', "/"), fs::read_to_string(&path).expect("readable")));
        }
    }
}

#[derive(Default)]
struct Reader {
    modules: BTreeMap<Name, Module>,
    /// Modules that are compiled for tests only.
    tests: Vec<Name>,
}

impl Reader {
    fn module(&mut self, name: &Name, tokens: TokenStream) {
        let mut module = Module::default();
        note_rustls(tokens.clone(), &mut module.rustls);
        self.items(name, tokens, &mut module);
        self.modules.insert(name.clone(), module);
    }

    fn items(&mut self, name: &Name, tokens: TokenStream, module: &mut Module) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut rest = tokens.as_slice();
        let mut for_tests = false;
        while let Some((token, after)) = rest.split_first() {
            rest = after;
            match (token, after) {
                (TokenTree::Punct(mark), [TokenTree::Group(attribute), after @ ..])
                    if mark.as_char() == '#' && is(attribute, Delimiter::Bracket) =>
                {
                    for_tests |= attribute.stream().to_string().replace(' ', "") == "cfg(test)";
                    rest = after;
                }
                (token, _) if for_tests => {
                    if let [TokenTree::Ident(called), TokenTree::Punct(end), ..] = after
                        && is_word(token, "mod")
                        && end.as_char() == ';'
                    {
                        self.tests.push(child(name, &called.to_string()));
                    }
                    // Up to the end of the item.
                    for_tests = !ends_item(token);
                }
                (word, [TokenTree::Ident(called), TokenTree::Group(body), after @ ..])
                    if is_word(word, "mod") && is(body, Delimiter::Brace) =>
                {
                    self.module(&child(name, &called.to_string()), body.stream());
                    rest = after;
                }
                (word, after) if is_word(word, "use") => {
                    let end = after.iter().position(is_end).unwrap_or(after.len());
                    read_use(&after[..end], &Vec::new(), &mut module.uses);
                    rest = &after[end..];
                }
                (TokenTree::Ident(first), after) if is_double_colon(after) => {
                    if matches!(&*first.to_string(), "crate" | "self" | "super") {
                        module.paths.insert(path_from(first.to_string(), after));
                    }
                    // The other parts of a path are no beginnings of one.
                    rest = after.get(3..).unwrap_or_default();
                    while is_double_colon(rest) {
                        rest = rest.get(3..).unwrap_or_default();
                    }
                    let skipped = &after[..after.len() - rest.len()];
                    let groups = skipped.iter().filter_map(group);
                    groups.for_each(|inner| self.items(name, inner.stream(), module));
                }
                (TokenTree::Group(inner), _) => self.items(name, inner.stream(), module),
                _ => {}
            }
        }
    }
}

/// `crate::a::b` as far as it is names.
fn path_from(first: String, mut after: &[TokenTree]) -> Name {
    let mut path = vec![first];
    while is_double_colon(after)
        && let Some(TokenTree::Ident(next)) = after.get(2)
    {
        path.push(next.to_string());
        after = &after[3..];
    }
    path
}

fn read_use(tokens: &[TokenTree], before: &Name, uses: &mut Vec<Use>) {
    let mut path = before.clone();
    let mut called = None;
    let mut rest = tokens;
    while let Some((token, after)) = rest.split_first() {
        rest = after;
        match token {
            TokenTree::Ident(word) if *word == "as" => {
                called = after.first().map(ToString::to_string);
                break;
            }
            TokenTree::Ident(word) => path.push(word.to_string()),
            TokenTree::Punct(star) if star.as_char() == '*' => {
                return uses.push(Use { path, called: None });
            }
            TokenTree::Group(inner) => {
                let inner: Vec<TokenTree> = inner.stream().into_iter().collect();
                let is_comma =
                    |token: &TokenTree| matches!(token, TokenTree::Punct(c) if c.as_char() == ',');
                for one in inner.split(is_comma).filter(|one| !one.is_empty()) {
                    read_use(one, &path, uses);
                }
                return;
            }
            _ => {}
        }
    }
    // `use a::b::{self}` is `b`.
    if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
        path.pop();
    }
    let called = called.or_else(|| path.last().cloned());
    uses.push(Use { path, called });
}

fn note_rustls(tokens: TokenStream, found: &mut BTreeSet<String>) {
    for token in tokens {
        match token {
            TokenTree::Ident(word) => {
                let word = word.to_string();
                // `Connector::rustls_config` is a name of ours.
                let named = word == "rustls" || word.starts_with("rustls_") || word == "webpki";
                if named && word != "rustls_config" {
                    found.insert(word);
                }
            }
            TokenTree::Group(inner) => note_rustls(inner.stream(), found),
            _ => {}
        }
    }
}

fn child(name: &Name, called: &str) -> Name {
    let mut child = name.clone();
    child.push(called.to_owned());
    child
}

fn is(group: &proc_macro2::Group, delimiter: Delimiter) -> bool {
    group.delimiter() == delimiter
}

fn group(token: &TokenTree) -> Option<&proc_macro2::Group> {
    match token {
        TokenTree::Group(group) => Some(group),
        _ => None,
    }
}

fn is_word(token: &TokenTree, word: &str) -> bool {
    matches!(token, TokenTree::Ident(ident) if *ident == word)
}

fn is_end(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Punct(mark) if mark.as_char() == ';')
}

fn ends_item(token: &TokenTree) -> bool {
    is_end(token) || group(token).is_some_and(|body| is(body, Delimiter::Brace))
}

fn is_double_colon(tokens: &[TokenTree]) -> bool {
    let colon =
        |token: &TokenTree| matches!(token, TokenTree::Punct(mark) if mark.as_char() == ':');
    matches!(tokens, [first, second, ..] if colon(first) && colon(second))
}
