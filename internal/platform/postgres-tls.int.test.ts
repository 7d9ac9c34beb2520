// Encrypted connections to a real Postgres: who is believed, and what a wrong certificate looks like.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { copyFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { AppError } from "../kernel/errors.ts";
import { type Managed, start } from "../stack/managed.ts";
import { leasePorts } from "../stack/ports.ts";
import { CertificateAuthority } from "../stack/secure/certificate-authority.ts";
import { postgresData, postgresServer } from "../stack/servers/postgres.ts";
import { newDataDirectory } from "../testkit/data-directory.ts";
import { databaseFault } from "./postgres-errors.ts";
import { openPostgres } from "./postgres.ts";

const directory = newDataDirectory("postgres-tls");
const ports = leasePorts(directory);
const ROLE = { name: "shop", password: "s:e/c?r#e%t" };

let authority: CertificateAuthority;
let stranger: CertificateAuthority;
let server: Managed;
let otherName: Managed;

async function startServer(name: string, hosts: readonly string[]): Promise<Managed> {
  const definition = postgresServer({
    name,
    database: "test",
    port: ports.next(),
    dataDirectory: join(directory, name),
    logFile: join(directory, `${name}.log`),
    secure: {
      server: await authority.issue({ name, hosts }),
      superuser: await authority.issue({ name: "checkout" }),
      superuserPassword: "of the superuser",
    },
  });
  // Under its own address alone it can be asked whether it is ready.
  return start(
    hosts.includes("127.0.0.1")
      ? definition
      : { ...definition, probe: answers, whenReady: async () => undefined },
  );
  async function answers(): Promise<boolean> {
    const socket = await Bun.connect({
      hostname: "127.0.0.1",
      port: definition.ports["postgres"] ?? 0,
      socket: { data() {} },
    });
    socket.end();
    return true;
  }
}

beforeAll(async () => {
  authority = await CertificateAuthority.open(join(directory, "authority"));
  stranger = await CertificateAuthority.open(join(directory, "stranger"));
  server = await startServer("right", ["127.0.0.1", "localhost"]);
  otherName = await startServer("other", ["db.test"]);
  await using superuser = open(server.address);
  await superuser.sql.unsafe(`create role shop login password '${ROLE.password}'`);
});
afterAll(async () => {
  for (const one of [server, otherName]) await one.stop();
  ports.release();
  for (const name of ["right", "other"]) rmSync(postgresData(join(directory, name)), { recursive: true });
  rmSync(directory, { recursive: true, force: true });
});

const open = (url: string) =>
  openPostgres({ url, poolSize: 2, applicationName: "tls", timeouts: { connectMs: 2_000 } });
/** The address for the role, over TLS. */
function role({ address }: Managed, caFile = authority.caFile): string {
  const url = new URL(address);
  [url.username, url.password] = [ROLE.name, encodeURIComponent(ROLE.password)];
  url.search = new URLSearchParams({ sslmode: "verify-full", sslrootcert: caFile }).toString();
  return url.href;
}

/** What a role reports, and whether it waits for the server or blames what it was doing. */
async function refusal(url: string): Promise<{ why: string; fault: string }> {
  await using database = open(url);
  const error = await database.sql`select 1`.then(
    () => new Error("it was accepted"),
    (thrown: Error) => thrown,
  );
  return {
    why: `${"code" in error ? String(error.code) : ""} ${error.message}`,
    fault: databaseFault(error),
  };
}

test("statements, transactions and notifications are encrypted", async () => {
  await using database = open(role(server));
  await database.ready();
  const [row] =
    await database.sql`select version, current_user as name from pg_stat_ssl where pid = pg_backend_pid()`;
  expect(row).toEqual({ version: "TLSv1.3", name: "shop" });
  const heard = Promise.withResolvers<void>();
  const stop = await database.listen("outbox", heard.resolve);
  const encrypted = await database.transaction(async (transaction) => {
    const { tx } = transaction;
    const [[one]] = await transaction.send([
      tx<{ ssl: boolean }[]>`select ssl from pg_stat_ssl where pid = pg_backend_pid()`,
    ]);
    await transaction.finish([tx`select pg_notify('outbox', '')`]);
    return one?.ssl;
  });
  expect(encrypted).toBe(true);
  await heard.promise;
  await stop();
});

