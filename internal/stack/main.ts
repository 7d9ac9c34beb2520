// `bun run stack up|down|status|logs|restart|kill`: the command line of the local stack.
import { Command, InvalidArgumentError, Option } from "@commander-js/extra-typings";
import Table from "cli-table3";
import { CommanderError } from "commander";
import { basename } from "node:path";
import { type BuiltBinary, buildAll, buildableRoles } from "../tools/build.ts";
import { parseSignal, type Signal } from "./child.ts";
import {
  alreadyRunningText,
  NotRunning,
  notRunningText,
  requestKill,
  requestRestart,
  runningStack,
} from "./control.ts";
import { showLogs } from "./logs.ts";
import { REPOSITORY, stackDirectory } from "./paths.ts";
import type { Advertised } from "./plan.ts";
import { parseReplicas, type Replicas } from "./replicas.ts";
import { ROLES, type RoleOverrides, tracedTo } from "./role-env.ts";
import type { Routes } from "./routes.ts";
import { DETOURS } from "./servers/kafka.ts";
import { startStack } from "./stack.ts";
import { DATABASES, forBrowsers, type ProcessState, type StackState } from "./state.ts";
import { launchSupervisor, stopRunning } from "./supervisor.ts";
import { wipe } from "./wipe.ts";

const EXIT_USAGE = 2;
const EXIT_REFUSED = 3;
const EXIT_NOT_RUNNING = 4;
const EXIT_INTERRUPTED = 130;

const dataDirectory = new Option("-d, --data-dir <dir>", "data directory (default: $STACK_DIR, else .stack)");

const program = new Command("stack")
  .description("The local stack: Postgres, Redis, Kafka, mail catcher and all roles.")
  .exitOverride();

program
  .command("up")
  .description("start everything and leave it running in the background")
  .addOption(dataDirectory)
  .option("--brokers <n>", "Kafka brokers, 1 or 3", brokers)
  .option("--no-roles", "servers only")
  .option(
    "--replicas <role=n,..>",
    "number of processes of a role, for example payment=2,relay=3; they are named payment, payment-2, ..",
    addReplicas,
  )
  .option(
    "--standby <databases>",
    "databases whose Postgres has a synchronous standby, for example saga,payment; or all",
    standbys,
  )
  .option(
    "--set <role.NAME=value>",
    "sets a variable of a role, for example paysim.LATENCY=0; repeatable",
    addOverride,
    {},
  )
  .option(
    "--route <role:server=port>",
    "the port at which a role reaches a server or role, for example order:redis=7000; repeatable",
    addRoute,
    {},
  )
  .option(
    "--advertise <whose=ports>",
    "the ports at which clients, or brokers, reach the Kafka brokers, for example clients=7001,7002,7003; repeatable",
    addAdvertised,
    {},
  )
  .addOption(
    new Option("--with <server>", "also starts Prometheus, with our alert rules, and Alertmanager").choices([
      "prometheus",
    ]),
  )
  .option(
    "--secure",
    "encrypt the connections to Kafka, Postgres and Redis; each role may do only what it needs",
  )
  .option(
    "--sentinel",
    "give Redis a replica and three Sentinels, which promote the replica when the master is gone; the roles follow them",
  )
  .option(
    "--announce <ports>",
    "with --sentinel: the ports at which everybody reaches the two Redis servers, for example 7004,7005",
    portList,
    [],
  )
  .option(
    "--otlp <url>",
    "a collector to which all roles send their traces, for example http://127.0.0.1:4318",
  )
  .option("--foreground", "stay in the foreground until Ctrl-C")
  .action(async ({ dataDir, brokers: count, roles, replicas, set, route: routes, advertise, ...more }) => {
    const begun = performance.now();
    const directory = stackDirectory(dataDir);
    // Before anything is built: binaries of a running stack stay as they are.
    if ((await runningStack(directory)) !== null) throw new Error(alreadyRunningText(directory));
    // Roles run from their binaries. This is instant if all binaries are current.
    if (roles) await buildAll(buildableRoles(), printBuilt);
    const options = {
      dataDirectory: directory,
      brokers: count,
      roles,
      replicas,
      standbys: more.standby,
      overrides: more.otlp === undefined ? set : tracedTo(more.otlp, set),
      routes,
      advertised: advertise,
      secure: more.secure,
      sentinel: more.sentinel,
      announced: more.announce,
      prometheus: more.with === undefined ? undefined : {},
      report: printStep,
    };
    if (more.foreground) {
      const stop = new AbortController();
      onSignals(() => stop.abort(new Error("interrupted")));
      const stack = await startStack(options, stop.signal);
      printState(await stack.state());
      await stack.stopped;
      return;
    }
    const supervisor = launchSupervisor(options);
    let interrupted = false;
    onSignals(() => {
      interrupted = true;
      void supervisor.stop();
    });
    const state = await supervisor.ready.catch((error: unknown) => {
      if (interrupted) process.exit(EXIT_INTERRUPTED);
      throw error;
    });
    await supervisor.release();
    printState(state);
    console.log(`up in ${seconds(performance.now() - begun)} s; stop it with npm run stack down`);
  });

