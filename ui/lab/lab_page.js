/* Comparing, all of it together: the columns, the question, the replies. */

import { el } from "../page/elements.js";
import { placed } from "../page/place.js";
import { charts } from "./charts.js";
import { columnList } from "./columns.js";
import { differences } from "./differences.js";
import { lab } from "./lab.js";
import { questionForm } from "./questions.js";
import { resultCards } from "./results.js";
import { sharing } from "./sharing.js";

export function labPage() {
  const columns = columnList();
  const questions = questionForm();
  const results = resultCards();
  const heading = el(
    "div",
    { class: "heading" },
    el("h3", { text: "Compare" }),
    el("span", { text: "Several settings, one prompt, the same dice." }),
  );
  const root = el(
    "div",
    { class: "lab", id: "lora-mixer-compare" },
    heading,
    columns.node,
    questions.node,
    questions.go,
    results.node,
  );
  const parts = [columns, questions, results, differences(results), charts(root, results), sharing(results)];
  lab.onChange(() => {
    for (const part of parts) part.update();
  });
  return placed(root, "lora-mixer-lab", { narrow: 560, resized: results.resize, moved: lab.changed });
}
