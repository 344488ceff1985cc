import { expect, test } from "vitest";
import { type Edits, filesWithErrors } from "./scratch-copy.js";

const profile: Edits = {
  "src/signing/example/example.ts": `
    export interface ExampleSignerOptions { readonly profile: "example"; readonly suffix: string }
    export interface ExampleVerifierOptions { readonly profile: "example" }
    export class ExampleSigner {
      readonly #suffix: string;
      constructor({ suffix }: ExampleSignerOptions) { this.#suffix = suffix; }
      sign(text: string): string { return text + this.#suffix; }
    }
    export class ExampleVerifier {
      constructor(_: ExampleVerifierOptions) {}
      verify(text: string): boolean { return text !== ""; }
    }`,
};
const imported = [
  "import {\n  DraftSigner,",
  `import { ExampleSigner, type ExampleSignerOptions, ExampleVerifier, type ExampleVerifierOptions } from "./example/example.js";
  import {\n  DraftSigner,`,
] as const;
const declared = [
  "export interface SigningProfiles {",
  `export interface SigningProfiles {
    readonly example: {
      readonly signerOptions: ExampleSignerOptions;
      readonly signer: ExampleSigner;
      readonly verifierOptions: ExampleVerifierOptions;
      readonly verifier: ExampleVerifier;
    };`,
] as const;
const made = [
  '  "simple-sso": { signer: SimpleSsoSigner',
  '  example: { signer: ExampleSigner, verifier: ExampleVerifier },\n  "simple-sso": { signer: SimpleSsoSigner',
] as const;

test("a signing profile is a file of its own and its lines in one table, which does not compile without them", {
  timeout: 180_000,
}, () => {
  const table = "src/signing/profiles.ts";
  const use = `
    import { createSigner, createVerifier } from "./index.js";
    const text: string = createSigner({ profile: "example", suffix: "!" }).sign("text");
    export const isVerified: boolean = createVerifier({ profile: "example" }).verify(text);`;
  const whole: Edits = {
    ...profile,
    "src/signing/use.ts": use,
    "src/signing/wrong-use.ts": use.replace('suffix: "!"', "suffix: 1"),
    [table]: [imported, declared, made],
  };
  expect(filesWithErrors("signing", whole)).toEqual(["src/signing/wrong-use.ts"]);
  expect(filesWithErrors("signing", { ...profile, [table]: [imported, declared] })).toEqual([
    table,
  ]);
});

test("a sign-on format is a file of its own and a line in one table, which does not compile without it", {
  timeout: 180_000,
}, () => {
  const table = "src/sso/formats/formats.ts";
  const names: Edits = {
    "src/repositories/consumer-repository.ts": [
      ['readonly format: "http-signature"', 'readonly format: "example" | "http-signature"'],
    ],
  };
  expect(filesWithErrors("sso", names)).toEqual([table]);
  const whole: Edits = {
    ...names,
    "src/sso/formats/example.ts": `
      import type { WireFormat } from "./format.js";
      import { httpSignature } from "./http-signature.js";
      export const example: WireFormat = { ...httpSignature };`,
    [table]: [
      [
        "import { httpSignature }",
        'import { example } from "./example.js";\nimport { httpSignature }',
      ],
      ['  "http-signature": httpSignature', '  example,\n  "http-signature": httpSignature'],
    ],
  };
  expect(filesWithErrors("sso", whole)).toEqual([]);
});