program
  .command("down")
  .description("stop everything in reverse order")
  .addOption(dataDirectory)
  .option("--wipe", "delete the data too")
  .action(async ({ dataDir, wipe: wipeToo }) => {
    const directory = stackDirectory(dataDir);
    const begun = performance.now();
    const stopped = await stopRunning(directory);
    console.log(
      stopped ? `stopped in ${seconds(performance.now() - begun)} s` : `no stack is running in ${directory}`,
    );
    if (wipeToo) wipe(directory);
  });

program
  .command("status")
  .description("every server and role with its address, process id, log file and health")
  .addOption(dataDirectory)
  .option("--json", "the whole state as JSON")
  .action(async ({ dataDir, json }) => {
    const directory = stackDirectory(dataDir);
    const state = await runningStack(directory);
    if (state === null) {
      if (json) console.log(JSON.stringify({ version: 1, phase: "stopped", data_directory: directory }));
      else console.log(notRunningText(directory));
      process.exit(EXIT_NOT_RUNNING);
    }
    if (json) console.log(JSON.stringify(state, null, 2));
    else printState(state);
    const healthy = [...state.servers, ...state.roles].every((entry) => entry.healthy);
    process.exit(healthy && state.phase === "ready" ? 0 : EXIT_REFUSED);
  });

program
  .command("logs")
  .description("the log of one server or role, or of all")
  .argument("[name]", "a name from status; default: all")
  .addOption(dataDirectory)
  .option("-f, --follow", "follow the log")
  .option("-n, --lines <n>", "lines from the end", lineCount, 50)
  .action(async (name, { dataDir, follow, lines }) => {
    await showLogs(stackDirectory(dataDir), { name, follow: follow ?? false, lines });
  });

program
  .command("restart")
  .description("stop one server or role and start it again on the same ports")
  .argument("<name>")
  .addOption(dataDirectory)
  .action(async (name, { dataDir }) => {
    await requestRestart(stackDirectory(dataDir), name);
  });

program
  .command("kill")
  .description("send a signal to one server or role; it stays down until restart")
  .argument("<name>")
  .argument("[signal]", "", killSignal, "SIGKILL" as const)
  .addOption(dataDirectory)
  .action(async (name, signal, { dataDir }) => {
    await requestKill(stackDirectory(dataDir), name, signal);
  });

try {
  await program.parseAsync();
  process.exit(process.exitCode ?? 0);
} catch (error) {
  // Commander has already printed the help or the error.
  if (error instanceof CommanderError) process.exit(error.exitCode === 0 ? 0 : EXIT_USAGE);
  console.error(error instanceof Error ? error.message : error);
  process.exit(error instanceof NotRunning ? EXIT_NOT_RUNNING : 1);
}

