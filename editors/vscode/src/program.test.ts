import assert from "node:assert/strict";
import { test } from "node:test";

import { find, type Surroundings } from "./program";

function surroundings(configured: string, there: readonly string[], env: NodeJS.ProcessEnv = {}): Surroundings {
  return { configured, env, home: "/home/me", platform: "linux", canRun: (path) => Promise.resolve(there.includes(path)) };
}

test("what is configured counts, and nothing else", async () => {
  assert.deepEqual(await find(surroundings("~/bin/pidone", ["/home/me/bin/pidone"])), { program: "/home/me/bin/pidone" });
  assert.deepEqual(await find(surroundings("/opt/pidone", ["/usr/bin/pidone"], { PATH: "/usr/bin" })), {
    looked: ["/opt/pidone"],
  });
});

test("PATH comes before cargo's folder", async () => {
  const both = ["/usr/bin/pidone", "/home/me/.cargo/bin/pidone"];
  assert.deepEqual(await find(surroundings("", both, { PATH: "/bin:/usr/bin" })), { program: "/usr/bin/pidone" });
  assert.deepEqual(await find(surroundings("", both, { PATH: "/bin" })), { program: "/home/me/.cargo/bin/pidone" });
});

test("relative folders of PATH are left out", async () => {
  assert.deepEqual(await find(surroundings("", ["pidone", "./pidone"], { PATH: ".::" })), {
    looked: ["/home/me/.cargo/bin/pidone"],
  });
});
