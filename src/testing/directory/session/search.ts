import { BerError } from "../ber.js";
import { DomainSearch } from "../dirsync/search.js";
import { AttributeValues, type Entry, selectAttributes } from "../entries/entry.js";
import { evaluate, withoutPasswords } from "../entries/filter.js";
import { isPassword } from "../entries/schema.js";
import { normalizedDnOf } from "../entries/tree.js";
import { DirectoryError, ResultCode } from "../errors.js";
import type { Interruption } from "../planned-faults.js";
import {
  encodeRefreshEnd,
  encodeSyncDone,
  encodeSyncInfo,
  encodeSyncState,
  readSyncRequest,
  syncOids,
} from "../sync/control.js";
import type { SyncMessage, SyncRequest } from "../sync/message.js";
import {
  encodeEntry,
  encodeIntermediate,
  type RequestControl,
  responseControl,
  type SearchOperation,
} from "./message.js";
import { rootDse } from "./root-dse.js";
import type { SearchContext } from "./search-context.js";

/**
 * Sends all that a search finds, and returns the controls of its SearchResultDone.
 *
 * @throws {DirectoryError} where the search ends with another result code than success.
 */
export async function answerSearch(
  request: SearchOperation,
  controls: readonly RequestControl[],
  context: SearchContext,
): Promise<readonly Buffer[]> {
  const { filter } = request;
  const operation = {
    ...request,
    filter: context.seesPasswords ? filter : withoutPasswords(filter),
  };
  const { domain } = context.service;
  const isRootDse = operation.base === "" && operation.scope === "base";
  if (domain !== undefined && !isRootDse) {
    return await new DomainSearch(operation, controls, context, domain).answer();
  }
  const sync = controls.find(({ oid }) => oid === syncOids.request);
  if (sync !== undefined) {
    return await synchronize(operation, readSync(sync.value, context), context);
  }
  if (isRootDse) await sendRootDse(operation, context);
  else await searchTree(operation, context);
  return [];
}

async function sendRootDse(
  { attributes, typesOnly }: SearchOperation,
  { service, messageId, send }: SearchContext,
): Promise<void> {
  const offersTls = service.secureContext !== undefined;
  const { suffix, kind, domain } = service;
  const all = rootDse({ suffix, offersTls, kind, numbers: service.numbers(), domain });
  await send(encodeEntry(messageId, "", selectAttributes(all, attributes, typesOnly)));
}

async function searchTree(operation: SearchOperation, context: SearchContext): Promise<void> {
  const { tree } = context.service;
  const { normalizedDn } = tree.resolve(operation.base);
  let sent = 0;
  for (const entry of tree.search(normalizedDn, operation.scope)) {
    if (evaluate(operation.filter, entry, (key) => tree.isKnown(key)) !== true) continue;
    checkSize(operation, ++sent);
    await context.send(encodeFound(entry, operation, context));
    if (context.signal.aborted) return;
  }
}

function checkSize({ sizeLimit }: SearchOperation, count: number): void {
  if (sizeLimit > 0 && count > sizeLimit) {
    throw new DirectoryError(ResultCode.sizeLimitExceeded, "");
  }
}

