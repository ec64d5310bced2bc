/* How a gain looks on a grid. Pure functions; no DOM in here. */

/** @typedef {{part: number, from: string, to: string}} Look so much of one colour mixed into another */

/**
 * How a cell looks that is heard at g: hollow at 0 (null), the accent at 1, hot above, violet below 0.
 *
 * @param {number} g
 * @param {number} max
 * @returns {Look | null}
 */
export function lookAt(g, max) {
  if (g === 0) return null;
  if (g < 0) return { part: 0.35 + 0.65 * Math.min(1, -g / max), from: "below", to: "well" };
  if (g <= 1) return { part: 0.12 + 0.88 * g, from: "unity", to: "well" };
  return { part: 0.25 + 0.75 * Math.min(1, (g - 1) / (max - 1)), from: "hot", to: "unity" };
}

/** @param {Look | null} look */
export const colour = (look) =>
  look ? `color-mix(in srgb, var(--lm-${look.from}) ${Math.round(look.part * 20) * 5}%, var(--lm-${look.to}))` : "";

/**
 * White figures where dark ones would no longer be read with ease.
 *
 * @param {Look | null} look
 */
export const isDark = (look) =>
  look !== null && ((look.from === "hot" && look.part > 0.58) || (look.from === "below" && look.part > 0.7));
