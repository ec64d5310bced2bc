/* Which adapters of the shelf are shown, in which order. Pure functions; no DOM in here. */

/** @import { ShelfEntry } from "./messages.js" */

/** @typedef {"name" | "time"} Sort */

/**
 * @param {ShelfEntry} entry
 * @param {string[]} words
 */
function matches(entry, words) {
  const rank = entry.rank.length === 1 ? `rank ${entry.rank[0]}` : "";
  const about = [entry.id, entry.base, entry.method, ...entry.kinds, entry.note, ...entry.collections, rank];
  const text = about.join(" ").toLowerCase();
  return words.every((word) => text.includes(word));
}

/**
 * When the newest part of it was written.
 *
 * @param {ShelfEntry} entry
 * @returns {number}
 */
const newest = (entry) => Math.max(entry.time || 0, ...entry.entries.map(newest));

/**
 * @param {ShelfEntry} a
 * @param {ShelfEntry} b
 */
const byName = (a, b) => a.id.localeCompare(b.id, undefined, { numeric: true, sensitivity: "base" });

/**
 * @param {ShelfEntry} a
 * @param {ShelfEntry} b
 */
const byTime = (a, b) => newest(b) - newest(a) || byName(a, b);

/**
 * The entries to show, in order. Of a run all checkpoints are shown where it matches itself, else those that match;
 * opened where that is why it is shown.
 *
 * @param {ShelfEntry[]} entries
 * @param {{words: string, collection: string, sort: Sort}} wanted collection: "" is all
 */
export function wantedEntries(entries, { words: typed, collection, sort }) {
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
  const fits = (/** @type {ShelfEntry} */ entry) =>
    matches(entry, words) && (!collection || entry.collections.includes(collection));
  const found = [];
  for (const entry of entries) {
    const some = entry.entries.filter(fits);
    const self = fits(entry);
    if (!self && !some.length) continue;
    const inside = self && !(collection && some.length) ? entry.entries : some;
    const opened = !self || (words.length > 0 && some.length > 0 && some.length < entry.entries.length);
    found.push({ entry, inside, opened });
  }
  const order = sort === "time" ? byTime : byName;
  return found.sort((a, b) => order(a.entry, b.entry));
}
