// A proxy in every link of the stack: between each role and each server or role that it talks to, and in front of each broker.
import { TcpProxy } from "../tcp-proxy.ts";
import { LINKS } from "./schedule.ts";
import type { Target } from "./target.ts";

/** Under which name `state.json` lists the port that a link leads to. */
const PORT_NAMES = ["proxied", "postgres", "redis", "smtp", "http"];

export class Links implements AsyncDisposable {
  readonly #proxies: ReadonlyMap<string, TcpProxy>;

  private constructor(proxies: ReadonlyMap<string, TcpProxy>) {
    this.#proxies = proxies;
  }

  /** Before the stack is started: where a link leads to is found out when it is first used. */
  static async open(target: Target): Promise<Links> {
    const proxies = new Map<string, TcpProxy>();
    for (const link of LINKS) {
      const server = serverOf(link);
      const port = () => {
        const { ports } = target.find(server);
        const name = PORT_NAMES.find((known) => ports[known] !== undefined);
        if (name === undefined) throw new Error(`${server} has none of the ports ${PORT_NAMES.join(", ")}`);
        return { host: "127.0.0.1", port: ports[name] ?? 0 };
      };
      proxies.set(link, await TcpProxy.start(port));
    }
    return new Links(proxies);
  }

  /** The arguments of `stack up` that lead everybody through the proxies. */
  get stackArguments(): string[] {
    const routes = [...this.#proxies].filter(([link]) => !link.startsWith("clients:"));
    const brokers = [...this.#proxies].filter(([link]) => link.startsWith("clients:"));
    return [
      ...routes.flatMap(([link, { port }]) => ["--route", `${link}=${port}`]),
      "--advertise",
      brokers.map(([, { port }]) => port).join(","),
    ];
  }

  /** Throws where there is no such link. */
  find(link: string): TcpProxy {
    const proxy = this.#proxies.get(link);
    if (proxy === undefined)
      throw new Error(`no link ${link}; there is ${[...this.#proxies.keys()].join(", ")}`);
    return proxy;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(Array.from(this.#proxies.values(), (proxy) => proxy[Symbol.asyncDispose]()));
  }
}

function serverOf(link: string): string {
  return link.slice(link.indexOf(":") + 1);
}
