#!/usr/bin/env bash
# Expected: localstripe, which keeps state so that one can test against it, answers a repeated request with the same Idempotency-Key with the
#           first answer, and refuses to refund more than was charged, as Stripe does.
# Happens:  the header is ignored: two requests with one key are two charges. A charge can be refunded in full any number of times.
# Matters:  a test of retries against it sees double charges where there are none at Stripe, and a double refund that Stripe would refuse
#           passes. State of that kind needs another fake.
# Seen:     localstripe 1.15.10, Python 3.11, 2026-11-30.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill "${server:-}" 2>/dev/null || true; rm -rf "$folder"' EXIT
python3 -m venv "$folder/v"
"$folder/v/bin/pip" install --quiet localstripe==1.15.10
# Its own command listens on every address.
"$folder/v/bin/python" -c "from aiohttp import web; from localstripe.server import app; web.run_app(app, host='127.0.0.1', port=22118, print=None)" &
server=$!
stripe() { curl -s -u sk_test_1: -H "Idempotency-Key: $1" "http://127.0.0.1:22118/v1/$2" "${@:3}"; }
id() { python3 -c 'import json, sys; print(json.load(sys.stdin)["id"])'; }
for _ in $(seq 100); do curl -s http://127.0.0.1:22118/ >/dev/null && break || sleep 0.1; done
card=$(stripe card payment_methods -d type=card -d 'card[number]=4242424242424242' -d 'card[exp_month]=12' -d 'card[exp_year]=2034' -d 'card[cvc]=123' | id)
charge() { stripe one-key payment_intents -d amount=600 -d currency=eur -d "payment_method=$card" -d confirm=true | id; }
first=$(charge) second=$(charge)
refund() { stripe one-key refunds -d "payment_intent=$first" | id; }
refunds="$(refund) $(refund)"
printf 'localstripe 1.15.10\nthe same charge with the same key: %s, then %s\nthe same full refund of the first with the same key: %s\n' "$first" "$second" "$refunds"
[ "$first" != "$second" ] && [ "${refunds% *}" != "${refunds#* }" ] || { echo "CHANGED: a key has an effect"; exit 1; }
