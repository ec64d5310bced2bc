/* Putting a text on the clipboard. */

/**
 * Browsers have no clipboard for a page that came over plain http from another machine, and may refuse it to any.
 *
 * @param {string} text
 */
export async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}
