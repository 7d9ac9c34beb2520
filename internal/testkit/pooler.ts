// Imitates a connection pooler in front of the real server, so that the tests need no PgBouncer. PgBouncer 1.18 was observed to
// reject the startup settings of a connection, or to drop them silently if `ignore_startup_parameters` lists them.
import { connect, createServer, type Socket } from "node:net";
import { Transform } from "node:stream";
import { connect as connectEncrypted } from "node:tls";

/**
 * What the pooler does with a client's startup settings. `hides`: it passes them on, and keeps back what the server says of its state, as
 * a Postgres before 14 does.
 */
export type Greeting = "refuses" | "drops" | "hides";

export class Pooler implements AsyncDisposable {
  /** The URL of the database through the pooler. */
  readonly url: string;
  readonly #end: () => void;

  private constructor(url: string, end: () => void) {
    this.url = url;
    this.#end = end;
  }

  /** Listens in front of the database at `url`, without encryption. To a server that wants it (`sslmode`) it goes encrypted. */
  static async start(url: string, greeting: Greeting): Promise<Pooler> {
    const behind = new URL(url);
    const open = new Set<Socket>();
    const keep = (socket: Socket) => {
      open.add(socket);
      socket.on("error", () => undefined);
    };
    const server = createServer((client) => {
      keep(client);
      client.once("data", (startup: Buffer) => {
        if (greeting === "refuses") return refuse(client);
        const passOn = greeting === "drops" ? drop : hide;
        const plain = connect(Number(behind.port), behind.hostname);
        keep(plain);
        if (!behind.searchParams.has("sslmode")) return passOn(client, startup, plain);
        encrypted(plain, (onward) => {
          keep(onward);
          passOn(client, startup, onward);
        });
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("not listening on a port");
    const front = new URL(url);
    front.hostname = "127.0.0.1";
    front.port = String(address.port);
    front.searchParams.delete("sslmode");
    return new Pooler(front.href, () => {
      for (const socket of open) socket.destroy();
      server.close();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end();
  }
}

/** Postgres' SSLRequest; `use` gets the connection when the server has agreed. */
function encrypted(socket: Socket, use: (onward: Socket) => void): void {
  const request = Buffer.alloc(8);
  request.writeInt32BE(8, 0);
  request.writeInt32BE(80_877_103, 4);
  socket.once("connect", () => socket.write(request));
  socket.once("data", () => {
    const onward = connectEncrypted({ socket, rejectUnauthorized: false }, () => use(onward));
  });
}

/** A ParameterStatus: its type, its length, the setting. */
const STATE = /^S[^]{4}(?:in_hot_standby|default_transaction_read_only)\0/;

function refuse(client: Socket): void {
  const fields = "SFATAL\0C08P01\0Munsupported startup parameter: lock_timeout\0\0";
  const head = Buffer.alloc(5, "E");
  head.writeInt32BE(4 + fields.length, 1);
  client.end(Buffer.concat([head, Buffer.from(fields)]));
}

/** Forwards only user and database. */
function drop(client: Socket, startup: Buffer, server: Socket): void {
  const words = startup.toString("latin1", 8).split("\0");
  const kept = ["user", "database"].flatMap((name) => [name, words[words.indexOf(name) + 1] ?? ""]);
  const body = Buffer.from(`${kept.join("\0")}\0\0`, "latin1");
  const head = Buffer.alloc(8);
  head.writeInt32BE(8 + body.length, 0);
  startup.copy(head, 4, 4, 8);
  server.write(Buffer.concat([head, body]));
  client.pipe(server).pipe(client);
}

/** Forwards all but the server's messages about its state. */
function hide(client: Socket, startup: Buffer, server: Socket): void {
  let rest: Buffer = Buffer.alloc(0);
  const withoutState = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      rest = Buffer.concat([rest, chunk]);
      while (rest.length >= 5 && rest.length > rest.readInt32BE(1)) {
        const message = rest.subarray(0, 1 + rest.readInt32BE(1));
        rest = rest.subarray(message.length);
        if (!STATE.test(message.toString("latin1"))) this.push(message);
      }
      done();
    },
  });
  server.write(startup);
  client.pipe(server).pipe(withoutState).pipe(client);
}
