// The parts of a bill of materials that no bundler knows.
import { expect, test } from "bun:test";
import { librdkafkaVersion } from "./sbom.ts";

test("the version of librdkafka is that of its header", () => {
  expect(librdkafkaVersion("/** */\n#define RD_KAFKA_VERSION 0x020f01ff\n")).toBe("2.15.1");
  expect(() => librdkafkaVersion("#define OTHER 0x020f01ff")).toThrow("does not define RD_KAFKA_VERSION");
});
