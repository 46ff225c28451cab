// Starts the server, shows whether it runs, and offers what only an extension can.

import * as vscode from "vscode";
import {
  ExecuteCommandRequest,
  LanguageClient,
  State,
  type LanguageClientOptions,
  type StaticFeature,
} from "vscode-languageclient/node";

import { find, here } from "./program";

/** What the server is told of. A script may have any name, and deployments are YAML. */
const LANGUAGES = ["dockerfile", "shellscript", "yaml", "dockercompose"];

/** Says that this client shows the documents that `pidone.explain` returns. */
const showsDocuments: StaticFeature = {
  fillClientCapabilities: (capabilities) => {
    capabilities.experimental = { ...(capabilities.experimental as object), pidone: { showsDocuments: true } };
  },
  initialize: () => undefined,
  getState: () => ({ kind: "static" }),
  clear: () => undefined,
};

/** The documents of rules, as read-only Markdown. */
class Rules implements vscode.TextDocumentContentProvider {
  static readonly scheme = "pidone-rule";
  readonly #documents = new Map<string, string>();

  provideTextDocumentContent(uri: vscode.Uri): string {
    return this.#documents.get(uri.path) ?? "";
  }

  async show(rule: string, text: string): Promise<void> {
    const uri = vscode.Uri.from({ scheme: Rules.scheme, path: `/${rule}.md` });
    this.#documents.set(uri.path, text);
    await vscode.commands.executeCommand("markdown.showPreview", uri);
  }
}

class Extension implements vscode.Disposable {
  readonly #log = vscode.window.createOutputChannel("pidone", { log: true });
  readonly #status = vscode.languages.createLanguageStatusItem("pidone", [
    { language: "dockerfile" },
    { language: "shellscript" },
  ]);
  readonly #rules = new Rules();
  #client: LanguageClient | undefined;

  constructor(context: vscode.ExtensionContext) {
    this.#status.name = "pidone";
    const command = (name: string, run: () => unknown): vscode.Disposable => vscode.commands.registerCommand(name, run);
    context.subscriptions.push(
      this,
      this.#log,
      this.#status,
      vscode.workspace.registerTextDocumentContentProvider(Rules.scheme, this.#rules),
      command("pidone.restart", () => this.restart()),
      command("pidone.showLog", () => { this.#log.show(); }),
      command("pidone.fixWorkspace", () => this.#fixWorkspace()),
      vscode.workspace.onDidChangeConfiguration((change) => {
        if (change.affectsConfiguration("pidone.path")) {
          void this.restart();
        }
      }),
    );
  }

  async restart(): Promise<void> {
    await this.stop();
    const found = await find(here(vscode.workspace.getConfiguration("pidone").get("path", "")));
    if ("looked" in found) {
      this.#log.error(`There is no pidone at ${found.looked.join(", ")}.`);
      this.#show(vscode.LanguageStatusSeverity.Error, "pidone is not installed", {
        title: "Settings",
        command: "workbench.action.openSettings",
        arguments: ["pidone.path"],
      });
      return;
    }
    const { program } = found;
    this.#log.info(`The server is ${program}.`);
    const options: LanguageClientOptions = {
      documentSelector: [
        ...LANGUAGES.map((language) => ({ scheme: "file", language })),
        { scheme: "file", pattern: "**/{package.json,pidone.toml,.pidone.toml}" },
      ],
      outputChannel: this.#log,
      middleware: { executeCommand: (command, values, next) => this.#execute(command, values as unknown[], next) },
    };
    const client = new LanguageClient("pidone", "pidone", { command: program, args: ["server"] }, options);
    client.registerFeature(showsDocuments);
    client.onDidChangeState(({ newState }) => { this.#stateChanged(newState, program); });
    this.#client = client;
    try {
      await client.start();
    } catch (error) {
      this.#log.error(error instanceof Error ? error : String(error));
      this.#stateChanged(State.Stopped, program);
    }
  }

  async stop(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    await client?.dispose();
  }

  dispose(): void {
    void this.stop();
  }

  #show(severity: vscode.LanguageStatusSeverity, text: string, command: vscode.Command): void {
    this.#status.severity = severity;
    this.#status.text = text;
    this.#status.command = command;
  }

  #stateChanged(state: State, program: string): void {
    const log = { title: "Log", command: "pidone.showLog" };
    if (state === State.Running) {
      const version = this.#client?.initializeResult?.serverInfo?.version ?? "";
      this.#show(vscode.LanguageStatusSeverity.Information, `pidone ${version}`.trim(), log);
      this.#status.detail = program;
    } else if (state === State.Stopped) {
      this.#show(vscode.LanguageStatusSeverity.Error, "pidone has stopped", { title: "Restart", command: "pidone.restart" });
    }
    this.#status.busy = state === State.Starting;
  }

  /** The server's commands come through here; what one of them returns is shown. */
  async #execute(
    command: string,
    values: unknown[],
    next: (command: string, values: unknown[]) => unknown,
  ): Promise<unknown> {
    const result = await next(command, values);
    const [rule] = values;
    if (command === "pidone.explain" && typeof rule === "string" && typeof result === "string") {
      await this.#rules.show(rule, result);
    }
    return result;
  }

  async #fixWorkspace(): Promise<void> {
    if (this.#client?.state !== State.Running) {
      await vscode.window.showWarningMessage("pidone is not running.");
      return;
    }
    const { repaired } = (await this.#client.sendRequest(ExecuteCommandRequest.type, { command: "pidone.fixAll" })) as {
      repaired: number;
    };
    const text =
      repaired === 0 ? "There is nothing to repair safely." : `Repaired ${repaired.toString()} ${repaired === 1 ? "finding" : "findings"}.`;
    await vscode.window.showInformationMessage(`pidone: ${text}`);
  }
}

export async function activate(context: vscode.ExtensionContext): Promise<void> {
  await new Extension(context).restart();
}
