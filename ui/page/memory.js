/* What this browser remembers from one visit to the next. */

/**
 * @param {string} key
 * @param {string} value
 */
export function remember(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch (_) {
    // Private browsing: it is forgotten, no more.
  }
}

/**
 * @param {string} key
 * @returns {string | null}
 */
export function recall(key) {
  try {
    return localStorage.getItem(key);
  } catch (_) {
    return null;
  }
}
