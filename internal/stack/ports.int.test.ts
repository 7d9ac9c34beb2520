// Ports and locks: no two stacks get the same ones, and those of a killed process are free again.
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { tiedToUs } from "./child.ts";
import { tryLock } from "./lock.ts";
import { leasePorts } from "./ports.ts";
import { waitUntil } from "./wait.ts";

test("two leases never share a port, and a released block is reused", () => {
  const seed = crypto.randomUUID();
  const [one, other] = [leasePorts(seed), leasePorts(seed)];
  const ports = (block: typeof one) => Array.from({ length: 10 }, () => block.next());
  const [ofOne, ofOther] = [ports(one), ports(other)];
  expect(new Set([...ofOne, ...ofOther]).size).toBe(20);
  one.release();
  const again = leasePorts(seed);
  expect(ports(again)).toEqual(ofOne);
  other.release();
  again.release();
});

test("a block with a used port is skipped", () => {
  const seed = crypto.randomUUID();
  const free = leasePorts(seed);
  const first = free.next();
  free.release();
  const squatter = Bun.listen({ hostname: "127.0.0.1", port: first + 17, socket: { data() {} } });
  try {
    const block = leasePorts(seed);
    expect(block.next()).not.toBe(first);
    block.release();
  } finally {
    squatter.stop(true);
  }
});

test("a lease grows by another block when needed, and releases all blocks", () => {
  const seed = crypto.randomUUID();
  const ports = (of: ReturnType<typeof leasePorts>) => Array.from({ length: 150 }, () => of.next());
  const many = leasePorts(seed);
  const first = ports(many);
  expect(new Set(first).size).toBe(150);
  many.release();
  const again = leasePorts(seed);
  expect(ports(again)).toEqual(first);
  again.release();
});

test("a lock is exclusive, and free when its holder is killed", async () => {
  const directory = mkdtempSync(join(tmpdir(), "checkout-lock-test-"));
  const file = join(directory, "lock");
  const program = `const { tryLock } = await import(${JSON.stringify(join(import.meta.dir, "lock.ts"))});
    globalThis.held = tryLock(${JSON.stringify(file)});
    console.log(globalThis.held === null ? "refused" : "held");
    setInterval(() => {}, 1000);`;
  const holder = Bun.spawn(tiedToUs([process.execPath, "-e", program]), {
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    const { value } = await holder.stdout.getReader().read();
    expect(new TextDecoder().decode(value).trim()).toBe("held");
    expect(tryLock(file)).toBeNull();
    holder.kill("SIGKILL");
    await holder.exited;
    await waitUntil(
      "the lock is free",
      () => {
        const lock = tryLock(file);
        lock?.release();
        return lock !== null;
      },
      { timeoutMs: 30_000 },
    );
  } finally {
    holder.kill("SIGKILL");
    rmSync(directory, { recursive: true });
  }
});
