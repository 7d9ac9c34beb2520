// The reason of a refused connection comes before the error of the call, and is in it.
import { expect, test } from "bun:test";
import { AppError } from "../../kernel/errors.ts";
import { callsOf } from "./connection.ts";
import { Refusals } from "./refusal.ts";

const away = new AppError(
  "KAFKA_UNAVAILABLE",
  "cannot reach Kafka at kafka:9093: Local: Broker transport failure",
);

test("a handshake that failed says which files to look at", () => {
  const refusals = new Refusals();
  refusals.note("kafka:9093: Connect refused");
  expect(refusals.explain(away)).toBe(away);
  refusals.note("SSL handshake failed: alert certificate required");
  expect(refusals.explain(away)).toMatchObject({
    code: "KAFKA_DENIED",
    message: expect.stringMatching(
      /^cannot reach.*alert certificate required: correct KAFKA_CA_FILE .* KAFKA_KEY_FILE/,
    ),
  });
});

test.each([
  [
    "[thrd:ssl://10.0.0.1:9093/bootstrap]: ssl://10.0.0.1:9093/bootstrap: Receive failed: error:0A000412:SSL routines::sslv3 alert bad certificate: SSL alert number 42 (after 5ms in state APIVERSION_QUERY)",
    "KAFKA_DENIED",
    ": Receive failed: error:0A000412:SSL routines::sslv3 alert bad certificate: SSL alert number 42: correct KAFKA_CA_FILE",
  ],
  [
    "[thrd:10.0.0.1:9093/bootstrap]: 10.0.0.1:9093/bootstrap: Disconnected: connection closed by peer: receive 0 after POLLIN (after 1ms in state APIVERSION_QUERY)",
    "KAFKA_UNAVAILABLE",
    ": Disconnected: connection closed by peer: receive 0 after POLLIN: does KAFKA_SECURITY_PROTOCOL fit",
  ],
  [
    "sasl_ssl://10.0.0.1:9094/1: SASL authentication error: Authentication failed during authentication due to invalid credentials with SASL mechanism SCRAM-SHA-512 (after 302ms in state AUTH_REQ)",
    "KAFKA_DENIED",
    "with SASL mechanism SCRAM-SHA-512: correct KAFKA_USERNAME",
  ],
])("what librdkafka 2.15.1 says is told without its threads and times: %s", (text, code, expected) => {
  const refusals = new Refusals();
  refusals.note(text);
  const error = refusals.explain(away);
  expect(error).toMatchObject({ code });
  expect(error instanceof AppError && error.message).toContain(expected);
});

test("a wrong password and a wrong protocol are told apart", () => {
  const [password, protocol] = [new Refusals(), new Refusals()];
  password.note("SASL authentication error: invalid credentials");
  expect(password.explain(away)).toMatchObject({
    code: "KAFKA_DENIED",
    message: expect.stringContaining("KAFKA_PASSWORD_FILE"),
  });
  protocol.note("Disconnected: might be caused by incorrect security.protocol configuration");
  expect(protocol.explain(away)).toMatchObject({
    code: "KAFKA_UNAVAILABLE",
    message: expect.stringContaining("does KAFKA_SECURITY_PROTOCOL fit"),
  });
});

test("an error that is about something else stays as it is", () => {
  const refusals = new Refusals();
  refusals.note("SSL handshake failed");
  const missing = new AppError("KAFKA_TOPIC_MISSING", "no topic t");
  expect(refusals.explain(missing)).toBe(missing);
  const text = "no error at all";
  expect(refusals.explain(text)).toBe(text);
});

test.each([
  ["TOPIC_AUTHORIZATION_FAILED", "inventory"],
  [30, null],
] as const)("what the access lists refuse (%s) names the account and the command", async (code, account) => {
  const failure = { code, message: "authorization failed" };
  const { failed, ask } = callsOf(account);
  const error = failed("cannot read t", failure);
  expect(error).toMatchObject({
    code: "KAFKA_DENIED",
    canRetry: true,
    message: `cannot read t: authorization failed: Kafka does not let ${account ?? "a client without a name"} do this: \`checkoutctl acl check\` shows what its access lists lack, \`checkoutctl acl apply\` adds it`,
  });
  await expect(ask("cannot read t", (done) => done(failure, undefined))).rejects.toThrow(error.message);
});
