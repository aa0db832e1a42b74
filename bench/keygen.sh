#!/usr/bin/env bash
# Key generation against openssl genrsa, one process for each key, taking turns, in one run.
# Prints the median and mean of each and their ratio. Usage: bench/keygen.sh [KEYS] [BITS]
set -euo pipefail
cd "$(dirname "$0")/.."
keys=${1:-24}
bits=${2:-2048}
cargo build --release --quiet -p seal
seal=target/release/seal
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

measure() { # name, command...
  local name=$1 start
  shift
  start=$(date +%s%N)
  "$@" >/dev/null 2>&1
  echo $((($(date +%s%N) - start) / 1000)) >>"$out/$name"
}

for ((i = 0; i < keys; i++)); do
  measure openssl openssl genrsa -out "$out/o.pem" "$bits"
  measure seal "$seal" key new --rsa "$bits" --out "$out/s.pem" --force
done

for name in openssl seal; do
  sort -n "$out/$name" | awk -v name="$name" '
    { t[NR] = $1; sum += $1 }
    END {
      median = NR % 2 ? t[(NR + 1) / 2] : (t[NR / 2] + t[NR / 2 + 1]) / 2
      printf "%s %.1f %.1f\n", name, median / 1000, sum / NR / 1000
    }'
done | awk -v keys="$keys" -v bits="$bits" '
  { median[$1] = $2; mean[$1] = $3 }
  END {
    printf "RSA-%s, %s keys each, milliseconds: openssl genrsa median %s mean %s; ", bits, keys, median["openssl"], mean["openssl"]
    printf "seal key new median %s mean %s; ", median["seal"], mean["seal"]
    printf "ratio seal/openssl median %.2f mean %.2f\n", median["seal"] / median["openssl"], mean["seal"] / mean["openssl"]
  }'
