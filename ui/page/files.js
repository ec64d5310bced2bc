/* Files that the page makes and reads itself: nothing is kept on the server. */

import { el } from "./elements.js";
import { guard } from "./lifetime.js";

const KEPT_MS = 60000; // how long a browser has to take a file

/**
 * Have the browser keep a text as a file.
 *
 * @param {string} name
 * @param {string} text
 * @param {string} [type]
 */
export function download(name, text, type = "application/json") {
  const link = el("a", { download: name, href: URL.createObjectURL(new Blob([text], { type })) });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), KEPT_MS);
}

/**
 * Reads a file that the user chooses, as base64.
 *
 * @param {string} accept
 * @param {number} most megabytes
 * @param {(name: string, data: string) => void} then
 * @param {(why: string) => void} complain
 */
export function filePicker(accept, most, then, complain) {
  const input = el("input", { type: "file", accept, hidden: true, tabindex: "-1" });
  input.addEventListener(
    "change",
    guard("file", () => {
      const file = input.files?.[0];
      input.value = "";
      if (!file) return;
      if (file.size > most * 1e6) {
        complain(`${file.name} has ${(file.size / 1e6).toFixed(1)} MB: no more than ${most} MB can be read here.`);
        return;
      }
      const reader = new FileReader();
      reader.onload = guard("file", () => then(file.name, String(reader.result).split(",")[1] || ""));
      reader.onerror = guard("file", () => complain(`${file.name} could not be read: ${reader.error?.message}`));
      reader.readAsDataURL(file);
    }),
  );
  return { input, open: () => input.click() };
}

/**
 * The text of a file that was read as base64.
 *
 * @param {string} data
 */
export const textOf = (data) => new TextDecoder().decode(Uint8Array.from(atob(data), (c) => c.charCodeAt(0)));
