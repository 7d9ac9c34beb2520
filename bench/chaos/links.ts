// A proxy in every link of the stack: between each role and each server or role it connects to, and two in front of each broker: one
// for clients and one for the other brokers, which replicate from it. One in front of each Redis is for everybody, the Sentinels too, because
// they tell all the same address. Controllers connect directly, and so do shoppers to the gateway.
import { TcpProxy } from "../../internal/faults/tcp-proxy.ts";
import { LINKS } from "./schedule.ts";
import type { Target } from "./target.ts";

/** Links to Kafka that use advertised ports instead of routes. */
const ADVERTISED = ["clients", "brokers"];
/** Of the links to Redis. */
const EVERYBODY = "everybody";
/** The names of a link's target port in `state.json`. */
const PORT_NAMES = ["postgres", "redis", "smtp", "http"];

export class Links implements AsyncDisposable {
  readonly #proxies: ReadonlyMap<string, TcpProxy>;

  private constructor(proxies: ReadonlyMap<string, TcpProxy>) {
    this.#proxies = proxies;
  }

  /** Call it before the stack starts; the target of a link is looked up at its first use. */
  static async open(target: Target): Promise<Links> {
    const proxies = new Map<string, TcpProxy>();
    for (const link of LINKS) {
      const [whose, server] = endsOf(link);
      const names = [...ADVERTISED, EVERYBODY].includes(whose) ? [whose] : PORT_NAMES;
      const port = () => {
        const { ports } = target.find(server);
        const name = names.find((known) => ports[known] !== undefined);
        if (name === undefined) throw new Error(`${server} has none of the ports ${names.join(", ")}`);
        return { host: "127.0.0.1", port: ports[name] ?? 0 };
      };
      proxies.set(link, await TcpProxy.start(port));
    }
    return new Links(proxies);
  }

  /** The arguments of `stack up` that send every connection through the proxies. */
  get stackArguments(): string[] {
    const linksOf = (isWanted: (whose: string) => boolean) =>
      [...this.#proxies].filter(([link]) => isWanted(endsOf(link)[0]));
    const routes = linksOf((whose) => ![...ADVERTISED, EVERYBODY].includes(whose));
    const announced = linksOf((whose) => whose === EVERYBODY).map(([, { port }]) => port);
    const advertised = ADVERTISED.map((whose) => {
      const ports = linksOf((one) => one === whose).map(([, { port }]) => port);
      return `${whose}=${ports.join(",")}`;
    });
    return [
      ...routes.flatMap(([link, { port }]) => ["--route", `${link}=${port}`]),
      "--sentinel",
      "--announce",
      announced.join(","),
      ...advertised.flatMap((assignment) => ["--advertise", assignment]),
    ];
  }

  /** Throws if there is no such link. */
  find(link: string): TcpProxy {
    const proxy = this.#proxies.get(link);
    if (proxy === undefined)
      throw new Error(`there is no link ${link}; choose from ${[...this.#proxies.keys()].join(", ")}`);
    return proxy;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(Array.from(this.#proxies.values(), (proxy) => proxy[Symbol.asyncDispose]()));
  }
}

function endsOf(link: string): readonly [whose: string, server: string] {
  const at = link.indexOf(":");
  return [link.slice(0, at), link.slice(at + 1)];
}
