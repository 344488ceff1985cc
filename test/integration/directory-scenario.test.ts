import { startDirectory } from "concordat/testing/directory";
import { describe, expect, test } from "vitest";
import { type Scenario, scenarios } from "./directory-scenario.js";
import { randomScenario } from "./directory-scenario-random.js";
import { Recorder, type ScenarioTarget } from "./directory-scenario-recorder.js";
import { describeWithSlapd, startSlapd } from "./slapd.js";

async function record(target: ScenarioTarget, scenario: Scenario): Promise<string> {
  await using recorder = await Recorder.start(target);
  await scenario.play(recorder);
  return `${recorder.lines.join("\n")}\n`;
}

async function recordInProcess(scenario: Scenario): Promise<string> {
  await using directory = await startDirectory(scenario.options);
  return await record(directory, scenario);
}

async function recordSlapd(scenario: Scenario): Promise<string> {
  await using slapd = await startSlapd(scenario.options);
  const restart = async () => {
    await slapd.stop();
    await slapd.start();
  };
  return await record({ ...slapd, restart }, scenario);
}

describeWithSlapd("the in-process directory answers as slapd does", () => {
  test.each(scenarios)("$name", async (scenario) => {
    expect(await recordInProcess(scenario)).toBe(await recordSlapd(scenario));
  });
});

describeWithSlapd(
  "the in-process directory answers random writes and resumes as slapd does",
  () => {
    const seeds = Array.from({ length: 20 }, (_, index) => randomScenario(index + 1));
    test.each(seeds)("$name", async (scenario) => {
      expect(await recordInProcess(scenario)).toBe(await recordSlapd(scenario));
    });
  },
);

// The recordings are of slapd 2.5.13, so that a machine without slapd notices a change of behaviour as well.
describe("the in-process directory answers as slapd was recorded to do", () => {
  test.each(scenarios)("$name", async (scenario) => {
    const file = `directory-scenario-recordings/${scenario.name.replace(/\W+/g, "-")}.txt`;
    await expect(await recordInProcess(scenario)).toMatchFileSnapshot(file);
  });
});
