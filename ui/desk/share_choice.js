/* Which share of the energy is asked after: the line, the curve and the heat map of an adapter go by it. */

import { el, setAttribute } from "../page/elements.js";
import { SHARES } from "../page/rank_choices.js";
import { chooseShare, shareOf } from "./spectra.js";

/** @param {string} name of the adapter */
export function shareChoice(name) {
  const buttons = [...SHARES].reverse().map((share) => ({
    share,
    node: el("button", {
      type: "button",
      class: "brush",
      text: `${Math.round(share * 100)} %`,
      title: `How many components hold ${Math.round(share * 100)} % of what a target adds`,
      data: { share: String(share) },
      on: { click: () => chooseShare(name, share) },
    }),
  }));
  return {
    node: el(
      "div",
      { class: "brushes", role: "group", "aria-label": `Share of the energy of ${name}` },
      el("span", { class: "label", text: "Needed for" }),
      ...buttons.map((one) => one.node),
    ),
    update() {
      const now = shareOf(name);
      for (const { share, node } of buttons) setAttribute(node, "aria-pressed", String(share === now));
    },
  };
}