/** RFC 4533: the refresh, and then the changes for as long as the client wants them. */
async function synchronize(
  operation: SearchOperation,
  request: SyncRequest,
  context: SearchContext,
): Promise<readonly Buffer[]> {
  const { service, messageId, send, signal } = context;
  if (operation.derefAliases > 1) {
    throw new DirectoryError(ResultCode.protocolError, "illegal value for derefAliases");
  }
  const base = normalizedDnOf(operation.base);
  // slapd names the entry above a missing base only where the search does not persist.
  if (request.mode === "refreshOnly") service.tree.resolve(operation.base);
  else if (!service.tree.get(base)) throw new DirectoryError(ResultCode.noSuchObject, "");
  const content = { base, scope: operation.scope, filter: operation.filter };
  const persists = request.mode === "refreshAndPersist";
  if (persists) await service.sync.writesFinished;
  if (signal.aborted) return [];
  // Both begin now, with no write between, so that no change is missed.
  const refresh = service.sync.refresh(content, request);
  await using live = persists ? service.sync.follow(content, request) : undefined;
  let entries = 0;
  for await (const message of interrupted(refresh.messages, service.faults.takeInterruption())) {
    if (message.kind === "entry") checkSize(operation, ++entries);
    await send(encodeSync(message, operation, context), "refresh");
    if (signal.aborted) return [];
  }
  if (live === undefined) return [responseControl(syncOids.done, encodeSyncDone(refresh))];
  live.endRefresh();
  await send(encodeIntermediate(messageId, syncOids.info, encodeRefreshEnd(refresh)), "refresh");
  for await (const message of live.messages(signal)) {
    await send(encodeSync(message, operation, context), "live");
  }
  return [];
}

/** The messages, with something done between two of them: the next is made after that. */
async function* interrupted<T>(
  messages: Iterable<T>,
  interruption: Interruption | undefined,
): AsyncGenerator<T, void> {
  let sent = 0;
  if (interruption?.afterMessages === 0) await interruption.work();
  for (const message of messages) {
    yield message;
    sent += 1;
    if (interruption?.afterMessages === sent) await interruption.work();
  }
  if (interruption !== undefined && interruption.afterMessages > sent) {
    await interruption.work();
  }
}

/** What 389 Directory Server sends in an increment, whatever was asked for: to it, a lock is operational. */
const partial = { attributes: ["*"], typesOnly: false, leavesOut: "nsaccountlock" };

function encodeSync(
  message: SyncMessage,
  operation: SearchOperation,
  context: SearchContext,
): Buffer {
  const { messageId } = context;
  if (message.kind !== "entry") {
    return encodeIntermediate(messageId, syncOids.info, encodeSyncInfo(message));
  }
  const control = responseControl(syncOids.state, encodeSyncState(message));
  return message.state === "delete"
    ? encodeEntry(messageId, message.entry.dn, [], [control])
    : encodeFound(message.entry, message.isPartial ? partial : operation, context, [control]);
}

function encodeFound(
  entry: Entry,
  operation: Pick<SearchOperation, "attributes" | "typesOnly"> & { readonly leavesOut?: string },
  context: SearchContext,
  controls: readonly Buffer[] = [],
): Buffer {
  const { attributes, typesOnly, leavesOut } = operation;
  const selected = selectAttributes(readable(entry, context), attributes, typesOnly).filter(
    ({ type }) => leavesOut === undefined || type.toLowerCase() !== leavesOut,
  );
  return encodeEntry(context.messageId, entry.dn, selected, controls);
}

/** The attributes that the client may see, those included that follow from the rest of the tree. */
function* readable(
  entry: Entry,
  { service, seesPasswords }: SearchContext,
): Generator<AttributeValues> {
  for (const attribute of entry.all()) {
    if (seesPasswords || !isPassword(attribute.description)) yield attribute;
  }
  yield computed("subschemaSubentry", "cn=Subschema");
  yield computed("hasSubordinates", service.tree.hasChildren(entry) ? "TRUE" : "FALSE");
  if (entry.normalizedDn === service.tree.suffix) {
    yield computed("contextCSN", ...service.sync.contextCsns.values());
  }
}

function computed(name: string, ...values: string[]): AttributeValues {
  return new AttributeValues(
    name,
    values.map((value) => Buffer.from(value)),
  );
}

function readSync(value: Buffer | undefined, { boundDn }: SearchContext): SyncRequest {
  try {
    return { ...readSyncRequest(value ?? Buffer.alloc(0)), bindDn: boundDn };
  } catch (error) {
    if (!(error instanceof BerError)) throw error;
    throw new DirectoryError(ResultCode.protocolError, `Sync control: ${error.message}`);
  }
}
