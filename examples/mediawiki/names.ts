/**
 * Says how the account of a user is called in the wiki. It is given the user name in lower case, since the directory
 * does not tell "ada" and "Ada" apart and MediaWiki does; MediaWiki makes the first letter a capital by itself. Two
 * users for whom it says the same name do not both get an account.
 */
export type WikiName = (userName: string) => string;

/** As it is. Names that MediaWiki cannot have are refused: those with `@`, `:` or `_`, say. */
export const exactName: WikiName = (userName) => userName;

/** Names as MediaWiki can have them: spaces for `_`, `-` for every other character that is not allowed. */
export const readableName: WikiName = (userName) =>
  userName
    .replaceAll("_", " ")
    .replace(/[#<>[\]|{}@:=/]/g, "-")
    .replace(/ {2,}/g, " ")
    .trim();

/** Of a name that is an address, what stands before the `@`; for directories with one domain. */
export const localPart: WikiName = (userName) => readableName(userName.replace(/@[^@]*$/, ""));
