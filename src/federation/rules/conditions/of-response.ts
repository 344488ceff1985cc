import { isRecord } from "../../rewrite/api-response.js";
import type { ConditionType, Decide } from "./condition-type.js";
import { isTrue, pattern } from "./values.js";

/** The conditions about a response, and about the challenge that it may be part of. */
export const responseConditions: Readonly<Record<string, ConditionType>> = {
  result_value: {
    uncheckable: (value) => !isTrue(value),
    read: (value) => result("value", (said) => isTrue(said) === isTrue(value)),
  },
  result_status: {
    uncheckable: (value) => !isTrue(value),
    read: (value) => result("status", (said) => isTrue(said) === isTrue(value)),
  },
  result_authentication: {
    uncheckable: false,
    read: (value) => result("authentication", (said) => said === value),
  },
  detail_message: { uncheckable: matchesNothing, read: detailMessage },
  detail_error_message: { uncheckable: matchesNothing, read: detailErrorMessage },
  challenge_session: { uncheckable: true, read: challengeSession },
  challenge_expired: { uncheckable: true, read: challengeExpired },
};

/** Something that the response says of the result. Before there is a response it is not known. */
function result(member: string, isAsExpected: (said: unknown) => boolean): Decide {
  return ({ body }) => (body === undefined ? undefined : isAsExpected(body.result?.[member]));
}

function detailMessage(value: string): Decide {
  const expected = pattern(value);
  return ({ body, detail }) =>
    body === undefined ? undefined : expected.search(textOf(detail?.["message"]));
}

/** The message of an error. privacyIDEA looks for it in the detail, where none of its responses has it. */
function detailErrorMessage(value: string): Decide {
  const expected = pattern(value);
  return ({ body, detail }) => {
    if (body === undefined) return undefined;
    const error = [detail?.["error"], body.result?.["error"]].find(isRecord);
    return expected.search(textOf(error?.["message"]));
  };
}

function matchesNothing(value: string): boolean {
  return pattern(value).search("");
}

/** The session of the only challenge. That one was declined, the response says as well. */
function challengeSession(value: string): Decide {
  const expected = pattern(value);
  return async (facts) => {
    const isDeclined =
      facts.detail?.["challenge_status"] === "declined" ||
      facts.body?.result?.["authentication"] === "DECLINED";
    if (isDeclined) return expected.match("challenge_declined");
    const challenges = await facts.challenges();
    if (challenges !== undefined && challenges.length > 1) return false;
    const session = challenges?.[0]?.session;
    return session === undefined ? undefined : expected.match(session);
  };
}

function challengeExpired(value: string): Decide {
  return async (facts) => {
    const challenges = await facts.challenges();
    if (challenges !== undefined && challenges.length > 1) return false;
    const isExpired = challenges?.[0]?.isExpired;
    return isExpired === undefined ? undefined : isExpired === isTrue(value);
  };
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
