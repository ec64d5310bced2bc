/* What others need to know of a trouble, on the clipboard: versions, model, adapters and the end of the log, as Python tells them. */
(function (M) {
  "use strict";

  const { el, setText } = M.dom;
  const channel = M.channel("report", { hear: () => {} });

  /** Browsers have no clipboard for a page that came over plain http from another machine, and may refuse it to any. */
  async function copied(text) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      return false;
    }
  }

  /** A button that copies the report; where that cannot be, the report itself, to be copied by hand. */
  function copier() {
    const button = el("button", { type: "button", class: "button small", text: "Copy report", data: { do: "copy-report" },
      title: "Versions, model, adapters and the last lines of the log, for a report. No prompt and no reply is in it." });
    const said = el("span", { class: "report-said", role: "status" });
    const text = el("textarea", { class: "report-text", readonly: true, rows: 8, hidden: true, spellcheck: "false", "aria-label": "Report" });
    button.addEventListener("click", M.guard("the report", () => {
      button.disabled = true;
      channel.order({ do: "look" }, async ({ report }) => {
        button.disabled = false;
        text.hidden = await copied(report || "");
        setText(said, text.hidden ? "Copied." : "This browser does not let the page copy: take it from here.");
        text.value = report || "";
        if (!text.hidden) text.select();
      });
    }));
    return el("div", { class: "report" }, button, said, text);
  }

  const foot = copier();
  foot.classList.add("lora-mixer");
  M.dom.keepKeys(foot);
  const beside = copier();
  M.onStop(() => {
    foot.remove();
    beside.remove();
  });

  M.report = {
    answered: channel.answered,

    /** Below all our tabs, and beside what the desk says where there is nothing to mix. */
    settle() {
      const place = document.getElementById("lora-mixer-report");
      if (place && foot.parentNode !== place) place.append(foot);
      const trouble = document.querySelector(".lora-mixer-desk > .lora-mixer-trouble > div");
      if (trouble && beside.parentNode !== trouble) trouble.append(beside);
    },
  };
})(window.loraMixer);
