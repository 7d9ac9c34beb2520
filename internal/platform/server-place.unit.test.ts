// One server in several forms is one server.
import { expect, test } from "bun:test";
import { sameHost, samePlaceText, textOf } from "./server-place.ts";

test.each([
  ["localhost", "127.0.0.1"],
  ["LocalHost.", "127.0.0.1"],
  ["127.0.0.1", "127.0.0.1"],
  ["127.1", "127.0.0.1"],
  ["::ffff:127.0.0.1", "127.0.0.1"],
  ["::FFFF:10.0.0.7", "10.0.0.7"],
  ["DB1.Example", "db1.example"],
  ["db1.example.", "db1.example"],
  ["redis_1", "redis_1"],
  ["[::1]", "::1"],
  ["0:0:0:0:0:0:0:1", "::1"],
  ["FD00::0:1", "fd00::1"],
  ["fe80::1%eth0", "fe80::1%eth0"],
  ["10.0.0.1", "10.0.0.1"],
  ["", ""],
])("%s is %s", (host, same) => {
  expect(sameHost(host)).toBe(same);
});

test("others stay others", () => {
  const hosts = ["db1", "db2", "10.0.0.1", "10.0.0.10", "::1", "127.0.0.1", "fd00::1", "fd00::2"];
  expect(new Set(hosts.map(sameHost)).size).toBe(hosts.length);
});

test("places as text", () => {
  expect(textOf({ host: "Redis-1", port: 1 })).toBe("Redis-1:1");
  expect(textOf({ host: "::1", port: 1 })).toBe("[::1]:1");
  expect(samePlaceText({ host: "0::1", port: 1 })).toBe("[::1]:1");
  expect(samePlaceText({ host: "LOCALHOST", port: 6_379 })).toBe("127.0.0.1:6379");
});
