// A cluster id is an argument of Kafka's format tool.
import { expect, test } from "bun:test";
import { clusterIdOf } from "./kafka.ts";

test("a cluster id never begins with a dash, whatever the dice say", () => {
  for (let first = 0; first < 256; first++) {
    const id = clusterIdOf(new Uint8Array(16).fill(255).with(0, first));
    expect(id).toMatch(/^[A-Za-z][A-Za-z0-9_-]{21}$/);
  }
});