test("a server with the certificate of another authority is not believed", async () => {
  const { why, fault } = await refusal(role(server, stranger.caFile));
  expect(why).toMatch(/UNABLE_TO_VERIFY_LEAF_SIGNATURE|SELF_SIGNED_CERT|UNABLE_TO_GET_ISSUER/);
  expect(fault).toBe("unavailable");
});

test("a server with the certificate of another host is not believed, by name or by address", async () => {
  const byAddress = await refusal(role(otherName));
  expect(byAddress).toEqual({
    why: expect.stringContaining("ERR_TLS_CERT_ALTNAME_INVALID"),
    fault: "unavailable",
  });
  const named = new URL(role(otherName));
  named.hostname = "localhost";
  expect((await refusal(named.href)).why).toContain("ERR_TLS_CERT_ALTNAME_INVALID");
  // verify-ca asks for the authority only.
  const known = new URL(role(otherName));
  known.searchParams.set("sslmode", "verify-ca");
  expect((await refusal(known.href)).why).toContain("password authentication failed");
});

test("each of several hosts needs a certificate of its own name", async () => {
  const [right, wrong] = [server.ports["postgres"], otherName.ports["postgres"]];
  const hosts = (...names: readonly string[]) =>
    role(server).replace(`127.0.0.1:${right}`, () => names.join(","));
  await using database = open(hosts(`127.0.0.1:${wrong}`, `localhost:${right}`));
  await database.ready();
  const [row] = await database.sql`select version from pg_stat_ssl where pid = pg_backend_pid()`;
  expect(row).toEqual({ version: "TLSv1.3" });
  const { why, fault } = await refusal(hosts(`127.0.0.1:${wrong}`, `localhost:1`));
  expect(why).toContain(`127.0.0.1:${wrong} does not answer (ERR_TLS_CERT_ALTNAME_INVALID`);
  expect(why).toContain("localhost:1 does not answer (");
  expect(fault).toBe("unavailable");
});

test("without encryption, or with a wrong password, nobody gets in", async () => {
  const plain = new URL(role(server));
  plain.search = "";
  expect((await refusal(plain.href)).why).toContain("no pg_hba.conf entry");
  const wrong = new URL(role(server));
  wrong.password = "other";
  expect(await refusal(wrong.href)).toEqual({
    why: expect.stringContaining("password authentication failed"),
    fault: "unavailable",
  });
});

test("a certificate of the client is presented, and read again for each connection", async () => {
  const own = new URL(role(server));
  [own.pathname, own.username, own.password] = ["/postgres", "checkout", ""];
  const copy = await authority.issue({ name: "somebody" });
  own.searchParams.set("sslcert", copy.certFile);
  own.searchParams.set("sslkey", copy.keyFile);
  await using database = open(own.href);
  const refused = await database.sql`select 1`.catch((error: Error) => error.message);
  expect(refused).toContain("certificate authentication failed");
  const right = await authority.issue({ name: "checkout" });
  copyFileSync(right.certFile, copy.certFile);
  copyFileSync(right.keyFile, copy.keyFile);
  const [row] = await database.sql`select 1 as one`;
  expect(row).toEqual({ one: 1 });
});

test.each([
  ["sslmode=verify-everything", "sslmode=verify-everything of a database's URL is unknown"],
  ["sslmode=verify-full&sslrootcert=/nowhere/ca.crt", "sslrootcert=/nowhere/ca.crt cannot be read"],
  ["sslmode=require&sslrootcert=/etc/hostname", "does not look at sslrootcert"],
  ["sslmode=verify-full&sslcert=/etc/hostname", "only one of sslcert and sslkey"],
])("%s is refused at the start", (query, why) => {
  const opening = () => open(`postgres://a:b@127.0.0.1:1/x?${query}`);
  expect(opening).toThrow(AppError);
  expect(opening).toThrow(why);
});
