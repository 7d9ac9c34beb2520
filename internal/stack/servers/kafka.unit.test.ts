// The command line of a broker. A cluster id is an argument of Kafka's format tool.
import { expect, test } from "bun:test";
import { classArchive, kafkaServers } from "./kafka.ts";
import { idOf } from "./kafka-format.ts";

test("a cluster id never begins with a dash", () => {
  for (let first = 0; first < 256; first++) {
    const id = idOf(new Uint8Array(16).fill(255).with(0, first));
    expect(id).toMatch(/^[A-Za-z][A-Za-z0-9_-]{21}$/);
  }
});

test("brokers load their classes from the archive, except the broker that creates it", () => {
  const options = {
    brokers: [{ port: 1, controllerPort: 2 }],
    directory: "/nowhere",
    logFile: () => "/nowhere/log",
  };
  const [broker] = kafkaServers(options);
  expect(broker?.command).toContain(`-XX:SharedArchiveFile=${classArchive()}`);
  const [maker] = kafkaServers({ ...options, archiveTo: "/nowhere/new.jsa" });
  expect(maker?.command).toContain("-XX:ArchiveClassesAtExit=/nowhere/new.jsa");
  expect(maker?.command.join(" ")).not.toContain("SharedArchiveFile");
});
