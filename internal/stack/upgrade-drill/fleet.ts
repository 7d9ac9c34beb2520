// The processes of the drill: two of each role that may have two, each of the old or of the new release, and a balancer in front of those that
// are called over HTTP. A process is replaced in place, under its name and ports, as an upgraded package restarts its unit.
import { join } from "node:path";
import { describeExit, type Exit } from "../child.ts";
import { type Managed, start } from "../managed.ts";
import type { PortBlock } from "../ports.ts";
import { type Role, ROLES, type RoleContext, type RoleOverrides, SERVING_ROLES } from "../role-env.ts";
import type { StackAddresses } from "../state.ts";
import { Balancer, CHECK_MS, type Fault } from "./balancer.ts";
import type { Release } from "./release.ts";

/** The simulator's ledger has one writer, and is no part of the product; one console is enough for its people. */
const ALONE: ReadonlySet<Role> = new Set(["paysim", "console"]);
/** The longest status call of the shoppers is 10 s, and the balancer notices in one. */
const WAITED_FOR: ReadonlySet<Role> = new Set(["gateway", "orchestrator"]);
const LONG_DELAY_MS = 11_000 + CHECK_MS;
const SHORT_DELAY_MS = 500 + CHECK_MS;
const SHUTDOWN_DELAY = "SHUTDOWN_DELAY_MS";

/** A place for one process. */
export interface Slot {
  readonly role: Role;
  /** Starts at 1. */
  readonly number: number;
  readonly opsPort: number;
  readonly port: number | undefined;
  /** Only for payment: its internal API. */
  readonly internalPort: number | undefined;
  release: Release | null;
  process: Managed | null;
}

export interface FleetOptions {
  readonly context: RoleContext;
  readonly dataDirectory: string;
  readonly ports: PortBlock;
  /** Settings of both releases. */
  readonly overrides: RoleOverrides;
}

export class Fleet implements AsyncDisposable {
  readonly slots: readonly Slot[];
  /** As the roles, shoppers and operators see them: with the balancers. */
  readonly context: RoleContext;
  /** Processes that ended by themselves, or not as they should. */
  readonly faults: Fault[] = [];
  readonly #balancers: ReadonlyMap<string, Balancer>;
  readonly #options: FleetOptions;

  constructor(options: FleetOptions) {
    const { ports, context } = options;
    this.#options = options;
    this.slots = ROLES.flatMap((role) =>
      (ALONE.has(role) ? [1] : [1, 2]).map((number) => slotOf(role, number, ports)),
    );
    this.#balancers = new Map(
      [...SERVING_ROLES, INTERNAL].flatMap((name) => {
        if (ALONE.has(roleOf(name))) return [];
        const urls = this.slotsOf(roleOf(name)).map((slot) =>
          urlOf(name === INTERNAL ? slot.internalPort : slot.port),
        );
        return [[name, new Balancer(name, urls, ports.next())]];
      }),
    );
    this.context = { ...context, addresses: this.#addresses(context.addresses) };
  }

  slotsOf(role: Role): readonly Slot[] {
    return this.slots.filter((slot) => slot.role === role);
  }

  /** In front of the role's processes; undefined if nobody calls it. */
  balancer(role: Role): Balancer | undefined {
    return this.#balancers.get(role);
  }

  /** What the shoppers met at the gateways, and how processes ended. */
  faultsSince(time: number): readonly Fault[] {
    const all = [...(this.balancer("gateway")?.faults ?? []), ...this.faults];
    return all.filter(({ at }) => at >= time);
  }

