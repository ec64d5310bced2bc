/* Keeping and sharing: an experiment as a file, and back. The page makes and reads the files: nothing is written on the server. */
(function (M) {
  "use strict";

  const { el } = M.dom;
  const READ_MB = 32;
  const FORMS = [["html", "HTML", "A page that opens with no network"], ["csv", "CSV", "A table for spreadsheets"], ["jsonl", "JSONL", "All of it, to be read back here"]];

  function save({ name, type, text }) {
    const url = URL.createObjectURL(new Blob([text], { type: `${type};charset=utf-8` }));
    const link = el("a", { href: url, download: name });
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(url), 60000);
  }

  const refused = (answer) => {
    if (answer.refused) M.lab.tell(answer.refused.why);
    return Boolean(answer.refused);
  };

  M.lab.parts.push((root, results) => {
    const buttons = FORMS.map(([form, text, title]) => el("button", { type: "button", class: "button small", text, title, id: `lora-mixer-save-${form}`,
      on: { click: () => M.lab.order({ do: "save", form }, (answer) => { if (!refused(answer)) save(answer.file); }) } }));
    const picker = M.filePicker(".jsonl,.ndjson,.json", READ_MB, (name, data) => M.lab.order({ do: "read", name, data }, refused), (why) => M.lab.tell(why));
    const open = el("button", { type: "button", class: "button small", text: "Open a saved one\u2026", title: "Show an experiment that was saved as JSONL",
      id: "lora-mixer-read", on: { click: picker.open } });
    picker.input.id = "lora-mixer-read-file";
    const saving = el("span", { class: "inline" }, el("span", { class: "field-name", text: "Save as" }), ...buttons);
    results.node.append(el("div", { class: "toolbar sharing" }, saving, open, picker.input));
    return {
      update() {
        const { sheet, line } = M.lab;
        saving.hidden = !sheet;
        const nothing = !sheet || line.running || !sheet.cells.some((row) => row.some((cell) => cell.s === "done"));
        for (const one of buttons) one.disabled = nothing;
        open.disabled = line.running;
      },
    };
  });
})(window.loraMixer);
