// What somebody reads whose token does not count at the console.
import { expect, test } from "bun:test";
import { generateCallerKeys, signingKey } from "../../internal/platform/caller-keys.ts";
import { mintOperatorToken } from "../../internal/platform/internal-tokens.ts";
import { operatorTokens } from "./sign-in.ts";

test("a token that was cut while copying, or is none, is refused in words for people", async () => {
  const { privateJwk, publicJwk } = await generateCallerKeys("operators", "operators");
  const key = await signingKey("KEY", privateJwk, "operators");
  const whom = { name: "ada", role: "operator", ttlSeconds: 600, nowMs: Date.now() } as const;
  const token = await mintOperatorToken(key, whom);
  const identify = await operatorTokens(JSON.stringify({ keys: [JSON.parse(publicJwk)] }));
  expect(await identify(token)).toMatchObject({ name: "ada", role: "operator" });
  const refused = { refused: "it is not an operator token, or it was cut while copying" };
  for (const wrong of ["hello", token.slice(0, 40), token.slice(0, -5), token.slice(5)])
    expect(await identify(wrong)).toEqual(refused);
});
