/** Where the changes of a controller were left. */
export interface Position {
  /** The cookie of DirSync. */
  readonly cookie: Buffer;
  /** Which controller it is of, and which life of its database: a supported restore gives it another one. */
  readonly invocationId: string;
  /** The highest number of a change that the controller had given, once the cookie had been read. */
  readonly usn: bigint;
  /** The controller's time then, as a generalized time. */
  readonly time: string;
}

export function printPosition({ cookie, invocationId, usn, time }: Position): string {
  return JSON.stringify([cookie.toString("base64"), invocationId, String(usn), time]);
}

/** Undefined of what is no position. */
export function parsePosition(text: string | undefined): Position | undefined {
  if (text === undefined) return undefined;
  const [cookie, invocationId, usn, time] = parseFields(text);
  if (cookie === undefined || invocationId === undefined) return undefined;
  if (usn === undefined || time === undefined || !/^\d{1,20}$/.test(usn)) return undefined;
  return { cookie: Buffer.from(cookie, "base64"), invocationId, usn: BigInt(usn), time };
}

function parseFields(text: string): readonly string[] {
  try {
    const fields: unknown = JSON.parse(text);
    return Array.isArray(fields) && fields.every((field) => typeof field === "string")
      ? fields
      : [];
  } catch {
    return [];
  }
}
