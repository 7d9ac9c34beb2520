// What dpkg runs when a package is installed or removed: makes the role's user, prints what to do next, stops a role that is removed.
// Nothing is enabled or started. Called by debian.ts.
import type { Role } from "../../stack/role-env.ts";
import { envFile, secretsFolder, TARGET, unitName } from "./packaged-roles.ts";

const RELOAD = `if [ -d /run/systemd/system ]; then
	systemctl --system daemon-reload || true
fi
`;

/** By file name. Without a role: of the package that has only the target. */
export function maintainerScripts(role: Role | undefined): Readonly<Record<string, string>> {
  if (role === undefined)
    return {
      postinst: script(onConfigure(RELOAD)),
      prerm: onRemove(`disable ${TARGET}`),
      postrm: script(RELOAD),
    };
  return {
    postinst: postinst(role),
    prerm: onRemove(`disable --now ${unitName(role)}`),
    postrm: script(RELOAD),
  };
}

function postinst(role: Role): string {
  const account = `checkout-${role}`;
  return script(
    onConfigure(`if ! getent passwd ${account} >/dev/null; then
	adduser --system --quiet --group --no-create-home --home /nonexistent --gecos "Checkout ${role}" ${account}
fi
${RELOAD}if [ -z "$2" ]; then
	echo "${account} is installed, not started. Edit ${envFile("common")} and ${envFile(role)},"
	echo "put its secrets into ${secretsFolder(role)}/ (the end of ${role}.env lists them), then:"
	echo "  systemctl enable --now ${account}"
elif [ -d /run/systemd/system ] && systemctl --quiet is-active ${unitName(role)}; then
	echo "${account} still runs the old version: systemctl restart ${account}, when it is its turn."
fi
`),
  );
}

/** An upgrade also runs prerm, but not with "remove". */
function onRemove(command: string): string {
  return script(`if [ "$1" = remove ] && [ -d /run/systemd/system ]; then
	systemctl ${command} || true
fi
`);
}

function onConfigure(commands: string): string {
  return `if [ "$1" = configure ]; then\n${commands.replace(/^(?=.)/gm, "\t")}fi\n`;
}

function script(commands: string): string {
  return `#!/bin/sh\nset -e\n\n${commands}`;
}
