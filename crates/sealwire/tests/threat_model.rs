//! The threat model names the test that holds each promise. They are all there.

use std::path::Path;

#[test]
fn every_promise_is_held_by_tests_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("a workspace");
    let read = |path: &Path| std::fs::read_to_string(path);
    let model = read(&root.join("docs/threat-model.md")).expect("the threat model");
    let targets = read(&root.join("fuzz/Cargo.toml")).expect("the fuzz targets");
    let rows = model.lines().filter(|line| line.starts_with("| ") && line.contains(" | `"));
    let mut count = 0;
    for row in rows {
        let holders: Vec<&str> = row.split('`').filter(|part| part.contains('/')).collect();
        for holder in &holders {
            let exists = match holder.split_once('#') {
                Some((file, test)) => {
                    let (package, file) = file.split_once('/').expect("a package");
                    let path = root.join(format!("crates/{package}/tests/{file}.rs"));
                    read(&path).is_ok_and(|text| text.contains(&format!("fn {test}(")))
                }
                None => match holder.split_once('/').expect("checked") {
                    ("ci", script) => root.join(".ci").join(script).exists(),
                    ("fuzz", target) => targets.contains(&format!("name = \"{target}\"")),
                    _ => row.starts_with("| `seal "), // a command, not a test
                },
            };
            assert!(exists, "{holder} does not exist:\n{row}");
            count += 1;
        }
        assert!(!holders.is_empty(), "no test holds this promise:\n{row}");
    }
    assert!(count > 60, "{count} tests are named");
}
