// The server as VS Code's protocol library speaks to it. PIDONE names the server; without it, these tests are skipped.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";

import {
  CodeActionKind,
  CodeActionRequest,
  DiagnosticRefreshRequest,
  DidChangeTextDocumentNotification,
  DidOpenTextDocumentNotification,
  DocumentDiagnosticRequest,
  ExitNotification,
  HoverRequest,
  InitializedNotification,
  InitializeRequest,
  PublishDiagnosticsNotification,
  ShutdownRequest,
  TextDocumentEdit,
  createProtocolConnection,
  type ClientCapabilities,
  type CodeAction,
  type Diagnostic,
  type ProtocolConnection,
} from "vscode-languageserver-protocol/node";

const server = process.env["PIDONE"];

/** An editor with the two files of the project open. */
class Editor {
  readonly texts = new Map<string, string>();
  readonly versions = new Map<string, number>();
  readonly told = new Map<string, Diagnostic[]>();
  #news: () => void = () => undefined;

  private constructor(
    readonly connection: ProtocolConnection,
    readonly folder: string,
    readonly pulls: boolean,
  ) {
    connection.onNotification(PublishDiagnosticsNotification.type, ({ uri, diagnostics }) => {
      assert.ok(!pulls, "a client that asks is not told");
      this.told.set(uri, diagnostics);
      this.#news();
    });
    connection.onRequest(DiagnosticRefreshRequest.type, () => {
      this.#news();
    });
    connection.listen();
  }

  static async open(connection: ProtocolConnection, folder: string, pulls: boolean): Promise<Editor> {
    const editor = new Editor(connection, folder, pulls);
    const capabilities: ClientCapabilities = {
      general: { positionEncodings: ["utf-16"] },
      textDocument: {
        codeAction: { codeActionLiteralSupport: { codeActionKind: { valueSet: [CodeActionKind.QuickFix] } } },
        hover: { contentFormat: ["markdown"] },
        ...(pulls ? { diagnostic: {} } : { publishDiagnostics: {} }),
      },
      workspace: { workspaceEdit: { documentChanges: true }, diagnostics: { refreshSupport: pulls } },
    };
    const result = await connection.sendRequest(InitializeRequest.type, {
      processId: process.pid,
      // eslint-disable-next-line @typescript-eslint/no-deprecated -- the type asks for it all the same
      rootUri: null,
      workspaceFolders: [{ uri: pathToFileURL(folder).href, name: "project" }],
      capabilities,
    });
    assert.equal(result.capabilities.diagnosticProvider !== undefined, pulls);
    await connection.sendNotification(InitializedNotification.type, {});
    for (const [name, languageId] of [["Dockerfile", "dockerfile"], ["start.sh", "shellscript"]] as const) {
      const uri = editor.uri(name);
      const text = await readFile(join(folder, name), "utf8");
      editor.texts.set(uri, text);
      editor.versions.set(uri, 1);
      await connection.sendNotification(DidOpenTextDocumentNotification.type, {
        textDocument: { uri, languageId, version: 1, text },
      });
    }
    return editor;
  }

  uri(name: string): string {
    return pathToFileURL(join(this.folder, name)).href;
  }

  text(name: string): string {
    return this.texts.get(this.uri(name)) ?? "";
  }

  async change(uri: string, text: string): Promise<void> {
    const version = (this.versions.get(uri) ?? 0) + 1;
    this.texts.set(uri, text);
    this.versions.set(uri, version);
    await this.connection.sendNotification(DidChangeTextDocumentNotification.type, {
      textDocument: { uri, version },
      contentChanges: [{ text }],
    });
  }

  async found(name: string): Promise<string[]> {
    const uri = this.uri(name);
    let diagnostics = this.told.get(uri) ?? [];
    if (this.pulls) {
      const report = await this.connection.sendRequest(DocumentDiagnosticRequest.type, { textDocument: { uri } });
      assert.ok(report.kind === "full");
      diagnostics = report.items;
    }
    return diagnostics.map(({ range, code }) => `${(range.start.line + 1).toString()} ${String(code)}`);
  }

