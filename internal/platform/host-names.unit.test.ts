// A server accepts its own names and addresses, and no others.
import { expect, test } from "bun:test";
import { hostname } from "node:os";
import { hostNames } from "./host-names.ts";

const checkHost = hostNames("shop.example, gw,API.example.", "0.0.0.0");

test.each([
  "shop.example",
  "SHOP.example",
  "shop.example.",
  "shop.example:8443",
  "gw",
  "api.example",
  "localhost:8080",
  hostname(),
  "127.0.0.1",
  "10.1.2.3:80",
  "[::1]",
  "[2001:db8::1]:8080",
  "",
  null,
])("served: %p", (host) => {
  expect(checkHost(host)).toBe("served");
});

test.each(["elsewhere.example", "shop.example.elsewhere.example", "elsewhere.shop.example", "g", "1.2.3"])(
  "unknown: %p",
  (host) => {
    expect(checkHost(host)).toBe("unknown");
  },
);

test.each(["shop.example:x", "shop.example/", "ada@shop.example", "[shop.example]", "[::1", "a b", " "])(
  "malformed: %p",
  (host) => {
    expect(checkHost(host)).toBe("malformed");
  },
);
