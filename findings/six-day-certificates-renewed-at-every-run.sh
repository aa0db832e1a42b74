#!/usr/bin/env bash
# A certificate of six days, and the command that renews "when it is due" run again a moment later.
#
# Versions: lego 4.9.1, dehydrated 0.7.0, pebble 2.4.0 (Debian 12), certbot 5.8.0 (PyPI). pebble signs for
# 518,400 seconds (its certificateValidityPeriod), as public authorities do for their short-lived profile.
#
# A good guess: a certificate that is seconds old is not due, whatever its lifetime; the timer that was right for
# 90 days stays right.
#
# Seen, serial number before and after the second run:
#   certbot renew        the same certificate
#   lego renew           another one
#   dehydrated --cron    another one
# and each further run of lego and dehydrated orders one more. With the two daily runs of a usual timer that is
# fourteen orders a week for each name, where public authorities count five identical ones a week.
#
# Why: lego renews when fewer than `--days` (30) are left and dehydrated when fewer than RENEW_DAYS (32) are,
# numbers of the time of 90 days that are always true of six. certbot knows the fraction of the lifetime.
# `lego renew --days 2` and RENEW_DAYS=2 are right for six days.
# Nothing fails, so nothing tells: the certificate is always fresh until the authority refuses the next order.
set -euo pipefail
lib=$(cd "$(dirname "$0")/lib" && pwd)
work=$(mktemp -d)
pebble=
finish() {
  [ -z "$pebble" ] || kill "$pebble"
  rm -rf "$work"
}
trap finish EXIT
cd "$work"
. "$lib/debian.sh"
unpack lego=4.9.1-1 dehydrated=0.7.0-3 pebble=2.4.0+ds1-2+b4
PATH=$work/debian/usr/bin:$PATH
python3 -m venv py
py/bin/pip install -q --disable-pip-version-check certbot==5.8.0

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -out root.pem -days 2 \
  -subj /CN=localhost -addext subjectAltName=DNS:localhost 2>/dev/null
free() { python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
acme=$(free) http=$(free)
cat >pebble.json <<JSON
{"pebble": {"listenAddress": "127.0.0.1:$acme", "managementListenAddress": "127.0.0.1:$(free)",
  "certificate": "root.pem", "privateKey": "key.pem", "httpPort": $http, "tlsPort": $(free),
  "certificateValidityPeriod": 518400}}
JSON
# Proofs are taken as given: the question is when a client asks, not how it proves.
PEBBLE_VA_ALWAYS_VALID=1 PEBBLE_VA_NOSLEEP=1 PEBBLE_WFE_NONCEREJECT=0 pebble -config pebble.json >pebble.log 2>&1 &
pebble=$!
directory=https://localhost:$acme/dir
until curl -s --cacert root.pem "$directory" >/dev/null; do
  kill -0 "$pebble" || { cat pebble.log; exit 1; }
  sleep 0.2
done

quietly() { "$@" >said 2>&1 || { cat said; exit 1; }; }
export LEGO_CA_CERTIFICATES=root.pem REQUESTS_CA_BUNDLE=$work/root.pem

lego_at=lego/certificates/six.example.crt
lego() { quietly command lego --server "$directory" --email a@example.org --accept-tos --http --http.port ":$http" \
  --domains six.example --path lego "$@"; }
lego_first() { lego run; }
lego_again() { lego renew --no-random-sleep; }

mkdir -p dehydrated/www
cat >dehydrated/config <<CONF
CA=$directory
BASEDIR=$work/dehydrated
WELLKNOWN=$work/dehydrated/www
CURL_OPTS="--cacert $work/root.pem"
CONF
echo six.example >dehydrated/domains.txt
dehydrated_at=dehydrated/certs/six.example/cert.pem
dehydrated_again() { quietly dehydrated -f dehydrated/config --cron; }
dehydrated_first() {
  quietly dehydrated -f dehydrated/config --register --accept-terms
  dehydrated_again
}

certbot_at=certbot/live/six.example/cert.pem
certbot() { quietly py/bin/certbot "$@" -n --server "$directory" --config-dir certbot --work-dir certbot --logs-dir certbot; }
certbot_first() { certbot certonly --standalone --http-01-port "$http" -d six.example --agree-tos -m a@example.org; }
certbot_again() { certbot renew --no-random-sleep-on-renew; }

serial() { openssl x509 -in "$1" -noout -serial; }
seen=
for client in certbot lego dehydrated; do
  at=${client}_at
  "${client}_first"
  before=$(serial "${!at}")
  "${client}_again"
  [ "$before" = "$(serial "${!at}")" ] && what='the same certificate' || what='another one'
  echo "$client: $what"
  seen+="$client: $what; "
done
[ "$seen" = 'certbot: the same certificate; lego: another one; dehydrated: another one; ' ] ||
  { echo 'this has changed'; exit 1; }
