/* What is asked, how often and in which manner; Compare, Stop, and the line that says how far it is. */
(function (M) {
  "use strict";

  const { el, setText, setAttribute } = M.dom;
  const MOST_SEEDS = 20;
  const PROMPTS_MB = 4;

  /** A row of choices of which one is on: {node, value, onChange}. */
  M.choice = function (legend, name, id, choices) {
    const inputs = choices.map(([value, text]) => {
      const input = el("input", { type: "radio", class: "radio", name, value });
      return { value, input, node: el("label", { class: "choice" }, input, el("span", { text })) };
    });
    inputs[0].input.checked = true;
    const node = el("fieldset", { class: "choices", id }, el("legend", { class: "field-name", text: legend }), ...inputs.map((one) => one.node));
    return {
      node,
      get value() { return (inputs.find((one) => one.input.checked) || inputs[0]).value; },
      set value(next) { for (const one of inputs) one.input.checked = one.value === next; },
      onChange: (fn) => node.addEventListener("change", M.guard("choice", fn)),
    };
  };

  /** Reads a file that the user chooses, as base64: then(name, data), or complain(why). Nothing is kept on the server. */
  M.filePicker = function (accept, most, then, complain) {
    const input = el("input", { type: "file", accept, hidden: true, tabindex: "-1" });
    input.addEventListener("change", M.guard("file", () => {
      const file = input.files[0];
      input.value = "";
      if (!file) return;
      if (file.size > most * 1e6) {
        complain(`${file.name} has ${(file.size / 1e6).toFixed(1)} MB: no more than ${most} MB can be read here.`);
        return;
      }
      const reader = new FileReader();
      reader.onload = M.guard("file", () => then(file.name, String(reader.result).split(",")[1] || ""));
      reader.onerror = M.guard("file", () => complain(`${file.name} could not be read: ${reader.error && reader.error.message}`));
      reader.readAsDataURL(file);
    }));
    return { input, open: () => input.click() };
  };

  function seedsField() {
    const input = el("input", { type: "number", class: "text-input seeds", min: 1, max: MOST_SEEDS, step: 1, value: 1, id: "lora-mixer-seeds" });
    const node = el("label", { class: "field", title: "1: the chat's own seed. More: that one and those that follow it, each as a row of its own." },
      el("span", { class: "field-name", text: "Seeds" }), input);
    return { node, input };
  }

  const NOW = " Sampling and the first seed are those that the chat is set to.";

  /** How long a reply may get, as a sentence: own is what was typed for it, chat is what the chat is set to. */
  function told(own, chat) {
    if (own && (!chat || own < chat.tokens)) return `up to ${own.toLocaleString("en")} tokens long`;
    if (!chat) return "as long as the chat\u2019s settings say";
    if (!chat.withPrompt) return `up to ${chat.tokens.toLocaleString("en")} tokens long, as the chat is set`;
    return `so long that it fills the context: ${chat.tokens.toLocaleString("en")} tokens with its prompt, as the chat is set (auto_max_new_tokens is on)`;
  }

  /** {node, input, hint, value, update()}: a length of its own, and the sentence that says how long a reply may get. */
  M.replyLength = function (id) {
    const input = el("input", { type: "number", class: "text-input seeds", min: 1, max: 1000000, step: 1, id, placeholder: "chat\u2019s" });
    const node = el("label", { class: "field", title: "The most tokens that a reply may have. Left empty: as many as in the chat." },
      el("span", { class: "field-name", text: "Longest reply" }), input);
    const hint = el("p", { class: "hint", id: `${id}-told` });
    const update = () => {
      const { state } = M.store;
      setText(hint, `A reply may get ${told(Number(input.value), state && state.lab && state.lab.length)}.${NOW}`);
    };
    input.addEventListener("input", M.guard("length", update));
    update();
    return { node, input, hint, update, get value() { return input.value; } };
  };

  /** {node, update()}. */
  M.questions = function () {
    const source = M.choice("Ask", "lora-mixer-source", "lora-mixer-source",
      [["chat", "The chat's last turn, asked again"], ["text", "A text of my own"], ["many", "Several prompts"]]);
    const manner = M.choice("Run", "lora-mixer-manner", "lora-mixer-manner",
      [["rows", "All in one batch"], ["alone", "One after the other"]]);
    const seeds = seedsField();
    const length = M.replyLength("lora-mixer-length");
    const text = M.field("Text", { rows: 3, placeholder: "Ask something" });
    text.node.id = "lora-mixer-text";
    const caption = text.node.querySelector(".lora-mixer-field-name");
    const picker = M.filePicker(".txt,.jsonl,.json,text/*", PROMPTS_MB, (name, data) => {
      M.lab.order({ do: "prompts", name, data }, (answer) => {
        if (answer.refused) text.complain(answer.refused.why);
        else { text.complain(""); text.input.value = answer.text; grow(); }
      });
    }, text.complain);
    const load = el("button", { type: "button", class: "button small", text: "Read a file\u2026", id: "lora-mixer-prompts",
      title: "One prompt a line, or JSONL with a chat a line", on: { click: picker.open } });
    const tools = el("div", { class: "column-tools" }, load, picker.input,
      el("span", { class: "hint", text: "One prompt a line, or a JSON object a line: {\"prompt\": \u2026} or {\"messages\": [\u2026]}." }));

    function grow() {
      text.input.style.height = "auto";
      text.input.style.height = `${Math.min(Math.max(text.input.scrollHeight + 2, 76), 260)}px`;
    }
    text.input.addEventListener("input", grow);
    function look() {
      const chosen = source.value;
      text.node.hidden = chosen === "chat";
      tools.hidden = chosen !== "many";
      setText(caption, chosen === "many" ? "Prompts" : "Text");
      setAttribute(text.input, "placeholder", chosen === "many" ? "What is the sea?\nHow do I make tea?" : "Ask something");
      text.complain("");
    }
    source.onChange(look);
    look();

    const start = el("button", { type: "button", class: "button primary big", text: "Compare", id: "lora-mixer-start", disabled: true });
    const stop = el("button", { type: "button", class: "button big", text: "Stop", id: "lora-mixer-stop", disabled: true,
      on: { click: () => M.lab.order({ do: "stop" }) } });
    const bar = el("div", { class: "progress is-idle" }, el("div", { class: "progress-done" }));
    const status = el("div", { class: "status", role: "status", id: "lora-mixer-status" });
    const why = el("div", { class: "why-not", id: "lora-mixer-why-not", hidden: true });
    start.addEventListener("click", M.guard("compare", () => {
      if (M.lab.line.running) return; // pressed twice before it was drawn
      M.lab.begins("Waiting for the model \u2026");
      M.lab.afterOrders(() => M.lab.send("start", { source: source.value, text: text.input.value, seeds: Number(seeds.input.value), length: length.value, batched: manner.value === "rows" }));
    }));

    return {
      node: el("div", { class: "panel-card" },
        el("div", { class: "fields" }, source.node, seeds.node, length.node, manner.node), text.node, tools, length.hint),
      go: el("div", { class: "go" }, el("div", { class: "column-tools" }, start, stop), why, bar, status),
      update() {
        const { setup, line } = M.lab;
        length.update();
        const trouble = setup ? setup.trouble : "";
        start.disabled = !setup || line.running || trouble !== "";
        stop.disabled = !line.running;
        setText(why, trouble);
        why.hidden = !trouble;
        setText(status, line.text || "");
        bar.classList.toggle("is-idle", !line.running); // it keeps its place: nothing moves when it comes and goes
        bar.classList.toggle("is-unknown", line.part === null);
        bar.firstChild.style.width = `${Math.round((line.part || 0) * 1000) / 10}%`;
      },
    };
  };
})(window.loraMixer);
