// `checkoutctl storefront`: compares a running shop with the release that this binary belongs to.
import { InvalidArgumentError } from "@commander-js/extra-typings";
import { type ShopReport, verifyStorefront } from "../../../internal/operations/storefront-verify.ts";
import type { Release } from "../../../internal/operations/storefront-pages.ts";
import { assets } from "../../../internal/storefront/assets.ts";
import { SCRIPTS } from "../../../internal/storefront/scripts.ts";
import { securityHeaders } from "../../../internal/storefront/security-headers.ts";
import { version } from "../../../package.json";
import { group, jsonCommand, print, readText, table } from "../command.ts";
import { EXIT } from "../exit.ts";

const verify = jsonCommand(
  "verify",
  "compare a running shop with this release, over HTTP: pages, security headers, scripts, cookies, API; orders nothing",
)
  .argument("<url>", "the shop's address: https://shop.example", shopUrl)
  .option(
    "--token-file <file>",
    "file with a shopper's token, - for stdin: also checks the page that takes the card",
  )
  .option("--picture-hosts <list>", "the PICTURE_HOSTS of the gateway, if it is set", "")
  .action(async (url, options) => {
    const { tokenFile, pictureHosts } = options;
    const token = tokenFile === undefined ? undefined : (await readText(tokenFile)).trim();
    const report = await verifyStorefront({ url, release: releaseWith(pictureHosts), token });
    print(options, report, () => asText(report));
    if (!report.ok) process.exitCode = EXIT.refused;
  });

/** The inventory of PCI DSS 6.4.3 with the addresses under which this release serves its scripts. */
const releaseWith = (pictureHosts: string): Release => ({
  version,
  scripts: Object.values(assets).filter(({ integrity }) =>
    SCRIPTS.some((one) => one.integrity === integrity),
  ),
  providerScripts: SCRIPTS.filter(({ file }) => file === null).map(({ tag }) => tag),
  headersOf: (page) =>
    securityHeaders({
      ...page,
      isSecretAddress: false,
      isHttps: false,
      pictureHosts: pictureHosts === "" ? [] : pictureHosts.split(","),
    }),
});

function asText({ url, release, ok, checks }: ShopReport): string {
  const faults = checks.filter(({ result }) => result === "FAILED").flatMap(({ says }) => says);
  return [
    table(
      ["CHECK", "RESULT", "SAYS"],
      checks.flatMap(({ check, result, says }) =>
        says.map((sentence, index) => [index === 0 ? check : "", index === 0 ? result : "", sentence]),
      ),
    ),
    ok
      ? `${url} is what release ${release} must be`
      : `${url} is NOT what release ${release} must be: ${faults.length} findings`,
  ].join("\n\n");
}

function shopUrl(text: string): URL {
  const url = URL.parse(text);
  if (url?.protocol === "https:" || url?.protocol === "http:") return url;
  throw new InvalidArgumentError("It must be an address such as https://shop.example.");
}

export const storefrontCommand = group("storefront", "the shop's pages").addCommand(verify);
