// A process that was suspended by the kernel detects it after it resumes.
import { expect, test } from "bun:test";

const CHILD = `
  import { StallWatch } from "${import.meta.dir}/stall-watch.ts";
  using watch = new StallWatch();
  const startedAt = performance.now();
  for await (const line of console) console.log(watch.resumedAt() > startedAt ? "stood still" : "went on");
`;

test("a process detects that it was suspended", async () => {
  // given
  const child = Bun.spawn([process.execPath, "-e", CHILD], { stdio: ["pipe", "pipe", "inherit"] });
  const answers = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const ask = async () => {
    await child.stdin.write("?\n");
    await child.stdin.flush();
    return (await answers.read()).value?.trim();
  };
  try {
    expect(await ask()).toBe("went on");
    // when: longer than any other delay
    child.kill("SIGSTOP");
    await Bun.sleep(2_500);
    child.kill("SIGCONT");
    // then
    expect(await ask()).toBe("stood still");
  } finally {
    child.kill("SIGKILL");
    await child.exited;
  }
});
