/* The bakery: the mix on the desk, or a profile, becomes a new adapter, one out of several, or a whole model. */
(function (M) {
  "use strict";

  const { el, setText, setAttribute } = M.dom;
  const KEY = "bake";
  const PLAN_MS = 350;
  const WAYS = {
    folded: ["Folded: gains in the weights", "Every target\u2019s gain goes into its weights; alpha = rank for all. PEFT, vLLM, llama.cpp and others read it."],
    patterned: ["Patterned: gains in alpha", "The weights stay as they are, alpha and alpha_pattern hold the gains. For PEFT; most other runtimes ignore alpha_pattern."],
    concatenated: ["Concatenated: exact, the ranks add up", "The adapters\u2019 matrices side by side, each scaled by its gain. It says exactly what they say together."],
    merged: ["Merged into the base: a whole model", "Adapters and base become one model that needs no PEFT. As large as the base."],
  };
  const COMBINED = "PEFT\u2019s combination of that name, on weights scaled target by target. It comes near, at a rank of your choice, and is not exact.";
  const SVD = "The nearest adapter of that rank to the exact sum.";

  function boxes(names) {
    const inputs = new Map();
    const node = el("fieldset", { class: "choices", id: "lora-mixer-bake-adapters" }, el("legend", { class: "field-name", text: "Adapters" }));
    return {
      node,
      get chosen() { return [...inputs].filter(([, one]) => one.input.checked).map(([name]) => name); },
      /** What is heard is ticked, until a person ticks otherwise. */
      show(all, heard, changed) {
        for (const [name, one] of inputs) {
          if (all.includes(name)) continue;
          one.node.remove();
          inputs.delete(name);
        }
        for (const name of all) {
          if (!inputs.has(name)) {
            const one = { touched: false };
            one.input = el("input", { type: "checkbox", class: "tick", value: name, on: { change: () => { one.touched = true; changed(); } } });
            one.node = el("label", { class: "choice" }, one.input, el("span", { text: name }));
            inputs.set(name, one);
            node.append(one.node);
          }
          const { input, touched } = inputs.get(name);
          if (!touched && input.checked !== heard.includes(name)) {
            input.checked = heard.includes(name);
            changed();
          }
        }
      },
    };
  }

  /** {node, update(), shown(visible)}. */
  M.bakery = function () {
    const mix = el("select", { class: "select", id: "lora-mixer-bake-mix" });
    const mixField = el("label", { class: "field" }, el("span", { class: "field-name", text: "Mix" }), mix);
    const adapters = boxes();
    const way = el("select", { class: "select", id: "lora-mixer-bake-way" });
    const wayField = el("label", { class: "field" }, el("span", { class: "field-name", text: "Way" }), way);
    const about = el("p", { class: "hint" });
    const rank = M.field("Rank", { id: "lora-mixer-bake-rank", inputmode: "numeric", placeholder: "the largest" });
    const density = M.field("Part of the numbers to keep", { id: "lora-mixer-bake-density", inputmode: "decimal", placeholder: "0.5" });
    const name = M.field("Name", { id: "lora-mixer-bake-name", maxlength: 120, placeholder: "pirate-softer" });
    const where = el("div", { class: "bake-where", id: "lora-mixer-bake-plan", role: "status" });
    const go = el("button", { type: "button", class: "button primary big", text: "Bake", id: "lora-mixer-bake-go" });
    const over = M.askingButton("Overwrite it\u2026", "Yes, overwrite it", { do: "overwrite" }, () => bake(true));
    const why = el("div", { class: "why-not", hidden: true, id: "lora-mixer-bake-why" });
    const job = M.jobLine();
    const result = el("ul", { class: "bake-result", id: "lora-mixer-bake-result", role: "status", hidden: true });
    const form = el("div", { class: "bake-form" },
      el("div", { class: "fields" }, mixField, adapters.node),
      el("div", { class: "fields" }, wayField, rank.node, density.node), about,
      el("div", { class: "fields" }, name.node), where,
      el("div", { class: "column-tools" }, go, over.node));
    const node = el("div", { class: "works" },
      el("div", { class: "heading" }, el("h3", { text: "Bake" }), el("span", { text: "A mix becomes an adapter of its own, which needs no desk any more." })),
      el("div", { class: "panel-card", id: "lora-mixer-bake" }, why, form, job.node, result));

    let bakery = null;
    let visible = false;
    let asked = "";
    let plan = null;
    let timer = 0;
    let rev = -1;
    M.onStop(() => clearTimeout(timer));

    const wish = () => ({
      profile: mix.value, names: adapters.chosen, way: way.value, name: name.input.value,
      rank: rank.node.hidden ? "" : rank.input.value.trim(), density: density.node.hidden ? "" : density.input.value.trim().replace(",", "."),
    });
    const look = () => M.works.order({ do: "bakery" });

    M.works.onNews((news) => {
      if (news.bakery) {
        bakery = news.bakery;
        asked = "";
      }
      if (news.exists && news.job && news.job.key === KEY) {
        plan = { ...(plan || { where: "" }), exists: true };
        name.complain(news.exists);
      }
      if (news.baked) {
        asked = "";
        result.replaceChildren(...news.baked.lines.map((line) => el("li", { text: line })));
        result.hidden = false;
        result.classList.toggle("is-wrong", !news.baked.checked);
      }
    });

    function bake(overwrite) {
      name.complain("");
      result.hidden = true;
      if (!name.input.value.trim()) {
        name.complain("It needs a name.");
        name.input.focus();
        return;
      }
      M.works.start({ ...wish(), do: "bake", overwrite }, KEY);
    }
    go.addEventListener("click", M.guard("baking", () => bake(false)));

    /** Something else is wished, or the same once more: what was planned does not hold, and is asked again. */
    function forget() {
      plan = null;
      asked = "";
    }

    /** What would come of it? Asked when the wish has stood still for a moment. */
    function ask() {
      clearTimeout(timer);
      timer = setTimeout(M.guard("planning", () => {
        const said = wish();
        const key = JSON.stringify([said, M.store.rev]);
        if (key === asked || !said.name.trim() || !said.names.length || !visible) return;
        asked = key;
        M.works.order({ do: "plan", ...said }, (answer) => {
          plan = answer.plan || null;
          const bad = answer.refused || "";
          const field = bad.startsWith("The rank") ? rank : bad.startsWith("The part") ? density : name;
          for (const one of [rank, density, name]) one.complain(one === field ? bad : "");
        });
      }), PLAN_MS);
    }
    for (const field of [rank.input, density.input, name.input, mix, way]) {
      field.addEventListener("input", M.guard("planning", () => { forget(); M.works.changed(); }));
    }

    function options(select, all) {
      const made = JSON.stringify(all);
      if (select.dataset.of === made) return;
      const chosen = select.value;
      select.dataset.of = made;
      select.replaceChildren(...all.map(([value, text]) => el("option", { value, text })));
      if (all.some(([value]) => value === chosen)) select.value = chosen;
    }

    function says() {
      if (!adapters.chosen.length) return "Choose at least one adapter.";
      if (!plan || !plan.where) return "";
      const kind = way.value === "merged" ? "A model" : `An adapter of rank ${plan.rank}`;
      const silent = plan.silent ? `, ${plan.silent} targets of it silent` : "";
      return `${kind}${silent}, in ${plan.where}${plan.exists ? ", where something is already" : ""}.`;
    }

    return {
      node,
      shown(now) {
        if (now && !visible) look();
        visible = now;
        M.works.changed();
      },
      update() {
        job.update(M.works.jobOf(KEY));
        if (!bakery) form.hidden = true;
        if (!bakery) return;
        if (visible && M.store.rev !== rev) {
          rev = M.store.rev;
          look();
        }
        setText(why, bakery.why_not);
        why.hidden = !bakery.why_not;
        form.hidden = Boolean(bakery.why_not);
        if (bakery.why_not) return;
        const profiles = (M.works.profiles || []).map((one) => [one.name, `Profile: ${one.name}`]);
        options(mix, [["", "The faders as they stand"], ...profiles]);
        adapters.show(bakery.adapters, bakery.heard, () => { forget(); M.works.changed(); });
        const several = adapters.chosen.length > 1;
        const ways = several ? ["concatenated", "merged"] : ["folded", "patterned", "merged"];
        options(way, [...ways.map((one) => [one, WAYS[one][0]]), ...(several ? bakery.combinations.map((one) => [one, `Combined: ${one}`]) : [])]);
        setText(about, WAYS[way.value] ? WAYS[way.value][1] : way.value === "svd" ? SVD : COMBINED);
        rank.node.hidden = !several || !way.value.endsWith("svd");
        density.node.hidden = !several || !bakery.need_density.includes(way.value);
        setText(where, says());
        over.node.hidden = !(plan && plan.exists);
        go.hidden = Boolean(plan && plan.exists);
        const busy = M.works.job.running;
        go.disabled = over.button.disabled = busy || !adapters.chosen.length;
        setAttribute(go, "title", busy ? "Something else is being done with the adapters" : "");
        ask();
      },
    };
  };
})(window.loraMixer);
