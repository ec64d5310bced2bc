/* Profiles: a slim line above the strips to put one on the desk and to save one; all else folds out below it. And shapes. */
(function (M) {
  "use strict";

  const { el, setText, setAttribute } = M.dom;
  let known = null; // what Python told of profiles and shapes
  let asked = "";

  M.works.onNews((news) => {
    if (!news.profiles) return;
    known = news.profiles;
    M.works.profiles = known.profiles;
    M.store.changed();
    M.lab.changed(); // columns can play profiles
  });

  /** Ask again when profiles or adapters have changed: what fits depends on both. */
  function look() {
    const { state } = M.store;
    if (!state) return;
    const key = JSON.stringify([state.profile && state.profile.kept, state.adapters.map((a) => [a.name, a.targets.length])]);
    if (key === asked) return;
    asked = key;
    M.works.order({ do: "profiles" });
  }

  /** Something that moves faders in Python: with a way back, and the page looks at once. */
  function turn(message, words, then) {
    const before = M.model.panel(M.store.panel);
    M.works.order(message, (answer) => {
      if (!answer.refused) {
        M.offerUndo(words, before);
        M.wire.poll(true);
      }
      then(answer);
    });
  }

  function saveForm(tell, done) {
    const name = M.field("Name", { id: "lora-mixer-profile-name", maxlength: 120, placeholder: "quiet pirate" });
    const note = M.field("Note (optional)", { id: "lora-mixer-profile-note", maxlength: 2000 });
    const again = el("input", { type: "checkbox", class: "tick", id: "lora-mixer-profile-restore" });
    const keep = el("button", { type: "button", class: "button primary", text: "Save", data: { do: "save-profile" }, on: { click: () => save(false) } });
    const over = M.askingButton("Overwrite it\u2026", "Yes, overwrite it", { do: "overwrite-profile" }, () => save(true));
    const node = el("div", { class: "profile-form", hidden: true, id: "lora-mixer-profile-form" },
      el("div", { class: "fields" }, name.node, note.node),
      el("label", { class: "choice" }, again, el("span", { text: "Put it back by itself when its adapters are loaded again" })),
      el("div", { class: "column-tools" }, keep, over.node));
    const there = () => (known ? known.profiles.find((one) => one.name.toLowerCase() === name.input.value.trim().toLowerCase()) : undefined);
    const taken = () => Boolean(there());
    const look = () => { keep.hidden = taken(); over.node.hidden = !keep.hidden; };
    name.input.addEventListener("input", look);
    name.input.addEventListener("keydown", M.guard("save", (event) => { if (event.key === "Enter" && !taken()) save(false); }));
    function save(overwrite) {
      // What is overwritten is the profile that this page shows, and not one that somebody else has saved since.
      const seen = overwrite && there() ? there().mark : null;
      M.works.order({ do: "save", name: name.input.value, note: note.input.value, restore: again.checked, overwrite, seen }, (answer) => {
        if (answer.refused) {
          name.complain(answer.refused);
          M.works.order({ do: "profiles" }, look);
          return;
        }
        name.complain("");
        tell(answer.said, true);
        M.wire.poll(true);
        done();
      });
    }
    return {
      node,
      open() {
        const at = M.store.state && M.store.state.profile;
        if (at && at.name && !name.input.value) name.input.value = at.name;
        look();
        name.input.focus();
        name.input.select();
      },
    };
  }

  /** One profile in the fold-out. */
  function row(tell) {
    let profile = null;
    let shown = "";
    const name = el("span", { class: "profile-name" });
    const words = el("span", { class: "hint" });
    const bad = el("div", { class: "profile-unfit" });
    const maps = el("div", { class: "fields" });
    const note = el("div", { class: "hint profile-note" });
    const again = el("input", { type: "checkbox", class: "tick" });
    const order = (message) => M.works.order({ ...message, name: profile.name }, (answer) => {
      tell(answer.refused || answer.said || "", !answer.refused);
      if (answer.refused) M.works.order({ do: "profiles" });
    });
    again.addEventListener("change", M.guard("restore", () => order({ do: "change", restore: again.checked })));
    const small = (text, what, click) => el("button", { type: "button", class: "button small", text, data: { do: what }, on: { click } });
    const put = small("Put on the desk", "put", () => {
      const names = {};
      for (const select of maps.querySelectorAll("select")) if (select.value) names[select.dataset.asked] = select.value;
      turn({ do: "put", name: profile.name, names }, `\u201c${profile.name}\u201d is on the desk.`, (answer) => tell(answer.refused || answer.said, !answer.refused));
    });
    const field = el("input", { type: "text", class: "text-input", maxlength: 120, hidden: true });
    const rename = small("Rename", "rename", () => {
      if (field.hidden) {
        field.hidden = false;
        field.value = profile.name;
        field.focus();
        field.select();
        setText(rename, "Keep this name");
        return;
      }
      close();
      if (field.value.trim() !== profile.name) order({ do: "rename", new: field.value });
    });
    function close() {
      field.hidden = true;
      setText(rename, "Rename");
    }
    field.addEventListener("keydown", M.guard("rename", (event) => {
      if (event.key === "Enter") rename.click();
      if (event.key === "Escape") { event.preventDefault(); close(); rename.focus(); }
    }));
    const save = small("Export", "export", () => M.works.order({ do: "export", name: profile.name }, (answer) => {
      if (answer.refused) tell(answer.refused);
      else M.download(answer.file, answer.text);
    }));
    const gone = M.askingButton("Delete\u2026", "Yes, delete it", { do: "delete" }, () => order({ do: "delete", seen: profile.mark }));
    const node = el("li", { class: "profile" },
      el("div", { class: "profile-head" }, name, field, words), note, bad, maps,
      el("div", { class: "profile-acts" }, put, rename, save, gone.node,
        el("label", { class: "choice" }, again, el("span", { text: "put back by itself" }))));
    return {
      node,
      update(next, writes) {
        profile = next;
        node.dataset.profile = profile.name;
        setText(name, profile.name);
        setAttribute(field, "aria-label", `New name of ${profile.name}`);
        setAttribute(again, "aria-label", `Put ${profile.name} back by itself when its adapters are loaded`);
        setText(words, [profile.words, profile.model, M.when(profile.saved)].filter(Boolean).join(" \u00b7 "));
        setText(note, profile.note);
        note.hidden = !profile.note;
        setText(bad, profile.not_fits.join(" "));
        bad.hidden = !profile.not_fits.length;
        again.checked = profile.restore;
        for (const one of [rename, gone.button, again]) one.disabled = !writes;
        const adapters = M.store.state ? M.store.state.adapters.map((a) => a.name) : [];
        put.disabled = !adapters.length;
        const key = JSON.stringify([profile.missing, adapters]);
        if (key === shown) return;
        shown = key;
        maps.replaceChildren(...(adapters.length ? profile.missing : []).map((asked) => {
          const select = el("select", { class: "select", "aria-label": `Put ${asked} on`, data: { asked } },
            el("option", { value: "", text: "leave out" }), ...adapters.map((one) => el("option", { value: one, text: one })));
          return el("label", { class: "inline" }, el("span", { text: `\u201c${asked}\u201d is not loaded: put it on` }), select);
        }));
        maps.hidden = !maps.children.length;
      },
    };
  }

  /** {node, update()}. */
  M.profilesLine = function () {
    const choose = el("select", { class: "select", "aria-label": "Profile", id: "lora-mixer-profile" });
    const put = el("button", { type: "button", class: "button", text: "Put on the desk", id: "lora-mixer-profile-put" });
    const save = el("button", { type: "button", class: "button", text: "Save as\u2026", id: "lora-mixer-profile-save", "aria-expanded": "false" });
    const more = el("button", { type: "button", class: "button", text: "More", id: "lora-mixer-profile-more", "aria-expanded": "false" });
    const at = el("span", { class: "hint profile-at", role: "status" });
    const said = M.saying("lora-mixer-profile-said");
    const form = saveForm(said.say, () => open(save, form.node, false));
    const picker = M.filePicker(".json,application/json", 4, (file, data) => {
      M.works.order({ do: "import", file, text: decode(data) }, (answer) => said.say(answer.refused || answer.said, !answer.refused));
    }, (why) => said.say(why));
    const bring = el("button", { type: "button", class: "button small", text: "Import\u2026", data: { do: "import" }, title: "A profile that was exported, as JSON", on: { click: picker.open } });
    const list = el("ul", { class: "profiles" });
    const damaged = el("ul", { class: "profiles-damaged" });
    const none = el("div", { class: "hint", text: "Nothing is saved yet. \u201cSave as\u2026\u201d keeps what is heard now." });
    const all = el("div", { class: "profile-more", hidden: true, id: "lora-mixer-profile-list" }, none, list, damaged, el("div", { class: "column-tools" }, bring, picker.input));
    const node = el("div", { class: "profile-area", hidden: true },
      el("div", { class: "profile-line" }, el("span", { class: "label", text: "Profile" }), choose, put, save, more, at), said.node, form.node, all);
    const rows = new Map();

    function open(button, part, wanted) {
      part.hidden = !wanted;
      setAttribute(button, "aria-expanded", String(wanted));
    }
    save.addEventListener("click", M.guard("save", () => {
      open(save, form.node, form.node.hidden);
      if (!form.node.hidden) form.open();
    }));
    more.addEventListener("click", M.guard("more", () => open(more, all, all.hidden)));
    put.addEventListener("click", M.guard("put", () => {
      const name = choose.value;
      if (!name) return;
      turn({ do: "put", name }, `\u201c${name}\u201d is on the desk.`, (answer) => {
        // Where all of it fits there is nothing to say that the line does not say.
        said.say(answer.refused || (answer.all ? "" : answer.said), !answer.refused);
      });
    }));

    return {
      node,
      update() {
        const { state } = M.store;
        look();
        node.hidden = !known || !state || (!state.adapters.length && !known.profiles.length);
        if (node.hidden) return;
        const names = known.profiles.map((one) => one.name);
        const made = JSON.stringify(names);
        if (choose.dataset.of !== made) {
          const chosen = choose.value || state.profile.name;
          choose.dataset.of = made;
          choose.replaceChildren(...(names.length ? names : [""]).map((name) => el("option", { value: name, text: name || "none saved yet" })));
          if (names.includes(chosen)) choose.value = chosen;
        }
        choose.disabled = put.disabled = !names.length;
        put.disabled = put.disabled || !state.adapters.length;
        save.disabled = !known.writes || !state.adapters.length;
        setAttribute(save, "title", known.why_not || "Keep what is heard now under a name");
        const here = state.profile;
        setText(at, here.name && names.includes(here.name) ? (here.moved ? `moved since \u201c${here.name}\u201d` : `\u201c${here.name}\u201d is on the desk`) : known.why_not ? "Nothing is kept here: strangers share this page." : "");
        none.hidden = names.length > 0;
        for (const [name, one] of rows) if (!names.includes(name)) { one.node.remove(); rows.delete(name); }
        const nodes = known.profiles.map((profile) => {
          if (!rows.has(profile.name)) rows.set(profile.name, row(said.say));
          const one = rows.get(profile.name);
          one.update(profile, known.writes);
          return one.node;
        });
        if (nodes.length !== list.children.length || nodes.some((one, i) => list.children[i] !== one)) list.replaceChildren(...nodes);
        const wrong = Object.entries(known.damaged);
        const key = JSON.stringify(wrong);
        if (damaged.dataset.of !== key) {
          damaged.dataset.of = key;
          damaged.replaceChildren(...wrong.map(([name, why]) => el("li", { class: "profile-unfit", text: `${name}: ${why}` })));
        }
        bring.disabled = !known.writes;
      },
    };
  };

  function decode(data) {
    return new TextDecoder().decode(Uint8Array.from(atob(data), (c) => c.charCodeAt(0)));
  }

  /** {node, update()}: one button for each shape, for an adapter's strip. */
  M.shapes = function (adapter) {
    const label = el("span", { class: "label", text: "Shape" });
    const node = el("div", { class: "brushes shapes", role: "group", "aria-label": `Shapes for ${adapter.name}`, hidden: true }, label);
    let made = false;
    return {
      node,
      update() {
        if (!known || made || !adapter.targets.length) return;
        made = true;
        node.hidden = false;
        node.append(...known.shapes.map((one) => el("button", {
          type: "button", class: "brush", text: one.title, title: one.about, data: { shape: one.name },
          on: { click: () => turn({ do: "shape", adapter: adapter.name, shape: one.name }, `${adapter.name}: ${one.title}.`, (answer) => {
            if (answer.refused) M.lab.tell(answer.refused);
          }) },
        })));
      },
    };
  };
})(window.loraMixer);
