// Receives what a process tells systemd: the socket of NOTIFY_SOCKET, as systemd would open it. For tests of a role's life cycle.
import { dlopen, ptr } from "bun:ffi";
import { rmSync } from "node:fs";

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const MSG_DONTWAIT = 0x40;
const POLL_MS = 10;

export class NotifySocket implements Disposable {
  readonly messages: string[] = [];
  readonly #path: string;
  readonly #libc;
  readonly #socket: number;
  readonly #buffer = Buffer.alloc(4_096);

  /** `path` is an absolute path, or `@name` for the abstract namespace. */
  constructor(path: string) {
    this.#path = path;
    this.#libc = dlopen("libc.so.6", {
      socket: { args: ["i32", "i32", "i32"], returns: "i32" },
      bind: { args: ["i32", "ptr", "u32"], returns: "i32" },
      recv: { args: ["i32", "ptr", "u64", "i32"], returns: "i64" },
      close: { args: ["i32"], returns: "i32" },
    }).symbols;
    const name = Buffer.from(path.startsWith("@") ? `\0${path.slice(1)}` : `${path}\0`);
    const address = Buffer.concat([Buffer.from([AF_UNIX, 0]), name]);
    this.#socket = this.#libc.socket(AF_UNIX, SOCK_DGRAM, 0);
    if (this.#libc.bind(this.#socket, ptr(address), address.length) !== 0)
      throw new Error(`cannot listen on ${path}`);
  }

  /** Waits for a message that has `text`. The caller's test has a time limit. */
  async told(text: string): Promise<void> {
    while (!this.messages.some((message) => message.includes(text))) {
      this.read();
      await Bun.sleep(POLL_MS);
    }
  }

  [Symbol.dispose](): void {
    this.#libc.close(this.#socket);
    if (!this.#path.startsWith("@")) rmSync(this.#path, { force: true });
  }

  /** Takes what has arrived into `messages`. */
  read(): void {
    for (;;) {
      const length = Number(
        this.#libc.recv(this.#socket, ptr(this.#buffer), this.#buffer.length, MSG_DONTWAIT),
      );
      if (length < 0) return;
      this.messages.push(this.#buffer.toString("utf8", 0, length));
    }
  }
}
