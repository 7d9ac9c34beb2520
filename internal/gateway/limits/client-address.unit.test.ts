// Where a request comes from, and which addresses count as one client. A client must not be able to choose.
import { expect, test } from "bun:test";
import { clientAddress, clientKey, networkKey } from "./client-address.ts";

test.each<[string, string, string | null, number, string]>([
  ["without proxies the header is ignored", "10.0.0.1", "1.2.3.4", 0, "10.0.0.1"],
  ["without a header it is the connection's", "10.0.0.1", null, 1, "10.0.0.1"],
  ["one proxy adds the last entry", "10.0.0.1", "6.6.6.6, 1.2.3.4", 1, "1.2.3.4"],
  ["two proxies add two", "10.0.0.1", "6.6.6.6, 1.2.3.4,10.0.0.2", 2, "1.2.3.4"],
  ["fewer entries than proxies", "10.0.0.1", "1.2.3.4", 2, "10.0.0.1"],
  ["an entry that is no address", "10.0.0.1", "unknown", 1, "10.0.0.1"],
  ["an empty header", "10.0.0.1", "", 1, "10.0.0.1"],
  ["an entry with a port", "10.0.0.1", "1.2.3.4:5678", 1, "1.2.3.4"],
  ["an IPv6 entry", "10.0.0.1", "2001:db8::1", 1, "2001:db8::1"],
  ["an IPv6 entry with a port", "10.0.0.1", "[2001:db8::1]:443", 1, "2001:db8::1"],
  ["an IPv4 connection on an IPv6 socket", "::ffff:10.0.0.1", null, 0, "10.0.0.1"],
])("%s", (_, socket, header, proxies, address) => {
  expect(clientAddress(socket, header, proxies)).toBe(address);
});

test.each([
  ["1.2.3.4", "1.2.3.4", "1.2.3"],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2", "2001:db8:1"],
  ["2001:DB8:0001:2::6", "2001:db8:1:2", "2001:db8:1"],
  ["2001:db8::", "2001:db8:0:0", "2001:db8:0"],
  ["::1", "0:0:0:0", "0:0:0"],
  ["fe80::1%eth0", "fe80:0:0:0", "fe80:0:0"],
  ["64:ff9b::1.2.3.4", "64:ff9b:0:0", "64:ff9b:0"],
  ["1:2:3:4:5:6:1.2.3.4", "1:2:3:4", "1:2:3"],
  ["", "", ""],
])("%j counts as %j in %j", (address, client, network) => {
  expect([clientKey(address), networkKey(address)]).toEqual([client, network]);
});
