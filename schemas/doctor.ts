// What `checkoutctl doctor --json` prints. The same values are passed around inside.
import { type Static, Type } from "@sinclair/typebox";

export const VERDICTS = ["ok", "warning", "problem", "not checked"] as const;
export type Verdict = (typeof VERDICTS)[number];

export const Finding = Type.Object({
  check: Type.String({ description: "what was looked at, for example clock" }),
  subject: Type.String({ description: "the server, role or topic" }),
  verdict: Type.Union([
    Type.Literal("ok"),
    Type.Literal("warning"),
    Type.Literal("problem"),
    Type.Literal("not checked"),
  ]),
  says: Type.String({ description: "what was found, or why it was not checked" }),
  todo: Type.Union([Type.String(), Type.Null()], { description: "the command or change that helps" }),
});
export type Finding = Readonly<Static<typeof Finding>>;

export const DoctorReport = Type.Object({
  at: Type.Number({ description: "milliseconds since the Unix epoch" }),
  version: Type.String({ description: "of this checkoutctl" }),
  ok: Type.Boolean({ description: "something was checked, and no problem was found; warnings are possible" }),
  counts: Type.Object({
    ok: Type.Integer(),
    warning: Type.Integer(),
    problem: Type.Integer(),
    not_checked: Type.Integer(),
  }),
  findings: Type.Array(Finding),
});
export type DoctorReport = Static<typeof DoctorReport>;
