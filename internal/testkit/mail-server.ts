// A real SMTP server of a test's own that can be told how to behave: to whom it says no, how slow it is, what it limits, and whom it
// lets in. Used by the notification service's tests.
import type { Socket } from "node:net";
import { SMTPServer } from "smtp-server";

export const USER = "shop";
export const PASSWORD = "secret";

export class MailServer implements AsyncDisposable {
  /** What arrived, newest last. */
  sources: string[] = [];
  /** Every address that a mail was addressed to, taken or not, as the server was told it. */
  recipients: string[] = [];
  /** How often it said that it was too much. */
  turnedAway = 0;

  /** The next answers to a recipient, by address; when they are used up he is taken. */
  readonly answers = new Map<string, number[]>();
  /** How long a recipient's answer takes, by address. */
  readonly delays = new Map<string, number>();
  /** How long everybody's takes. */
  delayMs = 0;
  password = PASSWORD;
  /** Reply codes for everybody, where they are set. */
  greeting: number | undefined;
  sender: number | undefined;
  /** A reply of code and text to every recipient. */
  everybody: string | undefined;
  /** Mails taken in a second of the clock. */
  perSecond = Number.POSITIVE_INFINITY;
  /** Connections at a time. */
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

  /** On the port it had before. */
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

  /** Breaks every connection. */
  hangUp(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** As new, and empty. */
  reset(): void {
    this.sources = [];
    this.recipients = [];
    this.turnedAway = 0;
    this.answers.clear();
    this.delays.clear();
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
        const delay = this.delays.get(address) ?? this.delayMs;
        if (delay === 0) done(answer);
        else setTimeout(() => done(answer), delay).unref();
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
