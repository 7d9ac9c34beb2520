#!/usr/bin/env bash
# Expected: DescribeAcls fails with the error of the broker: CLUSTER_AUTHORIZATION_FAILED for whoever may not look, SECURITY_DISABLED if the
#           brokers have no authorizer. Java's client throws both.
# Happens:  the request succeeds with an empty list. A tool that compares access lists with what they should be then finds that everything
#           is missing, or, worse, that nothing is too much.
# Matters:  an empty list is no answer. We ask for the removal of a rule that cannot exist as well: DeleteAcls does return these errors.
# Seen:     librdkafka 2.15.1 against Apache Kafka 4.4.0; here through confluent-kafka 2.15.1 for Python and a broker that only says the error,
#           2026-11-29.
# Source:   librdkafka/src/rdkafka_admin.c, `rd_kafka_DescribeAclsResponse_parse`: `error_code` only changes the local variable `errstr`.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m pip install --quiet --disable-pip-version-check --root-user-action ignore --target packages confluent-kafka==2.15.1
cat >seen.py <<'PY'
import socketserver
import struct
import threading

from confluent_kafka.admin import (
    AclBindingFilter, AclOperation, AclPermissionType, AdminClient, ResourcePatternType, ResourceType,
)

METADATA, API_VERSIONS, DESCRIBE_ACLS = 3, 18, 29
UNSUPPORTED_VERSION = 35
error = 0


def string(text):
    return struct.pack(">h", len(text)) + text.encode()


def answer(api, version, port):
    if api == API_VERSIONS:
        known = [(METADATA, 1), (API_VERSIONS, 0), (DESCRIBE_ACLS, 1)]
        list_of = b"".join(struct.pack(">hhh", key, 0, newest) for key, newest in known)
        return struct.pack(">hi", UNSUPPORTED_VERSION if version > 0 else 0, len(known)) + list_of
    if api == METADATA:
        broker = struct.pack(">ii", 1, 1) + string("127.0.0.1") + struct.pack(">ih", port, -1)
        return broker + struct.pack(">ii", 1, 0)
    return struct.pack(">ih", 0, error) + string("said by the broker") + struct.pack(">i", 0)


class Broker(socketserver.StreamRequestHandler):
    def handle(self):
        while header := self.rfile.read(4):
            request = self.rfile.read(struct.unpack(">i", header)[0])
            api, version, correlation = struct.unpack(">hhi", request[:8])
            body = struct.pack(">i", correlation) + answer(api, version, self.server.server_address[1])
            self.wfile.write(struct.pack(">i", len(body)) + body)


server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Broker)
server.daemon_threads = True
threading.Thread(target=server.serve_forever, daemon=True).start()
admin = AdminClient({"bootstrap.servers": f"127.0.0.1:{server.server_address[1]}", "log_level": 0})
everything = AclBindingFilter(
    ResourceType.ANY, None, ResourcePatternType.ANY, None, None, AclOperation.ANY, AclPermissionType.ANY,
)
for name, error in {"CLUSTER_AUTHORIZATION_FAILED": 31, "SECURITY_DISABLED": 54}.items():
    try:
        print(f"{name}: {admin.describe_acls(everything, request_timeout=10).result()}")
    except Exception as failed:
        print(f"{name}: fails with {failed.args[0].name()}")
PY
export PYTHONPATH=$folder/packages
versions=$(python3 -c 'import confluent_kafka as k; print("confluent-kafka", k.version()[0] if isinstance(k.version(), tuple) else k.version(), "librdkafka", k.libversion()[0])')
seen=$(python3 seen.py)
printf '%s\n%s\n' "$versions" "$seen"
[ "$seen" = "CLUSTER_AUTHORIZATION_FAILED: []
SECURITY_DISABLED: []" ] || { echo "CHANGED: the error of the broker arrives"; exit 1; }
