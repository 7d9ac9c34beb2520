// `checkoutctl acl`: the brokers' access lists, from the table of accounts.
import {
  type AccessPlan,
  applyAccess,
  inWords,
  isInForce,
  planAccess,
} from "../../../internal/operations/access.ts";
import { command, group, print } from "../command.ts";
import { Connections } from "../connections.ts";
import { EXIT } from "../exit.ts";
import { loadSettings } from "../settings.ts";

const plan = command(
  "plan",
  "how the brokers' access lists differ from what each role needs; changes nothing",
).action(async (options) => {
  await using connections = new Connections(loadSettings(options.stack));
  const found = planAccess(await (await connections.admin()).accessRules());
  print(options, jsonOf(found), () => textOf(found, { missing: "add", extra: "remove" }));
});

const apply = command("apply", "add what is missing, remove what an account of ours does not need").action(
  async (options) => {
    await using connections = new Connections(loadSettings(options.stack));
    const done = await applyAccess(await connections.admin());
    print(options, jsonOf(done), () => textOf(done, { missing: "added", extra: "removed" }));
  },
);

const check = command(
  "check",
  "like plan; exits with 3 if anything differs, or if somebody else can change our topics or take our messages",
).action(async (options) => {
  await using connections = new Connections(loadSettings(options.stack));
  const found = planAccess(await (await connections.admin()).accessRules());
  print(options, jsonOf(found), () => textOf(found, { missing: "missing", extra: "extra" }));
  if (!isInForce(found)) process.exitCode = EXIT.refused;
});

function jsonOf(found: AccessPlan) {
  return { in_force: isInForce(found), ...found };
}

function textOf(
  { missing, extra, foreign }: AccessPlan,
  words: { readonly missing: string; readonly extra: string },
): string {
  const lines = [
    ...missing.map((rule) => `${words.missing}: ${inWords(rule)}`),
    ...extra.map((rule) => `${words.extra}: ${inWords(rule)}`),
    ...foreign.map((rule) => `${rule.endangers ? "FOREIGN" : "foreign"}: ${inWords(rule)}`),
  ];
  return lines.length === 0 ? "the access lists are as they should be" : lines.join("\n");
}

export const aclCommand = group("acl", "who may do what in Kafka")
  .addCommand(plan)
  .addCommand(apply)
  .addCommand(check);
