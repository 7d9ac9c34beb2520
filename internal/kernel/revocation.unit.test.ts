// An entry of the list of revoked sessions and its text.
import { expect, test } from "bun:test";
import { type Revocation, revocationOf, textOfRevocation } from "./revocation.ts";

const USER = "01890000-0000-7000-8000-00000000000a";

test.each<[string, Revocation]>([
  ["session:a:b\nc", { kind: "session", id: "a:b\nc", expiresAt: 7 }],
  ["token:user:x:1", { kind: "token", id: "user:x:1", expiresAt: 7 }],
  [`user:${USER}:1700000000`, { kind: "user", id: USER, issuedBefore: 1_700_000_000, expiresAt: 7 }],
])("%j", (text, revocation) => {
  expect(textOfRevocation(revocation)).toBe(text);
  expect(revocationOf(text, 7)).toEqual(revocation);
});

test.each(["", "session:", "user:x:1", `user:${USER}:`, `user:${USER}:soon`, "device:1"])(
  "%j is no entry",
  (text) => {
    expect(revocationOf(text, 7)).toBeNull();
  },
);
