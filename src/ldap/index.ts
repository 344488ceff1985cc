export { type AttributeTypeAndValue, DnNormalizer, normalizeDn, parseDn, type Rdn } from "./dn.js";
