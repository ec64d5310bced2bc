/* The page of adapters: the shelf, and below it baking, and what to try at the next training. */

import { el } from "../page/elements.js";
import { jobs } from "../page/jobs.js";
import { placed } from "../page/place.js";
import { store } from "../page/store.js";
import { bakeForm } from "./bake.js";
import { recipeForm } from "./recipe.js";
import { shelfTable } from "./shelf.js";

export function adaptersPage() {
  const shelf = shelfTable();
  const bake = bakeForm();
  const recipe = recipeForm();
  const heading = el(
    "div",
    { class: "heading" },
    el("h3", { text: "Shelf" }),
    el("span", { text: "The adapters in the host\u2019s folder, and what is known of them without loading any." }),
  );
  const root = el(
    "div",
    { class: "works", id: "lora-mixer-adapters-page" },
    heading,
    shelf.node,
    bake.node,
    recipe.node,
  );
  const place = placed(root, "lora-mixer-works", {
    narrow: 640,
    moved: jobs.changed,
    seen: (now) => {
      shelf.shown(now);
      bake.shown(now);
    },
  });
  jobs.onChange(() => {
    shelf.update();
    bake.update();
    recipe.update();
  });
  store.onChange(jobs.changed);
  return {
    ...place,
    tick() {
      jobs.tick();
      shelf.tick();
    },
  };
}