function standbys(value: string): readonly string[] {
  if (value === "all") return DATABASES;
  const names = value.split(",");
  if (names.every((name) => DATABASES.some((known) => known === name))) return names;
  throw new InvalidArgumentError(`it must be all, or some of ${DATABASES.join(",")}`);
}

function killSignal(value: string): Signal {
  try {
    return parseSignal(value);
  } catch (error) {
    throw new InvalidArgumentError(error instanceof Error ? error.message : String(error));
  }
}

function lineCount(value: string): number {
  if (/^\d{1,9}$/.test(value)) return Number(value);
  throw new InvalidArgumentError("it must be a whole number");
}

function brokers(value: string): 1 | 3 {
  if (value === "1" || value === "3") return value === "1" ? 1 : 3;
  throw new InvalidArgumentError("it must be 1 or 3");
}

function addReplicas(counts: string, known: Replicas | undefined): Replicas {
  try {
    return parseReplicas(counts, known);
  } catch (error) {
    throw new InvalidArgumentError(error instanceof Error ? error.message : String(error));
  }
}

function addOverride(assignment: string, overrides: RoleOverrides): RoleOverrides {
  const [, roleName, variable, value] = /^(\w+)\.(\w+)=(.*)$/s.exec(assignment) ?? [];
  const role = ROLES.find((known) => known === roleName);
  if (role === undefined || variable === undefined || value === undefined) {
    throw new InvalidArgumentError(`it must be role.NAME=value, with one of the roles ${ROLES.join(", ")}`);
  }
  return { ...overrides, [role]: { ...overrides[role], [variable]: value } };
}

function addRoute(assignment: string, routes: Routes): Routes {
  const [, role, server, port] = /^(\w+):([\w-]+)=(\d+)$/.exec(assignment) ?? [];
  if (role === undefined || server === undefined || !ROLES.some((known) => known === role)) {
    throw new InvalidArgumentError(`it must be role:server=port, with one of the roles ${ROLES.join(", ")}`);
  }
  return { ...routes, [role]: { ...routes[role], [server]: Number(port) } };
}

function addAdvertised(assignment: string, advertised: Advertised): Advertised {
  const [, whose, ports] = /^(\w+)=(\d+(?:,\d+)*)$/.exec(assignment) ?? [];
  if (whose === undefined || ports === undefined || !DETOURS.some((known) => known === whose)) {
    throw new InvalidArgumentError(`it must be whose=ports, with whose one of ${DETOURS.join(", ")}`);
  }
  return { ...advertised, [whose]: ports.split(",").map(Number) };
}

function portList(text: string): readonly number[] {
  if (/^\d+,\d+$/.test(text)) return text.split(",").map(Number);
  throw new InvalidArgumentError("it must be two ports, separated by a comma");
}

function onSignals(stop: () => void): void {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, stop);
}

function printStep({ name, seconds: taken }: { name: string; seconds: number }): void {
  console.log(`  ${name.padEnd(20)} ${taken.toFixed(1).padStart(5)} s`);
}

function printBuilt({ file, built, seconds: taken }: BuiltBinary): void {
  if (built) printStep({ name: `built ${basename(file)}`, seconds: taken });
}

function seconds(milliseconds: number): string {
  return (milliseconds / 1000).toFixed(1);
}

function printState(state: StackState): void {
  const table = new Table({
    head: ["name", "address", "pid", "health", "log"],
    style: { head: [], border: [], compact: true },
  });
  for (const entry of [...state.servers, ...state.roles]) {
    const log = entry.log_file.replace(`${REPOSITORY}/`, "");
    const isConsole = /^console(-\d+)?$/.test(entry.name);
    const address = isConsole ? forBrowsers(entry.address) : entry.address;
    table.push([entry.name, address, entry.pid, healthOf(entry), log]);
  }
  console.log(table.toString());
}

function healthOf({ exit, healthy }: ProcessState): string {
  return exit ?? (healthy ? "ok" : "not ready");
}
