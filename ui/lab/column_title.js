/* What a column is called where both its letter and its name are told. */

/** @import { ColumnTitle } from "./messages.js" */

/** @param {ColumnTitle} column */
export const titleOf = ({ letter, name }) => `${letter} \u00b7 ${name}`;
