/** What the rooms of this package say to each other of changes. */

export { editOf, type ListEdit, type ListId, listId, noteEdit } from "./list-edits.js";
