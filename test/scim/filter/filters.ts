import type { CompareOperator, CompValue, Filter } from "concordat/scim";
import fc from "fast-check";

const attributeName = fc.oneof(
  fc.constantFrom("userName", "not", "and", "or", "pr", "eq", "true", "null", "$ref", "x-1_a$"),
  fc.stringMatching(/^[A-Za-z][A-Za-z0-9_$-]{0,6}$/),
);
const uri = fc.constantFrom(
  "urn:ietf:params:scim:schemas:core:2.0:User",
  "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
  "https://example.com/schemas/2.0/~badge?x=1",
);
const attrPath = fc.record(
  { schema: uri, attribute: attributeName, subAttribute: attributeName },
  { requiredKeys: ["attribute"] },
);
const operator = fc.constantFrom<CompareOperator[]>(
  ...(["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"] as const),
);
const value: fc.Arbitrary<CompValue> = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.string(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.integer(),
  fc.boolean(),
  fc.constant(null),
);

/** Any filter that can be written down, whether it makes sense or not. */
export const anyFilter: fc.Arbitrary<Filter> = filterOf(false);
const anyValueFilter: fc.Arbitrary<Filter> = filterOf(true);

function filterOf(isInValuePath: boolean): fc.Arbitrary<Filter> {
  return fc.letrec<{ filter: Filter }>((tie) => {
    const parts = fc.array(tie("filter"), { minLength: 2, maxLength: 4 });
    const leaves: fc.Arbitrary<Filter>[] = [
      fc.record({ operator, path: attrPath, value }),
      fc.record({ operator: fc.constant("pr"), path: attrPath }),
    ];
    if (!isInValuePath) {
      const filter = fc.constant(null).chain(() => anyValueFilter);
      leaves.push(fc.record({ operator: fc.constant("valuePath"), path: attrPath, filter }));
    }
    return {
      filter: fc.oneof(
        { maxDepth: 5 },
        fc.oneof(...leaves),
        fc.record({ operator: fc.constant("and"), filters: parts }),
        fc.record({ operator: fc.constant("or"), filters: parts }),
        fc.record({ operator: fc.constant("not"), filter: tie("filter") }),
      ),
    };
  }).filter;
}
