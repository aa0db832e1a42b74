//! What the figures were taken on.

/// The machine that the numbers are of.
pub(crate) fn hardware() -> String {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": ").map(|(_, name)| name))
        .unwrap_or("unknown processor");
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("{} cores of {model}, Linux {}", cores(), kernel.trim())
}

/// How many cores there are, whichever this process is pinned to.
pub(crate) fn cores() -> usize {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    cpu.lines().filter(|line| line.starts_with("processor")).count().max(1)
}

/// The distribution, and the compiler that this was built with.
pub(crate) fn system() -> String {
    let release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    let name = release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
    let rustc = std::process::Command::new("rustc").arg("--version").output();
    let rustc = rustc.map(|said| String::from_utf8_lossy(&said.stdout).trim().to_owned());
    format!("{}, {}", name.unwrap_or("Linux").trim_matches('"'), rustc.unwrap_or_default())
}
