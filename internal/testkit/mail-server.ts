// A real SMTP server per test, with configurable rejections, delays, limits and password. Used by the notification service's tests.
import type { Socket } from "node:net";
import { SMTPServer } from "smtp-server";

export const USER = "shop";
export const PASSWORD = "secret";

export class MailServer implements AsyncDisposable {
  /** Received mails, newest last. */
  sources: string[] = [];
  /** Every recipient address, accepted or not, as received. */
  recipients: string[] = [];
  /** How often the server rejected because of a limit. */
  turnedAway = 0;

  /** The next reply codes by recipient address; when the list is empty, the recipient is accepted. */
  readonly answers = new Map<string, number[]>();
  /** Recipients that get no reply before `release`. */
  readonly held = new Set<string>();
  #replies: (() => void)[] = [];
  /** The reply delay for all recipients. */
  delayMs = 0;
  password = PASSWORD;
  /** Reply codes to every connection and to every sender, if set. */
  greeting: number | undefined;
  sender: number | undefined;
  /** The reply (code and text) to every recipient, if set. */
  everybody: string | undefined;
  /** Maximum mails per clock second. */
  perSecond = Number.POSITIVE_INFINITY;
  /** Maximum connections at a time. */
  maxClients = Number.POSITIVE_INFINITY;

  #server: SMTPServer | undefined;
  readonly #sockets = new Set<Socket>();
  #port = 0;
  #clients = 0;
  #second = 0;
  #taken = 0;

  get url(): string {
    return `smtp://${USER}:${PASSWORD}@127.0.0.1:${this.#port}`;
  }

  /** Starts the server; a restart reuses the port. */
  async start(): Promise<void> {
    const server = this.#make();
    server.on("error", () => undefined);
    server.server.on("connection", (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
    });
    await new Promise<void>((resolve) => void server.listen(this.#port, "127.0.0.1", resolve));
    const address = server.server.address();
    this.#port = typeof address === "object" && address !== null ? address.port : 0;
    this.#server = server;
  }

  async close(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    this.hangUp();
    await new Promise<void>((resolve) => server.close(resolve));
  }

  /** Closes every connection abruptly. */
  hangUp(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Replies to the recipients that were held. */
  release(): void {
    this.held.clear();
    for (const answer of this.#replies.splice(0)) answer();
  }

  /** Resets all settings and recorded mails. */
  reset(): void {
    this.sources = [];
    this.recipients = [];
    this.turnedAway = 0;
    this.answers.clear();
    this.held.clear();
    this.#replies = [];
    this.delayMs = 0;
    this.password = PASSWORD;
    this.greeting = this.sender = this.everybody = undefined;
    this.perSecond = this.maxClients = Number.POSITIVE_INFINITY;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #make(): SMTPServer {
    return new SMTPServer({
      allowInsecureAuth: true,
      disabledCommands: ["STARTTLS"],
      disableReverseLookup: true,
      onConnect: (_, done) => {
        this.#clients += 1;
        if (this.greeting !== undefined) done(reply(this.greeting, "go away"));
        else if (this.#clients > this.maxClients) {
          this.turnedAway += 1;
          done(reply(421, "4.7.0 Too many concurrent connections"));
        } else done();
      },
      onClose: () => void (this.#clients -= 1),
      onAuth: ({ password, username }, _, done) =>
        password === this.password
          ? done(null, { user: username })
          : done(reply(535, "5.7.8 Authentication failed")),
      onMailFrom: (_, __, done) =>
        done(this.sender === undefined ? null : reply(this.sender, "sender refused")),
      onRcptTo: ({ address }, _, done) => {
        this.recipients.push(address);
        const answer = this.#answerTo(address);
        if (this.held.has(address)) this.#replies.push(() => done(answer));
        else if (this.delayMs === 0) done(answer);
        else setTimeout(() => done(answer), this.delayMs).unref();
      },
      onData: (stream, _, done) => {
        let source = "";
        stream.on("data", (chunk: Buffer) => (source += chunk.toString()));
        stream.on("end", () => {
          this.sources.push(source);
          done();
        });
      },
    });
  }

  #answerTo(address: string): Error | null {
    if (this.everybody !== undefined)
      return reply(Number(this.everybody.slice(0, 3)), this.everybody.slice(4));
    const code = this.answers.get(address)?.shift();
    if (code !== undefined) return reply(code, "no");
    const second = Math.floor(performance.now() / 1_000);
    if (second !== this.#second) [this.#second, this.#taken] = [second, 0];
    this.#taken += 1;
    if (this.#taken <= this.perSecond) return null;
    this.turnedAway += 1;
    return reply(450, "4.7.1 Too many mails, slow down");
  }
}

function reply(responseCode: number, text: string): Error {
  return Object.assign(new Error(text), { responseCode });
}
