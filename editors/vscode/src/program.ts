// Where the server is.

import { access, constants } from "node:fs/promises";
import { homedir } from "node:os";
import { delimiter, isAbsolute, join } from "node:path";

/** What the search rests on; a test gives its own. */
export interface Surroundings {
  /** The setting `pidone.path`; may be empty. */
  readonly configured: string;
  readonly env: NodeJS.ProcessEnv;
  readonly home: string;
  readonly platform: NodeJS.Platform;
  readonly canRun: (path: string) => Promise<boolean>;
}

/** A program, or where it was looked for. */
export type Found = { readonly program: string } | { readonly looked: readonly string[] };

/** What the setting names, or else the first `pidone` in PATH and where cargo installs programs. */
export async function find(surroundings: Surroundings): Promise<Found> {
  const { configured, env, home, platform, canRun } = surroundings;
  const name = platform === "win32" ? "pidone.exe" : "pidone";
  const expanded = configured.replace(/^~(?=[/\\])/, home).trim();
  const folders = [...(env["PATH"] ?? "").split(delimiter), join(env["CARGO_HOME"] ?? join(home, ".cargo"), "bin")];
  const looked =
    expanded === ""
      ? // A relative folder in PATH would run what a repository brings along.
        folders.filter((folder) => isAbsolute(folder)).map((folder) => join(folder, name))
      : [expanded];
  for (const program of looked) {
    if (await canRun(program)) {
      return { program };
    }
  }
  return { looked };
}

/** This machine, with a setting. */
export function here(configured: string): Surroundings {
  return {
    configured,
    env: process.env,
    home: homedir(),
    platform: process.platform,
    canRun: (path) =>
      access(path, constants.X_OK).then(
        () => true,
        () => false,
      ),
  };
}
