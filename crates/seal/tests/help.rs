//! Every page of `--help`, word for word: exit code, standard output, standard error. The pages are those of
//! clap's tree, so a new command has one by itself, and a page whose command is gone is a failure.
//!
//! After a change that is meant: `UPDATE_HELP=1 cargo test -p seal --test help`, and read the difference.

mod peers;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use peers::Folder;

#[test]
fn every_page_is_as_it_was_last_read() {
    let dir = Folder::new();
    let pages: BTreeMap<_, _> =
        pages().into_iter().map(|page| (file_name(&page), shown(&dir, &page))).collect();
    assert!(pages.len() > 80, "clap's tree has lost its branches");
    if std::env::var_os("UPDATE_HELP").is_some() {
        renew(&pages);
    }
    let kept = kept();
    let names = |pages: &BTreeMap<String, String>| pages.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&kept), names(&pages), "UPDATE_HELP=1 writes and removes pages");
    for (name, page) in &pages {
        assert_eq!(page, &kept[name], "tests/help/{name}: UPDATE_HELP=1 writes it anew");
    }
}

/// docs/flags.md has every option of every command, by its name.
#[test]
fn the_table_of_flags_is_that_of_the_program() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/flags.md");
    let flags = flags();
    if std::env::var_os("UPDATE_HELP").is_some() {
        std::fs::write(&path, &flags).expect("written");
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == flags, "docs/flags.md: UPDATE_HELP=1 writes it anew");
}

/// The commands of docs/openssl-tasks.md, as clap takes them.
#[test]
fn everyday_tasks_are_commands_of_the_program() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openssl-tasks.md");
    let page = std::fs::read_to_string(path).expect("docs/openssl-tasks.md");
    let mut tasks = 0;
    for row in page.lines() {
        let cells: Vec<_> = row.split(" | ").collect();
        let [_, _, _, ours, _] = cells[..] else { continue };
        let Some(command) = ours.strip_prefix("`seal ").and_then(|c| c.strip_suffix('`')) else {
            continue;
        };
        let words = std::iter::once("seal").chain(command.split(' '));
        let parsed = seal::command().try_get_matches_from(words);
        assert!(parsed.is_ok(), "{command}: {}", parsed.unwrap_err());
        tasks += 1;
    }
    assert!(tasks >= 20, "{tasks} tasks");
}

fn flags() -> String {
    let top = seal::command();
    // Options of one name and one meaning are one row.
    let mut rows: BTreeMap<(String, String, String), Vec<String>> = BTreeMap::new();
    for page in pages() {
        let command = page.iter().fold(&top, |command, word| {
            command.find_subcommand(word).expect("a command of the tree")
        });
        for option in command.get_arguments() {
            let Some(name) = option.get_long().filter(|_| !option.is_hide_set()) else { continue };
            let value = match option.get_value_names() {
                Some([value]) if option.get_action().takes_values() => value.to_string(),
                _ => String::new(),
            };
            let help = option.get_help().map(ToString::to_string).unwrap_or_default();
            let help = help.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|");
            rows.entry((name.to_owned(), value, help)).or_default().push(page.join(" "));
        }
    }
    let mut table = String::from(
        "# Flags\n\nEvery option of every command of `seal`, from the same description as `--help`. A test compares this page \
         with\nthe program, and `UPDATE_HELP=1 cargo test -p seal --test help` rewrites it.\n\n| option | meaning | \
         commands |\n|---|---|---|\n",
    );
    for ((name, value, help), commands) in rows {
        let value =
            if value.is_empty() { value } else { format!(" {}", value.replace('|', "\\|")) };
        let commands = match commands.len() {
            0..=6 => commands.join(", "),
            more => format!("{} and {} more", commands[..4].join(", "), more - 4),
        };
        writeln!(table, "| `--{name}{value}` | {help} | {commands} |").unwrap();
    }
    table
}

/// A line that clap does not break is too long for a terminal (`max_term_width`).
#[test]
fn examples_fit_a_terminal() {
    for (name, page) in kept() {
        for line in page.lines() {
            assert!(line.chars().count() <= 100, "{name}: {line}");
        }
    }
}

/// All commands of the program, each as the words that lead to it.
fn pages() -> Vec<Vec<String>> {
    fn walk(command: &clap::Command, above: &[String], pages: &mut Vec<Vec<String>>) {
        pages.push(above.to_vec());
        for below in command.get_subcommands().filter(|c| c.get_name() != "help") {
            let mut words = above.to_vec();
            words.push(below.get_name().to_owned());
            walk(below, &words, pages);
        }
    }
    let mut pages = Vec::new();
    walk(&seal::command(), &[], &mut pages);
    pages
}

/// What the program says when it is asked for this page; of a command that has others below it, what it says
/// without any, too.
fn shown(dir: &Folder, page: &[String]) -> String {
    let words: Vec<_> = page.iter().map(String::as_str).collect();
    let mut shown = run(dir, &[&words[..], &["--help"]].concat());
    if required_below(&words) {
        shown.push('\n');
        shown.push_str(&run(dir, &words));
    }
    shown
}

fn required_below(words: &[&str]) -> bool {
    let top = seal::command();
    let command = words
        .iter()
        .fold(&top, |command, word| command.find_subcommand(word).expect("a command of the tree"));
    command.is_subcommand_required_set()
}

fn run(dir: &Folder, arguments: &[&str]) -> String {
    let mut seal = Command::new(env!("CARGO_BIN_EXE_seal"));
    // The width of a pipe, and no defaults of this machine.
    seal.env_remove("COLUMNS").env_remove("SSLKEYLOGFILE");
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("SEAL_") {
            seal.env_remove(name);
        }
    }
    let ran = dir.run(seal, arguments, b"");
    let mut shown = String::new();
    writeln!(shown, "$ seal {}", arguments.join(" ")).unwrap();
    writeln!(shown, "exit code {}", ran.code).unwrap();
    writeln!(shown, "--- stdout\n{}--- stderr\n{}", ran.text(), ran.stderr).unwrap();
    // clap leaves blanks on empty lines between an option and its default.
    let lines: Vec<_> = shown.lines().map(str::trim_end).collect();
    lines.join("\n").trim_end().to_owned() + "\n"
}

fn file_name(page: &[String]) -> String {
    let name = if page.is_empty() { "seal".to_owned() } else { page.join("-") };
    name + ".txt"
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/help")
}

fn kept() -> BTreeMap<String, String> {
    let Ok(files) = std::fs::read_dir(folder()) else { return BTreeMap::new() };
    files
        .map(|file| file.expect("a file").path())
        .map(|path| {
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            (name, std::fs::read_to_string(&path).expect("text"))
        })
        .collect()
}

fn renew(pages: &BTreeMap<String, String>) {
    std::fs::create_dir_all(folder()).expect("the folder");
    for name in kept().into_keys().filter(|name| !pages.contains_key(name)) {
        std::fs::remove_file(folder().join(name)).expect("a page that is gone");
    }
    for (name, page) in pages {
        std::fs::write(folder().join(name), page).expect("written");
    }
}
