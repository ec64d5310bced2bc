/* A fade as people write it: gains at tokens. Pure functions; no DOM in here. */

import { parseNumber } from "../page/numbers.js";

/** @import { FadePoints } from "../page/messages.js" */

export const EXAMPLE = "0 at 0, 1 at 40, 0.3 at 120";

/**
 * The points in "0 at 0, 1 at 40", as Python reads them (lora_ops/fade.py), or why they are none.
 *
 * @param {string} text
 * @returns {{points: FadePoints, why: ""} | {points: null, why: string}}
 */
export function readFade(text) {
  /** @type {FadePoints} */
  const points = [];
  const parts = text.split(",").map((one) => one.trim());
  for (const part of parts.filter(Boolean)) {
    const found = /^(\S+)\s+at\s+(\d{1,8})$/i.exec(part);
    const gain = found && parseNumber(found[1]);
    if (!found || gain === null) {
      return {
        points: null,
        why: `\u201c${part.slice(0, 30)}\u201d is no point: write gains at tokens, as in ${EXAMPLE}`,
      };
    }
    points.push([Number(found[2]), gain]);
  }
  if (!points.length) return { points: null, why: `Write gains at tokens, as in ${EXAMPLE}` };
  points.sort((a, b) => a[0] - b[0]);
  const twice = points.find((point, i) => i > 0 && points[i - 1][0] === point[0]);
  return twice ? { points: null, why: `Token ${twice[0]} is named twice` } : { points, why: "" };
}

/** @param {FadePoints} points */
export const writeFade = (points) =>
  points.map(([token, gain]) => `${Number(gain.toPrecision(6))} at ${token}`).join(", ");

/**
 * A fader's key in words: "Master", "q_proj", "layer 3".
 *
 * @param {string} key
 */
export function nameOfFader(key) {
  const [of, name = ""] = key.split(/:(.*)/s);
  return of === "master" ? "Master" : of === "layer" ? `layer ${name}` : name;
}
