// Certificates of the stack's own authority, checked by a TLS server and its clients.
import { afterAll, expect, test } from "bun:test";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { connect, createServer, type Server, type TLSSocket } from "node:tls";
import { CertificateAuthority } from "./certificate-authority.ts";
import type { CertificateFiles } from "./certificate-files.ts";

const directory = mkdtempSync(join(tmpdir(), "authority-"));
afterAll(() => rmSync(directory, { recursive: true }));

function folder(): string {
  return join(directory, crypto.randomUUID());
}

function read({ caFile, certFile, keyFile }: CertificateFiles) {
  return { ca: readFileSync(caFile), cert: readFileSync(certFile), key: readFileSync(keyFile) };
}

/** Answers a client with its common name. */
async function serve(files: CertificateFiles): Promise<{ server: Server; port: number }> {
  const server = createServer({ ...read(files), requestCert: true, rejectUnauthorized: true }, (socket) =>
    socket.end(String(socket.getPeerCertificate().subject?.CN)),
  );
  server.on("tlsClientError", () => {});
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return { server, port: address.port };
}

/** What the server answered, or the error. */
function ask(port: number, host: string, files?: CertificateFiles, caFile = files?.caFile): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const own =
    files === undefined ? {} : { cert: readFileSync(files.certFile), key: readFileSync(files.keyFile) };
  const ca = caFile === undefined ? [] : [readFileSync(caFile)];
  const socket: TLSSocket = connect({ host: "127.0.0.1", servername: host, port, ca, ...own });
  let answer = "";
  socket.on("data", (bytes: Buffer) => (answer += bytes.toString()));
  socket.on("error", (error) => resolve(`refused: ${error.message}`));
  socket.on("close", () => resolve(answer === "" ? "refused: closed" : answer));
  return promise;
}

test("a server knows its client by the common name", async () => {
  const authority = await CertificateAuthority.open(folder());
  const { server, port } = await serve(await authority.issue({ name: "broker", hosts: ["broker.test"] }));
  expect(await ask(port, "broker.test", await authority.issue({ name: "relay-saga" }))).toBe("relay-saga");
  server.close();
});

test("without a certificate, with that of another authority, or under another host name there is no connection", async () => {
  const authority = await CertificateAuthority.open(folder());
  const stranger = await (await CertificateAuthority.open(folder())).issue({ name: "relay-saga" });
  const { server, port } = await serve(await authority.issue({ name: "broker", hosts: ["broker.test"] }));
  const own = await authority.issue({ name: "relay-saga" });
  expect(await ask(port, "broker.test", undefined, authority.caFile)).toStartWith("refused");
  expect(await ask(port, "broker.test", stranger, authority.caFile)).toStartWith("refused");
  expect(await ask(port, "broker.test", own, stranger.caFile)).toStartWith("refused");
  expect(await ask(port, "other.test", own)).toContain("other.test");
  server.close();
});

test("files are kept, and made again for other hosts", async () => {
  const place = folder();
  const hosts = ["localhost", "127.0.0.1"];
  const first = read(await (await CertificateAuthority.open(place)).issue({ name: "redis", hosts }));
  const again = await CertificateAuthority.open(place);
  expect(read(await again.issue({ name: "redis", hosts }))).toEqual(first);
  const other = read(await again.issue({ name: "redis", hosts: ["localhost"] }));
  expect(other.ca).toEqual(first.ca);
  expect(other.cert).not.toEqual(first.cert);
});

test("only the owner can read a key", async () => {
  const place = folder();
  const { keyFile } = await (await CertificateAuthority.open(place)).issue({ name: "redis" });
  const modes = [keyFile, join(place, "ca.key"), place].map((path) => statSync(path).mode & 0o777);
  expect(modes).toEqual([0o600, 0o600, 0o700]);
});

test("a renewed certificate is another one of the same name and authority, and the old one still counts", async () => {
  const authority = await CertificateAuthority.open(folder());
  const files = await authority.issue({ name: "inventory" });
  const old = `${files.certFile}.old`;
  const oldKey = `${files.keyFile}.old`;
  copyFileSync(files.certFile, old);
  copyFileSync(files.keyFile, oldKey);
  await authority.renew({ name: "inventory" });
  expect(readFileSync(files.certFile, "utf8")).not.toBe(readFileSync(old, "utf8"));
  const { server, port } = await serve(await authority.issue({ name: "broker", hosts: ["broker.test"] }));
  expect(await ask(port, "broker.test", files)).toBe("inventory");
  expect(await ask(port, "broker.test", { ...files, certFile: old, keyFile: oldKey })).toBe("inventory");
  server.close();
});

test("two authorities count until the old one is removed", async () => {
  const old = await CertificateAuthority.open(folder());
  const before = copied(await old.issue({ name: "relay-saga" }));
  // when
  const made = await old.replaced();
  // then
  const broker = await made.issue({ name: "broker", hosts: ["broker.test"] });
  const client = await made.renew({ name: "relay-saga" });
  expect(readFileSync(client.certFile)).not.toEqual(readFileSync(before.certFile));
  const both = await serve(broker);
  const ofBoth = [
    await ask(both.port, "broker.test", client),
    await ask(both.port, "broker.test", before, client.caFile),
  ];
  expect(ofBoth).toEqual(["relay-saga", "relay-saga"]);
  expect(await ask(both.port, "broker.test", before)).toStartWith("refused");
  both.server.close();
  // when
  made.trustAlone();
  // then
  const alone = await serve(broker);
  expect(await ask(alone.port, "broker.test", client)).toBe("relay-saga");
  expect(await ask(alone.port, "broker.test", before, client.caFile)).toStartWith("refused");
  alone.server.close();
});

/** The files as they are now, in a folder of their own. */
function copied(files: CertificateFiles): CertificateFiles {
  const to = mkdtempSync(join(directory, "before-"));
  const copy = (file: string) => {
    const path = join(to, basename(file));
    copyFileSync(file, path);
    return path;
  };
  return { caFile: copy(files.caFile), certFile: copy(files.certFile), keyFile: copy(files.keyFile) };
}
