import fc from "fast-check";
import { expect, test } from "vitest";
import { MessageFramer } from "../../src/ldap/wire/framing.js";

/** A message with so many octets of contents, each of which says whose they are. */
function message(length: number, mark: number): Buffer {
  const header = Buffer.from([0x30, 0x84, 0, 0, 0, 0]);
  header.writeUInt32BE(length, 2);
  return Buffer.concat([header, Buffer.alloc(length, mark)]);
}

const lengths = fc.oneof(
  fc.nat(300),
  fc.integer({ min: 60_000, max: 70_000 }),
  fc.integer({ min: 100_000, max: 400_000 }),
);
/** How much a read gives at most. */
const reads = fc.array(fc.oneof(fc.integer({ min: 1, max: 20 }), fc.nat(500_000)), {
  minLength: 1,
});

test("messages come whole and in order, however they are read and whenever their bytes are given back", () => {
  fc.assert(
    fc.property(
      fc.array(lengths, { minLength: 1, maxLength: 20 }),
      reads,
      fc.infiniteStream(fc.boolean()),
      fc.infiniteStream(fc.boolean()),
      (sizes, steps, isChunk, isGivenBack) => {
        const sent = sizes.map((size, index) => message(size, index + 1));
        const stream = Buffer.concat(sent);
        const framer = new MessageFramer(1_000_000);
        let held: { index: number; bytes: Buffer; start: number; end: number }[] = [];
        let arrived = 0;
        const check = ({ index, bytes, start, end }: (typeof held)[number]): void => {
          const isSame = sent[index]?.equals(bytes.subarray(start, end));
          expect(isSame, `message ${index}`).toBe(true);
        };
        let offset = 0;
        for (let step = 0; offset < stream.length; step += 1) {
          const most = Math.max(1, steps[step % steps.length] ?? 1);
          const deliver = (bytes: Buffer, start: number, end: number): void => {
            held.push({ index: arrived++, bytes, start, end });
          };
          if (isChunk.next().value) {
            const chunk = Buffer.from(stream.subarray(offset, offset + most));
            framer.push(chunk, deliver);
            offset += chunk.length;
          } else {
            const room = framer.room();
            const length = stream.copy(room, 0, offset, offset + most);
            framer.fill(length, deliver);
            offset += length;
          }
          // What is held must still be what it was; what has been given back need not.
          for (const one of held) check(one);
          // One may be given back while another in the same chunk is held.
          held = held.filter(({ bytes }) => {
            const isKept = isGivenBack.next().value;
            if (!isKept) framer.reuse(bytes);
            return isKept;
          });
        }
        expect(arrived).toBe(sent.length);
        expect(framer.pending).toBe(0);
      },
    ),
    { numRuns: 200 },
  );
});

test("a large message is read into the buffer of the one before it, once that has been given back", () => {
  const framer = new MessageFramer(1_000_000);
  const buffers: Buffer[] = [];
  const read = (bytes: Buffer): void => {
    for (let offset = 0; offset < bytes.length; ) {
      const length = bytes.copy(framer.room(), 0, offset);
      framer.fill(length, (buffer) => buffers.push(buffer));
      offset += length;
    }
  };
  read(message(300_000, 1));
  for (const buffer of buffers) framer.reuse(buffer);
  read(message(301_000, 2));
  read(message(302_000, 3));
  expect(buffers[1]).toBe(buffers[0]);
  expect(buffers[2]).not.toBe(buffers[0]);
});
