/* A column's letter. */

/**
 * The letter of a label: "B" of "B · the base model".
 *
 * @param {string} label
 */
export const letterOf = (label) => label.split(" \u00b7 ")[0];
