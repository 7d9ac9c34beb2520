// Clients that do not speak HTTP as they should: what they send is written to the socket as it is. Called by hostile.e2e.test.ts.
import { connect } from "node:net";

/** One byte per second keeps every idle timer awake. */
const DRIP_MS = 1_000;
/** No answer is longer. */
const MAX_ANSWER_BYTES = 1_000_000;

/** What the server sends until it closes the connection, or until it has been silent for `silenceMs`. */
export function rawAnswer(port: number, text: string | Uint8Array, silenceMs = 500): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  let answer = "";
  const socket = connect(port, "127.0.0.1", () => void socket.write(text));
  const end = () => {
    socket.destroy();
    resolve(answer);
  };
  socket.setTimeout(silenceMs, end);
  socket.on("data", (bytes) => {
    answer += bytes.toString("latin1");
    if (answer.length > MAX_ANSWER_BYTES) end();
  });
  // A server may close on what it cannot read.
  socket.on("error", end);
  socket.on("close", end);
  return promise;
}

/** The statuses of all answers in a raw text. */
export function statusesIn(answer: string): number[] {
  return Array.from(answer.matchAll(/^HTTP\/1\.1 (\d{3})/gm), ([, status]) => Number(status));
}

const HEAD = "Host: 127.0.0.1\r\nContent-Type: application/json\r\n";
/** How each kind of slow client begins, and what it adds each second. */
const SLOW = {
  "says nothing": ["", ""],
  "stops in the middle of the headers": [`POST /api/v1/checkout HTTP/1.1\r\n${HEAD}`, ""],
  "sends its headers byte by byte": [`POST /api/v1/checkout HTTP/1.1\r\n${HEAD}X-Slow: `, "a"],
  "stops in the middle of the body": [
    `POST /api/v1/checkout HTTP/1.1\r\n${HEAD}Content-Length: 900\r\n\r\n{`,
    "",
  ],
  "sends its body byte by byte": [
    `POST /api/v1/checkout HTTP/1.1\r\n${HEAD}Content-Length: 900\r\n\r\n{`,
    " ",
  ],
  "sends a chunked body byte by byte": [
    `POST /api/v1/checkout HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n`,
    "1\r\n \r\n",
  ],
} as const;
export type Slowness = keyof typeof SLOW;
export const SLOWNESSES: readonly Slowness[] = [
  "says nothing",
  "stops in the middle of the headers",
  "sends its headers byte by byte",
  "stops in the middle of the body",
  "sends its body byte by byte",
  "sends a chunked body byte by byte",
];

/** Opens a slow connection. Resolves when the server has closed it. `authorization`: so that the server reads the body. */
export function slowClient(port: number, slowness: Slowness, authorization: string): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const [begin, drip] = SLOW[slowness];
  const start = begin.replace("Content-Type", `Authorization: ${authorization}\r\nContent-Type`);
  const socket = connect(port, "127.0.0.1", () => {
    if (start !== "") socket.write(start);
  });
  const timer = drip === "" ? undefined : setInterval(() => void socket.write(drip), DRIP_MS);
  const end = () => {
    clearInterval(timer);
    socket.destroy();
    resolve();
  };
  socket.on("error", end);
  socket.on("close", end);
  // A socket without a reader never hears of its end.
  socket.resume();
  return promise;
}
