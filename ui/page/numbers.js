/* Reading and writing numbers, for people. Pure functions; no DOM in here. */

/**
 * A finite number from what a person typed ("0,5" counts), or null.
 *
 * @param {string} text
 */
export function parseNumber(text) {
  const plain = String(text)
    .trim()
    .replace(/\u2212/g, "-")
    .replace(",", ".");
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(plain)) return null;
  const value = Number(plain);
  return Number.isFinite(value) ? value + 0 : null;
}

/**
 * A gain for reading and typing: two decimals, three if it has them; huge ones as 1.2e+30.
 *
 * @param {number} value
 */
export function writeGain(value) {
  const size = Math.abs(value);
  if (size !== 0 && (size >= 1e5 || size < 0.001)) return Number(value.toPrecision(3)).toString();
  const three = value.toFixed(3);
  return three.endsWith("0") ? value.toFixed(2) : three;
}

/**
 * A number that is no fader: as short as it can be.
 *
 * @param {number} value
 */
export const writeShort = (value) => String(Number(Number(value).toPrecision(4))).replace("-", "\u2212");

/**
 * Two numbers as a range; one where they read the same.
 *
 * @param {number} lo
 * @param {number} hi
 * @param {(value: number) => string} write
 */
export const writeRange = (lo, hi, write) =>
  write(lo) === write(hi) ? write(lo) : `${write(lo)} ${lo < 0 ? "to" : "\u2013"} ${write(hi)}`;

/**
 * Up to three characters for a cell, and a sign: ".5", "1.3", "12", "-.5".
 *
 * @param {number} value
 */
export function writeTiny(value) {
  const size = Math.abs(value);
  if (size >= 99.5) return value < 0 ? "-\u221e" : "99+";
  const digits = size >= 9.95 ? 0 : value < 0 || size >= 1 ? 1 : 2;
  const text = String(Number(value.toFixed(digits))).replace(/^(-?)0\./, "$1.");
  return text === "-0" ? "0" : text;
}

/**
 * How many, in three or four characters: "134.52 M".
 *
 * @param {number} n
 */
export function writeCount(n) {
  if (n >= 1e9) return `${(n / 1e9).toFixed(2)} B`;
  if (n >= 1e6) return `${(n / 1e6).toFixed(2)} M`;
  if (n >= 1e3) return `${(n / 1e3).toFixed(1)} K`;
  return String(n);
}

/**
 * Bytes for people: 9.8 MB.
 *
 * @param {number} n
 */
export function writeBytes(n) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let at = 0;
  let value = n;
  while (value >= 999.5 && at < units.length - 1) {
    value /= 1000;
    at += 1;
  }
  return `${at === 0 || value >= 99.5 ? Math.round(value) : value.toPrecision(2)} ${units[at]}`;
}

/**
 * When something was, for people: "today 14:03", "24 Nov 2026".
 *
 * @param {number} seconds since 1970; 0 is no time
 */
export function writeTime(seconds) {
  if (!seconds) return "";
  const date = new Date(seconds * 1000);
  const clock = date.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
  if (date.toDateString() === new Date().toDateString()) return `today ${clock}`;
  return date.toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric" });
}

/** @param {number} share from 0 to 1 */
export const writePercent = (share) => `${(share * 100).toPrecision(share < 0.0001 ? 1 : 3)} %`;

/**
 * @param {number} n
 * @param {string} one
 * @param {string} many
 */
export const writeCounted = (n, one, many) => `${n.toLocaleString("en")} ${n === 1 ? one : many}`;

/**
 * Round numbers from min to max, in equal steps: five of them for the usual range, eight at most; 0 is one of them.
 *
 * @param {number} min
 * @param {number} max
 */
export function roundTicks(min, max) {
  const decade = 10 ** Math.floor(Math.log10((max - min) / 7));
  const step = [1, 2, 2.5, 5, 10].map((s) => s * decade).find((s) => (max - min) / s <= 7) || max - min;
  const out = [];
  for (let i = Math.ceil(min / step - 1e-9); i * step <= max + step * 1e-9; i += 1)
    out.push(Number((i * step).toPrecision(12)));
  return out;
}

/**
 * @param {number} value
 * @param {number} lo
 * @param {number} hi
 */
export const clamp = (value, lo, hi) => Math.min(hi, Math.max(lo, value));

/**
 * A gain as a fader sets it: two decimals.
 *
 * @param {number} value
 */
export const roundGain = (value) => Math.round(value * 100) / 100 + 0;

/**
 * The name of a method of adapters, for people.
 *
 * @param {{method: string, rslora: boolean}} adapter
 */
export const writeMethod = ({ method, rslora }) =>
  (METHODS[method] ?? (method || "?")) + (rslora ? ", rank-stabilised" : "");

/** @type {Record<string, string>} */
const METHODS = {
  lora: "LoRA",
  dora: "DoRA",
  loha: "LoHa",
  lokr: "LoKr",
  adalora: "AdaLoRA",
  oft: "OFT",
  boft: "BOFT",
  ia3: "IA3",
};
