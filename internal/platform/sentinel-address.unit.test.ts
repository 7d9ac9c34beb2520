// The setting REDIS_SENTINELS, and the addresses made of it.
import { describe, expect, test } from "bun:test";
import { redisAddress } from "./redis-tls.ts";
import { movedTo, redisPlace, sentinelsAddress, sentinelUrls } from "./sentinel-address.ts";

describe("REDIS_SENTINELS", () => {
  test("is one URL with several hosts, whose login and query count for each", () => {
    expect(
      sentinelUrls("rediss://me:p%40ss@s1,10.0.0.2:7000,[::1]:26379/checkout?ssl_ca_certs=/ca.crt"),
    ).toEqual({
      name: "checkout",
      nodes: [
        { place: "s1:26379", url: "rediss://me:p%40ss@s1:26379?ssl_ca_certs=/ca.crt" },
        { place: "10.0.0.2:7000", url: "rediss://me:p%40ss@10.0.0.2:7000?ssl_ca_certs=/ca.crt" },
        { place: "[::1]:26379", url: "rediss://me:p%40ss@[::1]:26379?ssl_ca_certs=/ca.crt" },
      ],
    });
  });

  test.each([
    ["", "nothing"],
    ["redis://s1:26379,s2:26379", "no name"],
    ["redis://s1:26379/", "an empty name"],
    ["redis://s1:26379/0/checkout", "a path"],
    ["redis:///checkout", "no host"],
    ["redis://s1,,s2/checkout", "an empty host"],
    ["redis://s1:x/checkout", "a port that is none"],
    ["redis://s1:99999/checkout", "a port that is too high"],
    ["redis://s1:0/checkout", "the port 0"],
    ["redis://s1,s1:26379/checkout", "the same Sentinel twice"],
    ["redis://s1,S1/checkout", "the same Sentinel in two forms"],
    ["redis://[::1],[0::1]:26379/checkout", "the same address in two forms"],
    ["http://s1/checkout", "another scheme"],
    ["s1:26379,s2:26379", "no scheme"],
    [`redis://${Array.from({ length: 10 }, (_, index) => `s${index}`).join(",")}/checkout`, "ten hosts"],
  ])("%s is not valid: %s", (text) => {
    expect(sentinelUrls(text)).toBeNull();
    expect(() => sentinelsAddress(text)).toThrow("REDIS_SENTINELS is not valid: set it to redis://host:port");
  });

  test("has the rules of REDIS_URL for certificates", () => {
    expect(() => sentinelsAddress("redis://s1/checkout?ssl_ca_certs=/ca.crt")).toThrow(
      "must begin with rediss://",
    );
    expect(() => sentinelsAddress("rediss://s1/checkout?ssl_ca_certs=/no.crt")).toThrow(
      "/no.crt cannot be read",
    );
    expect(sentinelsAddress("rediss://s1/checkout").nodes[0]?.address.tls).toMatchObject({ tls: true });
  });
});

test("a server that the Sentinels name is reached with user, database and encryption of REDIS_URL", () => {
  const server = redisAddress("rediss://me:p%40ss@not-used:1/2");
  expect(movedTo(server, { host: "10.0.0.7", port: 6_380 })).toEqual({
    url: "rediss://me:p%40ss@10.0.0.7:6380/2",
    tls: server.tls,
  });
  expect(movedTo(redisAddress("redis://h"), { host: "fd00::1", port: 6_379 }).url).toBe(
    "redis://[fd00::1]:6379",
  );
});

test.each([
  ["redis://h", "h:6379"],
  ["rediss://me:p%40ss@LOCALHOST/2", "127.0.0.1:6379"],
  ["redis://[0:0::1]:6380", "[::1]:6380"],
])("%s leads to %s", (url, place) => {
  expect(redisPlace(url)).toBe(place);
});
