// A driver that is ended while its socket is made: on a server in this process that lets everybody in.
import { expect, test } from "bun:test";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import postgres from "postgres";
import { waitUntil } from "../stack/wait.ts";
import { untilEnded } from "./pending-socket.ts";

/** AuthenticationOk and ReadyForQuery. */
const WELCOME = Buffer.from("R\0\0\0\u0008\0\0\0\0Z\0\0\0\u0005I");

test("it keeps no connection", async () => {
  const seen = { accepted: 0, open: 0, welcomed: 0 };
  await using server = createServer((socket) => {
    seen.accepted += 1;
    seen.open += 1;
    socket.on("error", () => undefined);
    socket.on("close", () => (seen.open -= 1));
    socket.once("data", () => socket.write(WELCOME, () => (seen.welcomed += 1)));
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const [asked, made] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const sockets = {
    async socket() {
      asked.resolve();
      await made.promise;
      const socket = connect(port, "127.0.0.1");
      await once(socket, "connect");
      return socket;
    },
  };
  let isEnded = false;
  const options = untilEnded({ max: 1, fetch_types: false, ...sockets }, () => isEnded);
  const driver = postgres(`postgres://shop@127.0.0.1:${port}/saga`, options);
  const failure = driver`select 1`.then(
    () => "answered",
    ({ code }: { code: string }) => code,
  );
  await asked.promise;
  // when
  isEnded = true;
  await driver.end({ timeout: 0 });
  expect(await failure).toBe("CONNECTION_DESTROYED");
  made.resolve();
  // then
  await waitUntil("it was connected and has left", () => seen.accepted === 1 && seen.open === 0, {
    timeoutMs: 3_000,
  });
  expect(seen.welcomed).toBe(0);
});
