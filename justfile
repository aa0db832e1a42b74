# The commands a person runs. `just` lists them.

default:
    @just --list

# Show it all on this machine
demo *args:
    cargo run --release --bin seal -- demo {{args}}

# Everything that CI runs
ci:
    .ci/run

# The tests (OpenSSL, Node and curl judge when they are installed)
test *args:
    cargo test --workspace {{args}}

# All real npm packages on the package beside Node's own TLS (`just test` runs a third of them)
applications:
    cargo build -p sealwire-node
    cd crates/node/applications && npm install --no-package-lock --no-audit --no-fund --ignore-scripts
    cd crates/node && APPLICATIONS=all node --test --test-reporter=spec test/applications.test.js

# Formatting and lints, as CI wants them
lint:
    cargo fmt --all
    cargo clippy --workspace --all-targets -- -D warnings

# The documentation, with warnings denied
doc:
    RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps

# Known vulnerabilities in dependencies (asks the advisory database on GitHub)
audit:
    cargo deny check

# Fuzz each target for so many seconds
fuzz seconds="60":
    .ci/fuzz {{seconds}}

# Mixed traffic with reloads, resets and garbage for so many seconds; nothing may grow or be lost
soak seconds="600":
    SOAK_SECONDS={{seconds}} cargo test --release -p sealwire --test soak -- --nocapture
    SOAK_SECONDS={{seconds}} cargo test --release -p seal --test tunnel soak -- --nocapture

# How long it takes to judge 9,000 open connections again
recheck:
    cargo test --release -p sealwire --features watch --test live nine_thousand -- --ignored --nocapture

# testssl.sh, sslyze, tlslite-ng and gnutls-cli against `seal serve` and `seal tunnel` (ten minutes)
scan *args:
    cargo build -p seal
    .ci/scan {{args}}

# ACME clients that others wrote against `seal ca serve`; gets certbot, Caddy, Traefik and acme-client
acme-peers *args="--install":
    cargo build -p seal
    .ci/acme-peers {{args}}

# tlsfuzzer's conversations (in a folder given by TLSFUZZER) with `seal serve`, `seal tunnel`, the npm
# package's server and `openssl s_server`, written to docs/conformance.md. Ten minutes
conformance *args:
    cargo build -p seal -p sealwire-node
    conformance/run {{args}}

# Public test vectors, beside OpenSSL: `just vectors verdicts --bettertls FOLDER --openssl FOLDER ..`,
# `just vectors files`, `just vectors random`. Gets the PyPI package cryptography_vectors
vectors *args:
    vectors/run {{args}}

# The fence under AddressSanitizer, AWS-LC's C code too (else under valgrind)
asan:
    .ci/asan

# Everything beside its peers (after bench/setup), written to docs/benchmarks.md with plots. About
# twenty minutes on two cores, on which nothing else should run; --quick only looks if all works
bench *args:
    cargo build --release -p seal -p sealwire-node
    cargo run --release -p bench --features peers -- all {{args}}
