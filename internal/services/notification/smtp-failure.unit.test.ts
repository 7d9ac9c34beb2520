// How replies of common mail servers are classified. The errors have nodemailer's shape, which notifier.int.test.ts checks.
import { expect, test } from "bun:test";
import { judge } from "./smtp-failure.ts";

function failure(command: string, response?: string, more: Readonly<Record<string, unknown>> = {}): Error {
  const responseCode = response === undefined ? {} : { response, responseCode: Number(response.slice(0, 3)) };
  return Object.assign(new Error(response ?? "no answer"), {
    command,
    code: "EENVELOPE",
    ...responseCode,
    ...more,
  });
}

const RECIPIENT = "RCPT TO";
test.each([
  // The recipient is refused.
  [RECIPIENT, "550 5.1.1 No such user", { kind: "refused", certainly: true }],
  [RECIPIENT, "552 5.2.2 Mailbox full, quota exceeded", { kind: "refused", certainly: true }],
  [RECIPIENT, "550 no such user here", { kind: "refused", certainly: false }],
  ["DATA", "554 5.7.1 Message rejected as spam", { kind: "refused", certainly: false }],
  ["MAIL FROM", "552 5.3.4 Message size exceeds fixed limit", { kind: "refused", certainly: false }],
  // Not now.
  [RECIPIENT, "450 4.2.0 Greylisted, try again in 300 seconds", { kind: "later" }],
  [RECIPIENT, "451 4.7.1 Greylisting in action, please come back later", { kind: "later" }],
  [RECIPIENT, "452 4.2.2 Mailbox over quota, limit exceeded", { kind: "later" }],
  ["DATA", "451 4.3.0 Temporary failure", { kind: "later" }],
  // Too much.
  ["CONN", "421 4.7.0 Too many concurrent connections", { kind: "slower", connections: true }],
  ["DATA", "454 Throttling failure: Maximum sending rate exceeded.", { kind: "slower", connections: false }],
  [RECIPIENT, "450 4.7.1 Too many mails, slow down", { kind: "slower", connections: false }],
  ["MAIL FROM", "451 4.7.1 rate limit reached", { kind: "slower", connections: false }],
  // The server is unusable or refuses us.
  ["CONN", "554 5.7.1 No SMTP service here", { kind: "unusable", verifiable: true }],
  ["EHLO", "421 4.3.2 Service shutting down", { kind: "unusable", verifiable: true }],
  ["AUTH PLAIN", "535 5.7.8 Authentication failed", { kind: "unusable", verifiable: true }],
  ["AUTH LOGIN", "454 4.7.0 Temporary authentication failure", { kind: "unusable", verifiable: true }],
  [
    "MAIL FROM",
    "550 5.7.60 Client does not have permissions to send as this sender",
    { kind: "unusable", verifiable: false },
  ],
  ["MAIL FROM", "452 4.3.1 Insufficient system storage", { kind: "unusable", verifiable: false }],
  [RECIPIENT, "530 5.7.0 Authentication required", { kind: "unusable", verifiable: false }],
  [RECIPIENT, "554 5.7.1 <ada@example.com>: Relay access denied", { kind: "unusable", verifiable: false }],
  ["DATA", "550 5.4.5 Daily user sending limit exceeded", { kind: "unusable", verifiable: false }],
  // The server's fault or this mail's: the next probe shows.
  [RECIPIENT, "421 4.4.2 Connection dropped due to an error", { kind: "lost" }],
] as const)("%s answered by %s", (command, response, fault) => {
  expect(judge(failure(command, response)).fault).toEqual(fault);
});

test.each([
  ["a connection that broke", failure("CONN", undefined, { code: "ECONNECTION" }), "lost"],
  [
    "a refused connection",
    failure("CONN", undefined, { code: "ESOCKET", originalCode: "ECONNREFUSED" }),
    "unusable",
  ],
  ["an unknown host name", failure("CONN", undefined, { code: "EDNS" }), "unusable"],
  ["an address that nodemailer rejects", failure("API", undefined, { code: "EENVELOPE" }), "refused"],
  ["any other error", new Error("?"), "unusable"],
])("%s", (_, error, kind) => {
  expect<string>(judge(error).fault.kind).toBe(kind);
});

test("the reply is one line of at most 300 characters", () => {
  const { reply } = judge(failure(RECIPIENT, `550-first\r\n550 ${"x".repeat(1_000)}`));
  expect(reply).toMatch(/^550-first 550 x+$/);
  expect(reply).toHaveLength(300);
});

test.each([
  [
    "550 5.1.1 <ada@example.com>: Recipient address rejected",
    "550 5.1.1 <[address]>: Recipient address rejected",
  ],
  ['550 <"ada smith"@example.com> unknown', "550 <[address]> unknown"],
  ["550 No such user: ada+shop@mail.example.com.", "550 No such user: [address]"],
  [
    "451 greylisted, see http://example.com/why?rcpt=ada@example.com",
    "451 greylisted, see http://example.com/why?rcpt=[address]",
  ],
  ["450 4.7.1 Greylisted, try again in 300 seconds", "450 4.7.1 Greylisted, try again in 300 seconds"],
])("%p is shown without addresses", (response, shown) => {
  expect(judge(failure(RECIPIENT, response)).reply).toBe(shown);
});
