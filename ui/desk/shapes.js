/* Shapes: ready-made curves for an adapter, one button for each. */

import { lab } from "../lab/lab.js";
import { el } from "../page/elements.js";
import { keyed } from "../page/keyed.js";
import { saved } from "../page/saved_profiles.js";
import { moveWithUndo } from "./undo.js";

/** @import { Adapter } from "../page/messages.js" */

/** @param {Adapter} adapter */
export function shapeButtons(adapter) {
  const list = el("span", { class: "shape-list" });
  const label = el("span", { class: "label", text: "Shape" });
  const node = el(
    "div",
    { class: "brushes shapes", role: "group", "aria-label": `Shapes for ${adapter.name}`, hidden: true },
    label,
    list,
  );
  return {
    node,
    update() {
      const shapes = adapter.targets.length ? (saved.known?.shapes ?? []) : [];
      node.hidden = !shapes.length;
      keyed(
        list,
        shapes,
        (shape) => shape.name,
        ({ name, title, about }) => {
          const put = () =>
            moveWithUndo(
              { do: "shape", adapter: adapter.name, shape: name },
              `${adapter.name}: ${title}.`,
              (answer) => {
                if (answer.refused) lab.tell(answer.refused.why);
              },
            );
          return {
            node: el("button", {
              type: "button",
              class: "brush",
              text: title,
              title: about,
              data: { shape: name },
              on: { click: put },
            }),
          };
        },
      );
    },
  };
}
