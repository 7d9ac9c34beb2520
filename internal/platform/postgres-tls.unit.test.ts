// Settings of TLS in the URL of a database.
import { expect, test } from "bun:test";
import { tlsOf } from "./postgres-tls.ts";

test.each([
  ["postgres://u:p@h:1/d", { url: "postgres://u:p@h:1/d", ssl: false }],
  ["postgres://u:p@h/d?sslmode=disable", { url: "postgres://u:p@h/d", ssl: false }],
  [
    "postgres://u:p@h/d?sslmode=require&application_name=x",
    { url: "postgres://u:p@h/d?application_name=x", ssl: "require" },
  ],
  ["postgres://u:p@h/d?ssl=true", { url: "postgres://u:p@h/d", ssl: "require" }],
  ["postgres://u@h/d?target_session_attrs=read-write&x=y", { url: "postgres://u@h/d?x=y", ssl: false }],
  ["postgres://u:p@a:1,b:2/d?ssl=prefer", { url: "postgres://u:p@a:1,b:2/d", ssl: "prefer" }],
] as const)("%s", (url, expected) => {
  expect(tlsOf(url)).toEqual(expected);
});

test("verify-full checks everything, against public authorities unless a file names others", () => {
  expect(tlsOf("postgres://h/d?sslmode=verify-full&sslrootcert=system")).toEqual({
    url: "postgres://h/d",
    ssl: { minVersion: "TLSv1.3" },
  });
});

test("only a primary is used, whatever a URL asks for", () => {
  expect(() => tlsOf("postgres://a,b/d?target_session_attrs=prefer-standby")).toThrow("leave it out");
});
