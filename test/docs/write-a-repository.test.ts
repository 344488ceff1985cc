import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import * as concordat from "concordat";
import * as repositories from "concordat/repositories";
import { userRepositoryContract } from "concordat/testing";
import ts from "typescript";
import { describe, test } from "vitest";

interface Account {
  readonly id: number;
  readonly login: string;
  readonly disabled: boolean;
}

type Values = Omit<Account, "id">;

/** The accounts that the guide supposes an application to have. */
class AccountsInMemory {
  readonly #accounts: Account[] = [];

  async byId(id: number): Promise<Account | undefined> {
    return this.#accounts.find((account) => account.id === id);
  }

  async byLogin(login: string): Promise<Account | undefined> {
    return this.#holder(login);
  }

  async list(offset: number, limit: number): Promise<{ total: number; accounts: Account[] }> {
    const accounts = this.#accounts.slice(offset, offset + limit);
    return { total: this.#accounts.length, accounts };
  }

  async insert(values: Values): Promise<Account | undefined> {
    if (this.#holder(values.login) !== undefined) return undefined;
    const account = { id: this.#accounts.length + 1, ...values };
    this.#accounts.push(account);
    return account;
  }

  async update(id: number, values: Values): Promise<Account | "taken" | "missing"> {
    const at = this.#accounts.findIndex((account) => account.id === id);
    if (at < 0) return "missing";
    const holder = this.#holder(values.login);
    if (holder !== undefined && holder.id !== id) return "taken";
    const account = { id, ...values };
    this.#accounts[at] = account;
    return account;
  }

  #holder(login: string): Account | undefined {
    return this.#accounts.find((account) => fold(account.login) === fold(login));
  }
}

function fold(login: string): string {
  return login.normalize("NFKC").toLowerCase();
}

type Make = new (accounts: AccountsInMemory) => repositories.UserRepository;

/** The class of the first block of the guide, as it stands there. */
function classOfTheGuide(): Make {
  const file = fileURLToPath(new URL("../../docs/write-a-repository.md", import.meta.url));
  const [, source = ""] = /^```ts\n(.*?)^```$/ms.exec(readFileSync(file, "utf8")) ?? [];
  const { outputText } = ts.transpileModule(source, {
    compilerOptions: { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2023 },
  });
  const modules: Record<string, object> = { concordat, "concordat/repositories": repositories };
  const exported: { AccountRepository?: Make } = {};
  new Function("require", "exports", outputText)((name: string) => modules[name], exported);
  if (exported.AccountRepository === undefined) throw new Error("The guide has another class.");
  return exported.AccountRepository;
}

describe("the smallest repository of the guide meets the contract", async () => {
  const AccountRepository = classOfTheGuide();
  const make = (): repositories.UserRepository => new AccountRepository(new AccountsInMemory());
  for (const { name, skip, run } of await userRepositoryContract(make)) {
    test.skipIf(skip !== undefined)(name, run);
  }
});
