/* Fades of an adapter: faders that move by themselves over the tokens of a reply. */

import { el, setAttribute, setText, showText, svg } from "../page/elements.js";
import { textField } from "../page/fields.js";
import { foldable } from "../page/foldable.js";
import { fadeAt } from "../page/gains.js";
import { keyed } from "../page/keyed.js";
import { guard } from "../page/lifetime.js";
import { fadersOf, peekFaders } from "../page/panel.js";
import { store } from "../page/store.js";
import { EXAMPLE, nameOfFader, readFade, writeFade } from "./fade_points.js";

/** @import { Adapter, FadePoints, Fades } from "../page/messages.js" */

const WIDTH = 168;
const HEIGHT = 40;

/** A little drawing of a fade: gain over tokens, a dashed line at 1. */
function drawing() {
  const line = svg("polyline", { class: "lora-mixer-fade-line" });
  const one = svg("line", { class: "lora-mixer-fade-one", x1: 0, x2: WIDTH });
  const node = svg(
    "svg",
    { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, width: WIDTH, height: HEIGHT, class: "lora-mixer-fade-curve", role: "img" },
    one,
    line,
  );
  return {
    node,
    /** @param {FadePoints} points */
    update(points) {
      const end = Math.max(32, points[points.length - 1][0] * 1.2);
      const gains = points.map((point) => point[1]);
      const low = Math.min(0, ...gains);
      const high = Math.max(1.25, ...gains);
      const y = (/** @type {number} */ gain) => (HEIGHT - 3 - ((gain - low) / (high - low)) * (HEIGHT - 6)).toFixed(1);
      const all = [[0, fadeAt(points, 0)], ...points, [end, gains[gains.length - 1]]];
      setAttribute(
        line,
        "points",
        all.map(([token, gain]) => `${((token / end) * WIDTH).toFixed(1)},${y(gain)}`).join(" "),
      );
      setAttribute(one, "y1", y(1));
      setAttribute(one, "y2", y(1));
      setAttribute(node, "aria-label", `Gain over the reply: ${writeFade(points)}`);
    },
  };
}

/**
 * @param {Adapter} adapter
 * @param {string} key
 */
function fadeRow(adapter, key) {
  const edit = (/** @type {(fades: Fades) => void} */ fn) =>
    store.edit((panel) => fn(fadersOf(panel, adapter.name).fades));
  const name = nameOfFader(key);
  const where = `of ${name} of ${adapter.name}`;
  const field = textField("", { "aria-label": `Fade ${where}: gains at tokens`, placeholder: EXAMPLE });
  const picture = drawing();
  const remove = () =>
    edit((fades) => {
      delete fades[key];
    });
  const gone = el("button", {
    type: "button",
    class: "sign",
    text: "\u00d7",
    "aria-label": `Remove the fade ${where}`,
    title: "Remove this fade",
    data: { do: "remove-fade" },
    on: { click: remove },
  });
  let shown = "";
  const commit = () => {
    if (field.input.value.trim() === shown) return;
    const { points, why } = readFade(field.input.value);
    field.complain(why);
    if (points) {
      edit((fades) => {
        fades[key] = points;
      });
    }
  };
  field.input.addEventListener("change", guard("fade", commit));
  field.input.addEventListener(
    "keydown",
    guard("fade", (/** @type {KeyboardEvent} */ event) => {
      if (event.key === "Enter") {
        event.preventDefault();
        commit();
      }
      if (event.key === "Escape") {
        event.preventDefault();
        field.input.value = shown;
        field.complain("");
      }
    }),
  );
  const title = el("span", { class: "fader-name", text: name, title: name });
  return {
    node: el("div", { class: "fade", data: { fade: key } }, title, field.node, picture.node, gone),
    /** @param {FadePoints} points */
    update(points) {
      const text = writeFade(points);
      const typing = document.activeElement === field.input && field.input.value.trim() !== shown;
      if (text !== shown && !typing) field.input.value = text;
      shown = text;
      picture.update(points);
    },
  };
}

/**
 * A section of the strip.
 *
 * @param {Adapter} adapter
 */
export function fadeSection(adapter) {
  /**
   * @param {string} label
   * @param {string} of
   * @param {Array<string | number>} names
   */
  const group = (label, of, names) => {
    const options = names.map((name) => el("option", { value: `${of}:${name}`, text: nameOfFader(`${of}:${name}`) }));
    return options.length ? el("optgroup", { label }, ...options) : null;
  };
  const list = el("div", { class: "fade-list" });
  const which = el(
    "select",
    { class: "select", "aria-label": `Fader of ${adapter.name} to fade` },
    el("option", { value: "master", text: "Master" }),
    group("Kinds", "kind", adapter.kinds),
    group("Layers", "layer", adapter.layers),
  );
  let listed = false; // of the targets there may be thousands: they are listed when somebody looks
  const begin = () =>
    store.edit((panel) => {
      const { fades } = fadersOf(panel, adapter.name);
      if (!(which.value in fades)) {
        fades[which.value] = [
          [0, 0],
          [40, 1],
        ];
      }
    });
  const add = el("button", {
    type: "button",
    class: "button small",
    text: "Add a fade",
    data: { do: "add-fade" },
    on: { click: begin },
  });
  const differs = el("p", { class: "hint", hidden: true });
  const body = el(
    "div",
    { class: "fades" },
    el("p", {
      class: "hint",
      text: "A fader that moves by itself while a reply is written: gains at tokens, with straight lines between them.",
    }),
    differs,
    list,
    el("div", { class: "column-tools" }, which, add),
  );
  const section = foldable(`${adapter.name}/Fade`, "Fade over the reply", false, body, () => store.changed());
  section.node.dataset.section = "fade";
  return {
    node: section.node,
    update() {
      if (section.open && !listed) {
        listed = true;
        const targets = group(
          "Targets",
          "target",
          adapter.targets.map((target) => target[0]),
        );
        if (targets) which.append(targets);
      }
      const engine = store.state?.engine;
      const why = engine?.whyNot.fades ?? "";
      showText(differs, why || (engine?.differs.fades ?? ""));
      which.disabled = add.disabled = why !== "";
      const { fades } = peekFaders(store.panel, adapter.name);
      const all = Object.entries(fades);
      const words = all.map(([key, points]) => `${nameOfFader(key)}: ${writeFade(points)}`).join(" \u00b7 ");
      setText(section.digest, words || "gains that change over the reply");
      keyed(
        list,
        all,
        ([key]) => key,
        ([key]) => fadeRow(adapter, key),
        (row, [, points]) => row.update(points),
      );
    },
  };
}
