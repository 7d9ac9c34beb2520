// Tells systemd how the process does (Type=notify, WatchdogSec): ready, waiting for a server, stopping, alive. The protocol is that of
// sd_notify(3): datagrams to the socket in NOTIFY_SOCKET. Called by lifecycle.ts for every role; without that variable nothing is sent.
//
// The watchdog is fed by a timer of the event loop, so a loop that hangs starves it. Until the role is ready, the same
// timer extends the start time, so a role may wait for its servers for hours. A start ends by itself only if the event loop hangs; one that
// waits for something forever is seen in its status and in /readyz.
//
// Neither Bun nor Node has datagrams on Unix sockets, so libc is called. `systemd-notify` would be a process for each beat, whose
// message systemd may not be able to attribute.
import { dlopen, ptr } from "bun:ffi";
import type { Environment } from "./secret-files.ts";
import type { Logger } from "./log.ts";

/** Without a watchdog, so that an unsent message is tried again and a long start is extended. */
const DEFAULT_BEAT_MS = 10_000;
/** A start that is not extended for this many beats is over. */
const BEATS_PER_EXTENSION = 3;
const MAX_STATUS_LENGTH = 300;

export interface ServiceManager extends Disposable {
  /** What `systemctl status` shows. */
  status(text: string): void;
  ready(): void;
  /** `deadlineMs` is how long stopping may take. */
  stopping(deadlineMs: number): void;
}

/** Sends one datagram; false if it could not be sent. */
export type SendDatagram = (text: string) => boolean;

const SILENT: ServiceManager = {
  status() {},
  ready() {},
  stopping() {},
  [Symbol.dispose]() {},
};

/** `env` is the process's environment; `open` is for tests. */
export function openServiceManager(
  log: Pick<Logger, "warn">,
  env: Environment = process.env,
  open: (path: string) => SendDatagram = openDatagrams,
): ServiceManager {
  const { NOTIFY_SOCKET: socket } = env;
  if (socket === undefined || socket === "") return SILENT;
  try {
    return new Notifier(open(socket), beatMsOf(env), log);
  } catch (error) {
    log.warn({ err: error }, "cannot report the state of this process to the service manager");
    return SILENT;
  }
}

/** Half the watchdog's time, as sd_watchdog_enabled(3) recommends. */
export function beatMsOf({ WATCHDOG_USEC: time, WATCHDOG_PID: pid }: Environment): number {
  const watchdogMs = Number(time) / 1_000;
  const isForUs = pid === undefined || pid === "" || pid === String(process.pid);
  return isForUs && watchdogMs > 0 ? Math.min(watchdogMs / 2, DEFAULT_BEAT_MS) : DEFAULT_BEAT_MS;
}

class Notifier implements ServiceManager {
  readonly #sendDatagram: SendDatagram;
  readonly #beatMs: number;
  readonly #log: Pick<Logger, "warn">;
  readonly #timer: NodeJS.Timeout;
  /** A state that could not be sent; it must not be lost. */
  #unsent: string | undefined;
  #isStarting = true;
  #isReported = false;

  constructor(sendDatagram: SendDatagram, beatMs: number, log: Pick<Logger, "warn">) {
    this.#sendDatagram = sendDatagram;
    this.#beatMs = beatMs;
    this.#log = log;
    this.#timer = setInterval(() => this.#beat(), beatMs);
    this.#beat();
  }

  status(text: string): void {
    this.#send(`STATUS=${text.replace(/\s+/g, " ").slice(0, MAX_STATUS_LENGTH)}`);
  }

  ready(): void {
    this.#isStarting = false;
    this.#keep("READY=1\nSTATUS=ready");
  }

  stopping(deadlineMs: number): void {
    this.#isStarting = false;
    this.#keep(`STOPPING=1\nSTATUS=finishing work in flight\n${extension(deadlineMs)}`);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #beat(): void {
    if (this.#unsent !== undefined) this.#keep(this.#unsent);
    const more = this.#isStarting ? `\n${extension(this.#beatMs * BEATS_PER_EXTENSION)}` : "";
    this.#send(`WATCHDOG=1${more}`);
  }

  #keep(text: string): void {
    this.#unsent = this.#send(text) ? undefined : text;
  }

  #send(text: string): boolean {
    const isSent = this.#sendDatagram(text);
    if (!isSent && !this.#isReported)
      this.#log.warn("the service manager does not take a message (NOTIFY_SOCKET): trying again");
    this.#isReported ||= !isSent;
    return isSent;
  }
}

function extension(ms: number): string {
  return `EXTEND_TIMEOUT_USEC=${Math.round(ms * 1_000)}`;
}

const AF_UNIX = 1;
const SOCK_DGRAM_CLOEXEC = 2 | 0o2000000;
/** A full queue must not hold up the role, and a gone socket must not end it. */
const MSG_DONTWAIT_NOSIGNAL = 0x40 | 0x4000;

/** `path` is an absolute path, or `@name` for a socket in the abstract namespace. Throws if there is no such kind of socket here. */
export function openDatagrams(path: string): SendDatagram {
  if (!/^[/@]/.test(path)) throw new Error("NOTIFY_SOCKET is not the path of a Unix socket");
  const { symbols: libc } = dlopen("libc.so.6", {
    socket: { args: ["i32", "i32", "i32"], returns: "i32" },
    sendto: { args: ["i32", "ptr", "u64", "i32", "ptr", "u32"], returns: "i64" },
  });
  const address = socketAddress(path);
  const socket = libc.socket(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0);
  if (socket < 0) throw new Error("no Unix socket can be opened");
  return (text) => {
    const bytes = Buffer.from(text);
    const sent = libc.sendto(
      socket,
      ptr(bytes),
      bytes.length,
      MSG_DONTWAIT_NOSIGNAL,
      ptr(address),
      address.length,
    );
    return Number(sent) === bytes.length;
  };
}

/** `struct sockaddr_un` of unix(7). */
function socketAddress(path: string): Buffer {
  const name = Buffer.from(path.startsWith("@") ? `\0${path.slice(1)}` : `${path}\0`);
  const address = Buffer.alloc(2 + name.length);
  address.writeUInt16LE(AF_UNIX);
  name.copy(address, 2);
  return address;
}
