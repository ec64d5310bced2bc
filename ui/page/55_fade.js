/* Fades of an adapter: faders that move by themselves over the tokens of a reply. */
(function (M) {
  "use strict";

  const { el, svg, setText, setAttribute } = M.dom;
  const EXAMPLE = "0 at 0, 1 at 40, 0.3 at 120";
  const WIDTH = 168;
  const HEIGHT = 40;

  /** The points in "0 at 0, 1 at 40", as Python reads them: {points} or {why}. */
  function read(text) {
    const points = [];
    for (const part of text.split(",").map((one) => one.trim()).filter(Boolean)) {
      const found = /^(\S+)\s+at\s+(\d{1,8})$/i.exec(part);
      const gain = found && M.model.parse(found[1]);
      if (!found || gain === null) return { why: `\u201c${part.slice(0, 30)}\u201d is no point: write gains at tokens, as in ${EXAMPLE}` };
      points.push([Number(found[2]), gain]);
    }
    if (!points.length) return { why: `Write gains at tokens, as in ${EXAMPLE}` };
    points.sort((a, b) => a[0] - b[0]);
    const twice = points.find((point, i) => i && points[i - 1][0] === point[0]);
    return twice ? { why: `Token ${twice[0]} is named twice` } : { points };
  }

  const write = (points) => points.map(([token, gain]) => `${Number(gain.toPrecision(6))} at ${token}`).join(", ");

  function nameOf(key) {
    const [of, name] = key.split(/:(.*)/s);
    return of === "master" ? "Master" : of === "layer" ? `layer ${name}` : name;
  }

  /** A little drawing of a fade: gain over tokens, a dashed line at 1. */
  function drawing() {
    const line = svg("polyline", { class: "lora-mixer-fade-line" });
    const one = svg("line", { class: "lora-mixer-fade-one", x1: 0, x2: WIDTH });
    const node = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, width: WIDTH, height: HEIGHT, class: "lora-mixer-fade-curve", role: "img" }, one, line);
    return {
      node,
      update(points) {
        const end = Math.max(32, points[points.length - 1][0] * 1.2);
        const gains = points.map((point) => point[1]);
        const low = Math.min(0, ...gains);
        const high = Math.max(1.25, ...gains);
        const y = (gain) => (HEIGHT - 3 - ((gain - low) / (high - low)) * (HEIGHT - 6)).toFixed(1);
        const all = [[0, M.model.fadeAt(points, 0)], ...points, [end, gains[gains.length - 1]]];
        setAttribute(line, "points", all.map(([token, gain]) => `${((token / end) * WIDTH).toFixed(1)},${y(gain)}`).join(" "));
        setAttribute(one, "y1", y(1));
        setAttribute(one, "y2", y(1));
        setAttribute(node, "aria-label", `Gain over the reply: ${write(points)}`);
      },
    };
  }

  function row(adapter, key) {
    const edit = (fn) => M.store.edit((p) => fn(M.model.of(p, adapter.name).fades));
    const where = `of ${nameOf(key)} of ${adapter.name}`;
    const field = M.field("", { "aria-label": `Fade ${where}: gains at tokens`, placeholder: EXAMPLE });
    field.node.firstChild.remove();
    const picture = drawing();
    const gone = el("button", { type: "button", class: "sign", text: "\u00d7", "aria-label": `Remove the fade ${where}`, title: "Remove this fade",
      data: { do: "remove-fade" }, on: { click: () => edit((fades) => { delete fades[key]; }) } });
    let shown = "";
    const commit = () => {
      if (field.input.value.trim() === shown) return;
      const { points, why } = read(field.input.value);
      field.complain(why || "");
      if (points) edit((fades) => { fades[key] = points; });
    };
    field.input.addEventListener("change", M.guard("fade", commit));
    field.input.addEventListener("keydown", M.guard("fade", (event) => {
      if (event.key === "Enter") { event.preventDefault(); commit(); }
      if (event.key === "Escape") { event.preventDefault(); field.input.value = shown; field.complain(""); }
    }));
    const name = nameOf(key);
    return {
      key,
      node: el("div", { class: "fade", data: { fade: key } }, el("span", { class: "fader-name", text: name, title: name }), field.node, picture.node, gone),
      update(points) {
        const text = write(points);
        if (text !== shown && document.activeElement !== field.input) field.input.value = text;
        else if (text !== shown && field.input.value.trim() === shown) field.input.value = text;
        shown = text;
        picture.update(points);
      },
    };
  }

  /** {node, update()}: a section of the strip. */
  M.fades = function (adapter) {
    const list = el("div", { class: "fade-list" });
    const group = (label, of, names) => names.length
      ? el("optgroup", { label }, ...names.map((name) => el("option", { value: `${of}:${name}`, text: nameOf(`${of}:${name}`) }))) : null;
    const which = el("select", { class: "select", "aria-label": `Fader of ${adapter.name} to fade` },
      el("option", { value: "master", text: "Master" }), group("Kinds", "kind", adapter.kinds), group("Layers", "layer", adapter.layers));
    let targets = null; // there may be thousands: they are listed when somebody looks
    const add = el("button", { type: "button", class: "button small", text: "Add a fade", data: { do: "add-fade" }, on: {
      click: () => M.store.edit((p) => {
        const { fades } = M.model.of(p, adapter.name);
        if (!(which.value in fades)) fades[which.value] = [[0, 0], [40, 1]];
      }),
    } });
    const body = el("div", { class: "fades" },
      el("p", { class: "hint", text: "A fader that moves by itself while a reply is written: gains at tokens, with straight lines between them." }),
      list, el("div", { class: "column-tools" }, which, add));
    const section = M.dom.section(`${adapter.name}/Fade`, "Fade over the reply", false, body, () => M.store.changed());
    section.node.dataset.section = "fade";
    let rows = [];
    return {
      node: section.node,
      update() {
        if (section.node.open && !targets) {
          targets = group("Targets", "target", adapter.targets.map((target) => target[0]));
          if (targets) which.append(targets);
        }
        const { fades } = M.model.peek(M.store.panel, adapter.name);
        const keys = Object.keys(fades);
        setText(section.digest, keys.length ? keys.map((key) => `${nameOf(key)}: ${write(fades[key])}`).join(" \u00b7 ") : "gains that change over the reply");
        if (rows.length !== keys.length || keys.some((key, i) => rows[i].key !== key)) {
          const old = new Map(rows.map((one) => [one.key, one]));
          rows = keys.map((key) => old.get(key) || row(adapter, key));
          list.replaceChildren(...rows.map((one) => one.node));
        }
        for (const one of rows) one.update(fades[one.key]);
      },
    };
  };
})(window.loraMixer);
