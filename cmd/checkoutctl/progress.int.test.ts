// The progress bar on a real terminal and in a pipe.
import { expect, test } from "bun:test";
import { REPOSITORY } from "../../internal/stack/paths.ts";

const PROGRAM = `
import { progress } from "${REPOSITORY}/cmd/checkoutctl/progress.ts";
{
  using bar = progress();
  for (const done of [0, 250, 500]) {
    bar.show("saga", done, 1000, done === 500 ? "waiting for the relay" : "");
    await Bun.sleep(150);
  }
  bar[Symbol.dispose]();
}
console.log("the result");
`;

test("on a terminal: a bar, and at the end only the result", async () => {
  let screen = "";
  const child = Bun.spawn([process.execPath, "-e", PROGRAM], {
    env: { PATH: process.env["PATH"] ?? "", TERM: "xterm" },
    terminal: {
      cols: 120,
      rows: 20,
      data: (_, bytes) => {
        screen += new TextDecoder().decode(bytes);
      },
    },
  });
  expect(await child.exited).toBe(0);
  expect(screen).toContain("saga [..............................] 0 of 1000");
  expect(screen).toContain("saga [###############...............] 500 of 1000, waiting for the relay");
  // The line of the bar is erased before the result.
  const afterLastControl = screen.split("\u001b[").at(-1) ?? "";
  expect(afterLastControl.trimEnd()).toEndWith("the result");
  expect(afterLastControl).not.toContain("#");
});

test("in a pipe: nothing but the result", async () => {
  const child = Bun.spawn([process.execPath, "-e", PROGRAM], {
    env: { PATH: process.env["PATH"] ?? "" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  expect(await Promise.all([child.stdout.text(), child.stderr.text()])).toEqual(["the result\n", ""]);
});
