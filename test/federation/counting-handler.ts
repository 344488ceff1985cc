import { type ActionContext, type BufferedResponse, EventHandler } from "concordat/federation";

/** A handler of a test's own: it counts, and answers what it is told to. */
export class CountingHandler extends EventHandler {
  override readonly identifier = "Counting";
  override readonly description = "Counts how often it is asked.";
  override readonly actions = {
    count: {},
    answer: { with: { type: "str", description: "The content.", required: true } },
  } as const;
  count = 0;
  readonly seen: (string | undefined)[] = [];

  override async do(
    action: string,
    { rule, response }: ActionContext,
  ): Promise<BufferedResponse | undefined> {
    this.count += 1;
    this.seen.push(response === undefined ? undefined : Buffer.from(response.content).toString());
    if (action === "count") return undefined;
    return { status: 200, fields: [], content: Buffer.from(String(rule.options["with"])) };
  }
}
