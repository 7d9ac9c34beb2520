// Whom the limits count a request for.
import { expect, test } from "bun:test";
import { credentialOf } from "./limits.ts";

const both = { authorization: "Bearer header", cookie: "__Host-session=session" };

test.each([
  ["/api/v1/checkout", both, "Bearer header"],
  ["/api/v1/checkout", { cookie: both.cookie }, null],
  ["/checkout", both, "Bearer session"],
  ["/checkout", { authorization: both.authorization }, null],
])("%s with %p", (path, headers, credential) => {
  expect(credentialOf(new Request(`http://localhost${path}`, { headers }))).toBe(credential);
});