  /** What roles met when they called others; a role may repeat such a call, so it is a hint. */
  hintsSince(time: number): readonly Fault[] {
    const inner = [...this.#balancers.values()].filter(({ name }) => name !== "gateway");
    return inner.flatMap(({ faults }) => faults.filter(({ at }) => at >= time));
  }

  /** Starts the slot with a release that has the role. Resolves when it is ready and in service. */
  async start(slot: Slot, release: Release): Promise<void> {
    const { role, number, opsPort, port, internalPort } = slot;
    const { dataDirectory, overrides } = this.#options;
    const definition = release.roles.roleProcess({
      ...this.context,
      role,
      replica: number,
      opsPort,
      port,
      dataDirectory,
      logFile: this.logFile(slot, release.name),
      overrides: {
        ...(internalPort === undefined ? {} : { INTERNAL_PORT: String(internalPort) }),
        ...(release.knows(SHUTDOWN_DELAY) ? this.#delayOf(role) : {}),
        ...overrides[role],
        ...release.overrides[role],
      },
    });
    slot.process = await start(
      definition,
      (child) => void child.exited.then((exit) => this.#ended(slot, exit)),
    );
    slot.release = release;
    for (const balancer of this.#balancersOf(role)) balancer.putIn(number);
  }

  /** Ends a process as an operator does. One that goes on for a while after its stop signal is left out by the balancer itself meanwhile. */
  async stop(slot: Slot): Promise<void> {
    const { process, role, number } = slot;
    if (process === null) return;
    const balancers = this.#balancersOf(role);
    const isLeftOut = slot.release?.knows(SHUTDOWN_DELAY) === true;
    if (!isLeftOut) await Promise.all(balancers.map((balancer) => balancer.takeOut(number)));
    slot.process = null;
    const stopped = process.stop();
    if (isLeftOut)
      await Promise.all(balancers.map((balancer) => balancer.leaveOut(number, () => process.probe())));
    const exit = await stopped;
    if (exit.code !== 0)
      this.#fault(`${slot.release?.name} ${process.name} stopped with ${describeExit(exit)}`);
    slot.release = null;
  }

  logFile({ role, number }: Slot, release: Release["name"]): string {
    return join(this.#options.dataDirectory, "logs", `${role}-${number}.${release}.log`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const running = this.slots.map((slot) => slot.process).filter((process) => process !== null);
    for (const slot of this.slots) slot.process = null;
    // Nobody waits for them any more, and their data is removed.
    for (const process of running) process.kill("SIGKILL");
    await Promise.all(running.map((process) => process.stop()));
    await Promise.all([...this.#balancers.values()].map((balancer) => balancer[Symbol.asyncDispose]()));
  }

  #balancersOf(role: Role): readonly Balancer[] {
    return [...this.#balancers.entries()].flatMap(([name, balancer]) =>
      roleOf(name) === role ? [balancer] : [],
    );
  }

  /** Only whoever is called over HTTP needs one. */
  #delayOf(role: Role): Readonly<Record<string, string>> {
    if (this.#balancersOf(role).length === 0) return {};
    return { [SHUTDOWN_DELAY]: String(WAITED_FOR.has(role) ? LONG_DELAY_MS : SHORT_DELAY_MS) };
  }

  /** Called for every end; a stop that we asked for has emptied the slot before. */
  #ended(slot: Slot, exit: Exit): void {
    if (slot.process !== null)
      this.#fault(`${slot.release?.name} ${slot.process.name} ended by itself with ${describeExit(exit)}`);
  }

  #fault(text: string): void {
    this.faults.push({ at: Date.now(), text });
  }

  #addresses(addresses: StackAddresses): StackAddresses {
    const of = (name: string) => this.#balancers.get(name)?.url ?? "";
    const alone = (role: Role) => urlOf(this.slotsOf(role)[0]?.port);
    return {
      ...addresses,
      gateway: of("gateway"),
      orchestrator: of("orchestrator"),
      inventory: of("inventory"),
      order: of("order"),
      payment: of("payment"),
      payment_internal: of(INTERNAL),
      paysim: alone("paysim"),
      console: alone("console"),
      ops: Object.fromEntries(this.slots.map((slot) => [`${slot.role}-${slot.number}`, urlOf(slot.opsPort)])),
    };
  }
}

const INTERNAL = "payment internal";

function roleOf(name: string): Role {
  const role = ROLES.find((one) => name === one || (name === INTERNAL && one === "payment"));
  if (role === undefined) throw new Error(`${name} is not a role`);
  return role;
}

function slotOf(role: Role, number: number, ports: PortBlock): Slot {
  return {
    role,
    number,
    opsPort: ports.next(),
    port: SERVING_ROLES.includes(role) ? ports.next() : undefined,
    internalPort: role === "payment" ? ports.next() : undefined,
    release: null,
    process: null,
  };
}

function urlOf(port: number | undefined): string {
  return `http://127.0.0.1:${port}`;
}
