#!/usr/bin/env bash
# Expected: stripe-mock that is told where to listen for HTTP (`-http-addr 127.0.0.1:PORT`) listens there, and nowhere else.
# Happens:  it also listens for HTTPS on port 12112 of every address. `-https-addr` must be given, too, to keep it on the loopback.
# Matters:  a mock on a developer's machine or a CI host answers the network. Two of them on one host fail for the port nobody asked for.
# Seen:     stripe-mock v0.203.0 (Go 1.26.8), 2026-11-30. It takes about a minute to build.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill "${mock:-}" 2>/dev/null || true; chmod -R u+w "$folder"; rm -rf "$folder"' EXIT
GOBIN="$folder" GOFLAGS=-buildvcs=false go install github.com/stripe/stripe-mock@v0.203.0
"$folder/stripe-mock" -http-addr 127.0.0.1:22119 >"$folder/said" 2>&1 &
mock=$!
for _ in $(seq 100); do grep -q 'HTTPS at' "$folder/said" && break || sleep 0.1; done
echo "stripe-mock v0.203.0, told only -http-addr 127.0.0.1:22119:"
grep 'Listening' "$folder/said"
grep -q 'HTTPS at address: \[::\]:12112' "$folder/said" || { echo "CHANGED: it does not listen for HTTPS on every address"; exit 1; }
