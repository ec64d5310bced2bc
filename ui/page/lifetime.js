/* How long all of this lives: the host may run the script again, and what ran before tidies up after itself. */

/** @type {Array<() => void>} */
const undo = [];
const warned = new Set();

/**
 * Run fn when this script is stopped or run again.
 *
 * @param {() => void} fn
 */
export function onStop(fn) {
  undo.push(fn);
}

/** Take all of ours off the page. */
export function stop() {
  for (const fn of undo.splice(0)) guard("stopping", fn)();
}

/**
 * fn, but what it throws never reaches the host: it is warned about once.
 *
 * @template {unknown[]} A
 * @template R
 * @param {string} what names it in the warning
 * @param {(...args: A) => R} fn
 * @returns {(...args: A) => R | undefined}
 */
export function guard(what, fn) {
  return (...args) => {
    try {
      return fn(...args);
    } catch (error) {
      if (!warned.has(what)) console.warn(`LoRA Mixer, ${what}:`, error);
      warned.add(what);
      return undefined;
    }
  };
}

/**
 * addEventListener that ends with stop().
 *
 * @template {Event} E
 * @param {EventTarget} target
 * @param {string} type
 * @param {(event: E) => void} fn
 * @param {boolean | AddEventListenerOptions} [options]
 */
export function listen(target, type, fn, options) {
  const safe = /** @type {EventListener} */ (/** @type {unknown} */ (guard(type, fn)));
  target.addEventListener(type, safe, options);
  onStop(() => target.removeEventListener(type, safe, options));
}
