// A role's life cycle as its supervisor sees it: a real process with exit codes, log and ops port.
import { describe, expect, test } from "bun:test";
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { version } from "../../package.json";
import { CertificateAuthority } from "../stack/secure/certificate-authority.ts";
import { NotifySocket } from "../testkit/notify-socket.ts";

const ROLE = join(import.meta.dir, "../testkit/example-role.ts");
const GOOD = { TOKEN: "long enough", BEHAVIOUR: "none" };

interface LogLine {
  readonly msg: string;
  readonly level: string;
  readonly ops_port?: number;
  readonly [field: string]: unknown;
}

class RunningRole implements AsyncDisposable {
  readonly lines: LogLine[] = [];
  readonly #process: Bun.Subprocess<"ignore", "pipe", "pipe">;
  readonly #output: Promise<string>;
  readonly #waiting = new Set<() => void>();
  text = "";

  constructor(env: Record<string, string>, args: readonly string[] = []) {
    this.#process = Bun.spawn([process.execPath, ROLE, ...args], {
      env,
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    this.#output = this.#read();
  }

  /** Waits until a line with this message is logged. */
  async logged(message: string): Promise<LogLine> {
    for (;;) {
      const line = this.lines.find((candidate) => candidate.msg.includes(message));
      if (line !== undefined) return line;
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }

  kill(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  async end(): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> {
    const [code, stdout, stderr] = await Promise.all([
      this.#process.exited,
      this.#output,
      new Response(this.#process.stderr).text(),
    ]);
    return { code, stdout, stderr };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#process.exited;
  }

  async #read(): Promise<string> {
    const decoder = new TextDecoder();
    let rest = "";
    for await (const bytes of this.#process.stdout) {
      const text = decoder.decode(bytes, { stream: true });
      this.text += text;
      const pieces = (rest + text).split("\n");
      rest = pieces.pop() ?? "";
      for (const piece of pieces.filter((line) => line.startsWith("{"))) {
        const line: LogLine = JSON.parse(piece);
        this.lines.push(line);
      }
      for (const wake of this.#waiting) wake();
      this.#waiting.clear();
    }
    return this.text;
  }
}

describe("flags", () => {
  test("--version and --help work without any configuration", async () => {
    await using versioned = new RunningRole({}, ["--version"]);
    expect(await versioned.end()).toEqual({
      code: 0,
      stdout: `checkout-example ${version} (Bun ${Bun.version})\n`,
      stderr: "",
    });
    await using helped = new RunningRole({}, ["--help"]);
    const { code, stdout } = await helped.end();
    expect(code).toBe(0);
    expect(stdout).toContain("Misbehaves on request.");
    expect(stdout).toContain("OPS_PORT");
    expect(stdout).toContain("secret, also as TOKEN_FILE; required");
  });

  test("an unknown argument exits 2", async () => {
    await using role = new RunningRole(GOOD, ["--frobnicate"]);
    expect((await role.end()).code).toBe(2);
  });
});

test("a secret from a file is used; one that everybody can read is a warning in the log", async () => {
  const folder = mkdtempSync(join(tmpdir(), "lifecycle-"));
  try {
    const file = join(folder, "token");
    writeFileSync(file, "long enough\n", { mode: 0o644 });
    await using role = new RunningRole({ BEHAVIOUR: "none", TOKEN_FILE: file });
    const { msg, level } = await role.logged("is readable by every user");
    expect(msg).toStartWith(`TOKEN_FILE=${file} `);
    expect(level).toBe("warn");
    await role.logged("checkout-example is ready");
    role.kill("SIGTERM");
    expect((await role.end()).code).toBe(0);
    expect(role.text).not.toContain("long enough");
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("a bad configuration exits 78 and reports all faults without values", async () => {
  await using role = new RunningRole({ OPS_PORT: "many", TOKEN: "short!" });
  const { code, stderr } = await role.end();
  expect(code).toBe(78);
  for (const name of ["OPS_PORT", "BEHAVIOUR", "TOKEN"]) expect(stderr).toContain(name);
  expect(stderr).toContain("3 faults");
  expect(stderr).not.toContain("short!");
});

describe("a running role", () => {
  test("answers on its ops port, closes in reverse order on SIGTERM, and exits 0", async () => {
    await using role = new RunningRole(GOOD);
    const { ops_port: port } = await role.logged("checkout-example is ready");
    expect((await fetch(`http://127.0.0.1:${port}/readyz`)).status).toBe(200);
    role.kill("SIGTERM");
    expect((await role.end()).code).toBe(0);
    const messages = role.lines.map((line) => line.msg);
    expect(messages.slice(-4)).toEqual(["told to stop", "second closed", "first closed", "stopped"]);
  });

  test("works on for SHUTDOWN_DELAY_MS, not ready, so that a balancer leaves it out; a second signal ends it", async () => {
    await using role = new RunningRole({ ...GOOD, SHUTDOWN_DELAY_MS: "600000" });
    const { ops_port: port } = await role.logged("checkout-example is ready");
    role.kill("SIGTERM");
    await role.logged("the role is stopping");
    const ready = await fetch(`http://127.0.0.1:${port}/readyz`);
    expect([ready.status, await ready.text()]).toEqual([
      503,
      expect.stringContaining("the process is stopping"),
    ]);
    expect(role.lines.map((line) => line.msg)).not.toContain("told to stop");
    role.kill("SIGTERM");
    expect((await role.end()).code).toBe(1);
  });

  test("stops when SHUTDOWN_DELAY_MS is over", async () => {
    await using role = new RunningRole({ ...GOOD, SHUTDOWN_DELAY_MS: "200" });
    await role.logged("checkout-example is ready");
    role.kill("SIGTERM");
    expect((await role.end()).code).toBe(0);
    const messages = role.lines.map((line) => line.msg);
    expect(messages.slice(-4)).toEqual(["told to stop", "second closed", "first closed", "stopped"]);
  });

  test("sends its traces with the whole value of every header, also one with = in it", async () => {
    const seen: (readonly (string | null)[])[] = [];
    await using collector = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch({ headers }) {
        seen.push([headers.get("authorization"), headers.get("x-tenant")]);
        return Response.json({ partialSuccess: {} });
      },
    });
    const OTLP_URL = `http://127.0.0.1:${collector.port}`;
    const OTLP_HEADERS = "authorization=Basic dHJhY2VzOnNlY3JldA==, x-tenant=shop";
    await using role = new RunningRole({ ...GOOD, OTLP_URL, OTLP_HEADERS });
    await role.logged("checkout-example is ready");
    role.kill("SIGTERM");
    expect((await role.end()).code).toBe(0);
    expect(seen).toEqual([["Basic dHJhY2VzOnNlY3JldA==", "shop"]]);
  });

  test("that waits for a server is alive but not ready, says why, and stops on SIGTERM", async () => {
    await using role = new RunningRole({ ...GOOD, BEHAVIOUR: "waits" });
    const { ops_port: port } = await role.logged("checkout-example is starting");
    await role.logged("a server does not answer yet");
    expect((await fetch(`http://127.0.0.1:${port}/healthz`)).status).toBe(200);
    const ready = await fetch(`http://127.0.0.1:${port}/readyz`);
    expect(ready.status).toBe(503);
    expect(await ready.text()).toContain("waiting for a server: nobody there");
    role.kill("SIGTERM");
    expect((await role.end()).code).toBe(0);
  });

  test("waits while its certificate and key do not belong together, and is ready once they do", async () => {
    const folder = mkdtempSync(join(tmpdir(), "lifecycle-"));
    try {
      const authority = await CertificateAuthority.open(folder);
      const [own, old] = [await authority.issue({ name: "order" }), await authority.issue({ name: "old" })];
      // The certificate of a renewal is there, its key not yet.
      const keyFile = join(folder, "current.key");
      copyFileSync(old.keyFile, keyFile);
      const files = { KAFKA_CA_FILE: own.caFile, KAFKA_CERT_FILE: own.certFile, KAFKA_KEY_FILE: keyFile };
      const secure = { ...GOOD, ...files, KAFKA_SECURITY_PROTOCOL: "SSL" };
      await using role = new RunningRole(secure);
      const { ops_port: port } = await role.logged("checkout-example is starting");
      const told = await role.logged("the certificate (KAFKA_CERT_FILE) cannot be used, retrying");
      expect([told.level, told.msg]).toEqual([
        "error",
        expect.stringContaining(`${keyFile} is not the key of ${own.certFile}`),
      ]);
      const ready = await fetch(`http://127.0.0.1:${port}/readyz`);
      expect([ready.status, await ready.text()]).toEqual([503, expect.stringContaining("is not the key of")]);
      copyFileSync(own.keyFile, keyFile);
      await role.logged("the certificate (KAFKA_CERT_FILE) can be used");
      await role.logged("checkout-example is ready");
      role.kill("SIGTERM");
      expect((await role.end()).code).toBe(0);

      await using broken = new RunningRole({ ...secure, KAFKA_KEY_FILE: join(folder, "none.key") });
      expect((await broken.end()).code).toBe(78);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test("reports its first connect, and stops without waiting for its answer", async () => {
    await using role = new RunningRole({ ...GOOD, BEHAVIOUR: "waits in silence" });
    const { ops_port: port } = await role.logged("checkout-example is starting");
    const ready = await fetch(`http://127.0.0.1:${port}/readyz`);
    expect(await ready.text()).toContain("waiting for a server");
    role.kill("SIGTERM");
    expect((await role.end()).code).toBe(0);
    expect(role.lines.map((line) => line.msg).slice(-3)).toEqual([
      "second closed",
      "first closed",
      "stopped",
    ]);
  });

  test("that does not stop in time exits 1 and names the resource", async () => {
    await using role = new RunningRole({ ...GOOD, BEHAVIOUR: "slow to stop", SHUTDOWN_DEADLINE_MS: "200" });
    await role.logged("checkout-example is ready");
    role.kill("SIGTERM");
    expect((await role.end()).code).toBe(1);
    expect(role.lines.at(-1)?.msg).toBe("second did not stop in time: exiting anyway");
  });

  test("that fails to close one resource still closes the others, and exits 1", async () => {
    await using role = new RunningRole({ ...GOOD, BEHAVIOUR: "fails to stop" });
    await role.logged("checkout-example is ready");
    role.kill("SIGINT");
    expect((await role.end()).code).toBe(1);
    expect(role.lines.map((line) => line.msg)).toContain("first closed");
    expect(role.lines.map((line) => line.msg)).toContain("second did not close cleanly");
  });

  test("stops at once on a second signal", async () => {
    await using role = new RunningRole({ ...GOOD, BEHAVIOUR: "slow to stop" });
    await role.logged("checkout-example is ready");
    role.kill("SIGTERM");
    await role.logged("told to stop");
    role.kill("SIGTERM");
    expect((await role.end()).code).toBe(1);
  });

  test.each(["crashes", "rejects"])("that %s logs it once and exits 1", async (behaviour) => {
    await using role = new RunningRole({ ...GOOD, BEHAVIOUR: behaviour });
    expect((await role.end()).code).toBe(1);
    expect(role.lines.filter((line) => line.level === "fatal").map((line) => line.msg)).toEqual([
      "unhandled: boom",
    ]);
  });

  test("that cannot start logs one line and exits 1", async () => {
    await using role = new RunningRole({ ...GOOD, BEHAVIOUR: "cannot start" });
    expect((await role.end()).code).toBe(1);
    expect(role.lines.at(-1)?.msg).toBe(
      "checkout-example cannot start: the schema is behind: run checkoutctl migrate",
    );
  });
});

describe("under systemd", () => {
  test.each([
    ["in the file system", (folder: string) => join(folder, "notify")],
    ["in the abstract namespace", () => `@checkout-lifecycle-test-${process.pid}`],
  ])("a role tells the socket %s when it is ready, alive and stopping", async (_, place) => {
    const folder = mkdtempSync(join(tmpdir(), "lifecycle-"));
    try {
      using socket = new NotifySocket(place(folder));
      const systemd = { NOTIFY_SOCKET: place(folder), WATCHDOG_USEC: "200000" };
      await using role = new RunningRole({ ...GOOD, ...systemd });
      await socket.told("READY=1");
      socket.messages.length = 0;
      await socket.told("WATCHDOG=1");
      role.kill("SIGTERM");
      await socket.told("STOPPING=1");
      expect((await role.end()).code).toBe(0);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test("a role that waits is not ready; its status says for what, and its start is extended", async () => {
    const folder = mkdtempSync(join(tmpdir(), "lifecycle-"));
    try {
      using socket = new NotifySocket(join(folder, "notify"));
      const systemd = { NOTIFY_SOCKET: join(folder, "notify"), WATCHDOG_USEC: "200000" };
      await using role = new RunningRole({ ...GOOD, ...systemd, BEHAVIOUR: "waits" });
      await socket.told("STATUS=waiting for a server");
      socket.messages.length = 0;
      await socket.told("WATCHDOG=1\nEXTEND_TIMEOUT_USEC=300000");
      expect(socket.messages.join("\n")).not.toContain("READY=1");
      role.kill("SIGTERM");
      expect((await role.end()).code).toBe(0);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test("a role whose event loop hangs feeds the watchdog no more", async () => {
    const folder = mkdtempSync(join(tmpdir(), "lifecycle-"));
    try {
      using socket = new NotifySocket(join(folder, "notify"));
      const systemd = { NOTIFY_SOCKET: join(folder, "notify"), WATCHDOG_USEC: "100000" };
      await using role = new RunningRole({ ...GOOD, ...systemd, BEHAVIOUR: "hangs" });
      await role.logged("hanging");
      socket.read();
      expect(socket.messages).toContain("WATCHDOG=1");
      socket.messages.length = 0;
      // Six beats would come in this time.
      await Bun.sleep(300);
      socket.read();
      expect(socket.messages).toEqual([]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
