import { spawnSync } from "node:child_process";
import { figuresOf, type Report } from "./figures.ts";
import { measure, program } from "./measured.ts";

/** How often a second of CPU time each thing was done, in each round. */
type Rates = Readonly<Record<string, readonly number[]>>;

/** Signing and verifying by each profile, beside the peers. */
export async function measureSigning(report: Report, runs: number): Promise<void> {
  report.section(`Signing, ${runs} rounds`);
  const rates: Rates = JSON.parse((await measure(program("signing.js", String(runs)))).output);
  const each = (name: string, aim?: string): void =>
    report.figure(name, rates[name] ?? [], "per second of CPU", aim);
  const ratio = (name: string, peer: string, peers: Rates, aim: string): void =>
    report.figure(`${name} to ${peer}`, [median(rates, name) / median(peers, peer)], "", aim);

  each("HMAC-SHA256 alone");
  each("draft sign");
  each("draft verify", ">= 150,000");
  ratio("draft verify", "HMAC-SHA256 alone", rates, "");
  each("simple-sso sign");
  each("simple-sso verify");
  ratio("simple-sso sign", "itsdangerous.js sign", rates, ">= 5");
  ratio("simple-sso verify", "itsdangerous.js verify", rates, ">= 5");
  if (spawnSync("/usr/bin/python3", ["-c", "import itsdangerous"]).status === 0) {
    const python: Rates = JSON.parse((await measure(program("signing.py", String(runs)))).output);
    ratio("simple-sso sign", "python sign", python, "> 1");
    ratio("simple-sso verify", "python verify", python, "> 1");
  } else {
    report.note("Left out: Python. Install the Debian package python3-itsdangerous.");
  }
  ratio("simple-sso unknown key", "simple-sso known key, wrong signature", rates, "1");
  each("http sign");
  each("http verify");
  ratio("http sign", "http-message-signatures sign", rates, ">= 3");
  ratio("http verify", "http-message-signatures verify", rates, ">= 3");
}

function median(rates: Rates, name: string): number {
  return figuresOf(rates[name] ?? []).median;
}
