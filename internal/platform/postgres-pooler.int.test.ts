// A connection pooler in front of the real server. What PgBouncer 1.18 does was seen with it: it refuses the settings that a
// connection is started with, or drops them where its own configuration says so (`ignore_startup_parameters`), and then all
// seems well. Here a front of a few lines does the same, so that the tests need no PgBouncer.
import { afterEach, expect, test } from "bun:test";
import { connect, createServer, type Server, type Socket } from "node:net";
import { AppError } from "../kernel/errors.ts";
import { postgresUrl } from "../testkit/servers.ts";
import { openPostgres } from "./postgres.ts";

let pooler: Server | undefined;
const open = new Set<Socket>();
afterEach(() => {
  for (const socket of open) socket.destroy();
  open.clear();
  pooler?.close();
});

/** Resolves to the URL of a front that treats each client's first message so. */
async function startPooler(greet: (client: Socket, startup: Buffer) => void): Promise<string> {
  const server = createServer((client) => {
    open.add(client);
    client.on("error", () => undefined);
    client.once("data", (startup: Buffer) => greet(client, startup));
  });
  pooler = server;
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("not listening on a port");
  const url = new URL(postgresUrl());
  url.hostname = "127.0.0.1";
  url.port = String(address.port);
  return url.href;
}

function refuse(client: Socket): void {
  const fields = "SFATAL\0C08P01\0Munsupported startup parameter: lock_timeout\0\0";
  const head = Buffer.alloc(5, "E");
  head.writeInt32BE(4 + fields.length, 1);
  client.end(Buffer.concat([head, Buffer.from(fields)]));
}

/** Passes on who wants in and where to, and nothing else. */
function drop(client: Socket, startup: Buffer): void {
  const words = startup.toString("latin1", 8).split("\0");
  const kept = ["user", "database"].flatMap((name) => [name, words[words.indexOf(name) + 1] ?? ""]);
  const body = Buffer.from(`${kept.join("\0")}\0\0`, "latin1");
  const head = Buffer.alloc(8);
  head.writeInt32BE(8 + body.length, 0);
  startup.copy(head, 4, 4, 8);
  const { hostname, port } = new URL(postgresUrl());
  const server = connect(Number(port), hostname);
  open.add(server);
  server.on("error", () => undefined);
  server.write(Buffer.concat([head, body]));
  client.pipe(server).pipe(client);
}

test.each([
  ["refuses", refuse, "it refuses them: unsupported startup parameter: lock_timeout"],
  ["drops", drop, "it drops them"],
] as const)(
  "one that %s the settings of a connection is never ready: a fault of the configuration",
  async (_, greet, what) => {
    await using database = openPostgres({
      url: await startPooler(greet),
      poolSize: 2,
      applicationName: "pooler-test",
    });
    const error = await database.ready().then(
      () => undefined,
      (reason: unknown) => reason,
    );
    if (!(error instanceof AppError)) throw new Error("expected an AppError", { cause: error });
    expect(error.code).toBe("CONFIG_INVALID");
    expect(error.message).toContain("is a connection pooler");
    expect(error.message).toContain(what);
  },
);
