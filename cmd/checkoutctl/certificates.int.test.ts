// Certificates behind real TLS servers: one that begins with TLS, and one that is asked for it as Postgres is.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer as createTlsServer, TLSSocket } from "node:tls";
import { errorOf } from "../../internal/testkit/kafka.ts";
import { certificateEnd, tlsAddresses } from "./certificates.ts";
import { certificateChecks } from "./doctor-servers.ts";
import type { SettingName } from "./settings.ts";

const DAYS = 5;
let directory: string;
let pair: { readonly key: Buffer; readonly cert: Buffer };
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "certificates-"));
  const [key, cert] = [join(directory, "key.pem"), join(directory, "cert.pem")];
  const request = `req -x509 -newkey rsa:2048 -nodes -days ${DAYS} -subj /CN=localhost -keyout ${key} -out ${cert}`;
  const made = Bun.spawnSync(["openssl", ...request.split(" ")], { stdio: ["ignore", "ignore", "pipe"] });
  expect(made.exitCode, String(made.stderr)).toBe(0);
  pair = { key: readFileSync(key), cert: readFileSync(cert) };
});
afterAll(() => rmSync(directory, { recursive: true }));

/** The end of the certificate at this server, or the error. */
async function endAt(server: Server, isPostgres: boolean): Promise<unknown> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  try {
    return await certificateEnd({ name: "X", host: "127.0.0.1", port, isPostgres }).catch(
      (error: unknown) => error,
    );
  } finally {
    server.close();
  }
}

/** Answers the SSLRequest of a client with this letter. */
const postgres = (letter: "S" | "N") =>
  createServer((socket) => {
    socket.on("error", () => undefined);
    socket.once("data", (request) => {
      expect(request.toString("hex")).toBe("0000000804d2162f");
      socket.write(letter);
      if (letter === "S") new TLSSocket(socket, { isServer: true, ...pair }).on("error", () => undefined);
    });
  });

test("the end of a certificate is read from TLS, and from Postgres after its question", async () => {
  const now = Date.now();
  for (const end of [await endAt(createTlsServer(pair), false), await endAt(postgres("S"), true)]) {
    expect(end).toBeNumber();
    const days = (Number(end) - now) / 86_400_000;
    expect(days).toBeGreaterThan(DAYS - 0.1);
    expect(days).toBeLessThanOrEqual(DAYS);
  }
});

test("a Postgres without TLS, and a server that is away, are errors with the address", async () => {
  expect(String(await endAt(postgres("N"), true))).toContain("no TLS server answers at 127.0.0.1:");
  const away = await errorOf(certificateEnd({ name: "X", host: "127.0.0.1", port: 9, isPostgres: false }));
  expect(String(away)).toContain("no TLS server answers at 127.0.0.1:9");
});

test.each([
  ["https://shop.example", [{ name: "X", host: "shop.example", port: 443, isPostgres: false }]],
  ["https://[::1]:8443/x", [{ name: "X", host: "::1", port: 8_443, isPostgres: false }]],
  ["rediss://cache", [{ name: "X", host: "cache", port: 6_379, isPostgres: false }]],
  ["postgres://a:b@db/x?sslmode=require", [{ name: "X", host: "db", port: 5_432, isPostgres: true }]],
  ["postgres://a:b@db/x?sslmode=disable", []],
  ["postgres://a:b@db/x", []],
  [
    "postgres://a:b@db1,[::1]:5433/x?sslmode=verify-full",
    [
      { name: "X, db1:5432", host: "db1", port: 5_432, isPostgres: true },
      { name: "X, [::1]:5433", host: "::1", port: 5_433, isPostgres: true },
    ],
  ],
  ["postgres://a:b@db1,db2/x", []],
  ["http://shop.example", []],
  ["kafka:9092", []],
  [undefined, []],
])("of %p the addresses with TLS are %p", (text, expected) => {
  expect(tlsAddresses("X", text)).toEqual(expected);
});

const subjectsOf = (values: Partial<Record<SettingName, string>>) => {
  const settings = { optional: (name: SettingName) => values[name] };
  return certificateChecks(settings, ["REDIS_URL", "REDIS_SENTINELS"]).map(({ subject }) => subject);
};

test("with Sentinels the host of REDIS_URL is not asked, but each Sentinel", () => {
  const REDIS_URL = "rediss://cache";
  expect(subjectsOf({ REDIS_URL })).toEqual(["REDIS_URL"]);
  expect(subjectsOf({ REDIS_URL, REDIS_SENTINELS: "rediss://u:p@s1,s2:26380/shop" })).toEqual([
    "REDIS_SENTINELS s1:26379",
    "REDIS_SENTINELS s2:26380",
  ]);
  expect(subjectsOf({ REDIS_URL, REDIS_SENTINELS: "redis://s1,s2:26380/shop" })).toEqual(["all"]);
});