  /** Waits until the server says this of the two files. */
  async expect(docker: readonly string[], script: readonly string[]): Promise<void> {
    for (;;) {
      const news = new Promise<void>((resolve) => {
        this.#news = resolve;
      });
      const now = [await this.found("Dockerfile"), await this.found("start.sh")];
      if (JSON.stringify(now) === JSON.stringify([docker, script])) {
        return;
      }
      await Promise.race([news, late(`expected ${JSON.stringify([docker, script])}, was told ${JSON.stringify(now)}`)]);
    }
  }

  /** Applies the preferred quick fix that is offered at a line (from 0), to all the files that it edits. */
  async fix(name: string, line: number): Promise<void> {
    const at = { line, character: 0 };
    const actions = await this.connection.sendRequest(CodeActionRequest.type, {
      textDocument: { uri: this.uri(name) },
      range: { start: at, end: at },
      context: { diagnostics: [], only: [CodeActionKind.QuickFix] },
    });
    const [action, ...others] = ((actions ?? []) as CodeAction[]).filter(({ isPreferred }) => isPreferred);
    assert.equal(others.length, 0);
    for (const change of action?.edit?.documentChanges ?? []) {
      assert.ok(TextDocumentEdit.is(change));
      const { uri, version } = change.textDocument;
      assert.equal(version, this.versions.get(uri));
      const lines = (this.texts.get(uri) ?? "").split("\n");
      for (const edit of change.edits.toReversed()) {
        assert.ok("newText" in edit);
        const { start, end } = edit.range;
        const text = lines[start.line] ?? "";
        assert.equal(start.line, end.line);
        lines[start.line] = text.slice(0, start.character) + edit.newText + text.slice(end.character);
      }
      await this.change(uri, lines.join("\n"));
    }
  }
}

function late(message: string): Promise<never> {
  return new Promise((_, reject) => {
    setTimeout(() => {
      reject(new Error(message));
    }, 30_000).unref();
  });
}

for (const pulls of [false, true]) {
  test(`a client that ${pulls ? "asks for" : "is sent"} diagnostics`, { skip: server === undefined }, async () => {
    const folder = await mkdtemp(join(tmpdir(), "pidone-"));
    await cp(join(__dirname, "../../tests/project"), folder, { recursive: true });
    await mkdir(join(folder, ".git"));
    const child = spawn(server ?? "", ["server"], { stdio: ["pipe", "pipe", "inherit"] });
    const connection = createProtocolConnection(child.stdout, child.stdin);
    const editor = await Editor.open(connection, folder, pulls);

    await editor.expect(["2 shell-form"], ["3 missing-exec"]);
    const script = editor.text("start.sh");
    await editor.change(editor.uri("start.sh"), script.replace('"$@"', 'exec "$@"'));
    await editor.expect(["2 shell-form", "7 shell-wrapper"], []);
    await editor.change(editor.uri("start.sh"), script);
    await editor.expect(["2 shell-form"], ["3 missing-exec"]);

    await editor.fix("start.sh", 2);
    assert.match(editor.text("start.sh"), /^exec "\$@"$/m);
    assert.match(editor.text("Dockerfile"), /"exec node server.js"/);
    await editor.fix("Dockerfile", 1);
    assert.match(editor.text("Dockerfile"), /^CMD \["node", "worker.js"\]$/m);
    await editor.expect([], []);

    const hover = await connection.sendRequest(HoverRequest.type, {
      textDocument: { uri: editor.uri("Dockerfile") },
      position: { line: 5, character: 0 },
    });
    assert.match(JSON.stringify(hover), /stops gracefully/);

    await connection.sendRequest(ShutdownRequest.type);
    const ended = new Promise((resolve) => child.once("exit", resolve));
    await connection.sendNotification(ExitNotification.type);
    assert.equal(await ended, 0);
    connection.dispose();
    await rm(folder, { recursive: true });
  });
}
