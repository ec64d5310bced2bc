/* The ballot: two replies side by side, without names, and four ways to decide; by button or by arrow key. */
(function (M) {
  "use strict";

  const { el, setText } = M.dom;
  const VERDICTS = [
    ["left", "ArrowLeft", "\u2190", "Left is better"],
    ["tie", "ArrowUp", "\u2191", "As good as each other"],
    ["bad", "ArrowDown", "\u2193", "Both are bad"],
    ["right", "ArrowRight", "\u2192", "Right is better"],
  ];
  const TYPING = "input, textarea, select, [contenteditable=true]";

  function card(side) {
    const body = el("div", { class: "reply-text", tabindex: "0", "aria-label": `The reply on the ${side.toLowerCase()}` });
    const node = el("article", { class: "reply", data: { side: side.toLowerCase() } }, el("header", { class: "reply-head" }, el("b", { text: side })), body);
    return { node, body };
  }

  M.ballot = function (say) {
    const count = el("b", { class: "ballot-count" });
    const rest = el("span", { class: "hint" });
    const question = el("div", { class: "ballot-question" });
    const [left, right] = [card("Left"), card("Right")];
    const buttons = VERDICTS.map(([verdict, , sign, text]) => el("button", { type: "button", class: "button verdict", data: { verdict }, on: { click: () => vote(verdict) } },
      el("kbd", { text: sign }), el("span", { text })));
    const reveal = el("button", { type: "button", class: "button small", text: "Reveal now", id: "lora-mixer-reveal",
      title: "End here: which mix was which, and what the votes add up to", on: { click: () => M.votes.order({ do: "reveal" }, say) } });
    const stop = el("button", { type: "button", class: "button small", text: "Stop generating", id: "lora-mixer-votes-stop",
      title: "Vote on the replies that are there", on: { click: () => M.votes.order({ do: "stop" }, say) } });
    const away = M.askingButton("Put away", "Put it away", { do: "votes-end" }, () => M.votes.order({ do: "end" }, say));
    away.node.title = "The votes so far are kept; it can be gone on with from the list below";
    const bar = el("div", { class: "progress" }, el("div", { class: "progress-done" }));
    const line = el("span", { class: "hint", role: "status", id: "lora-mixer-votes-line" });
    const wait = el("div", { class: "ballot-wait" });
    const pair = el("div", { class: "ballot-pair" }, left.node, right.node);
    const verdicts = el("div", { class: "verdicts", role: "group", "aria-label": "Which is better?" }, ...buttons);
    const node = el("section", { class: "panel-card ballot", id: "lora-mixer-ballot", tabindex: "-1", "aria-label": "Blind votes" },
      el("div", { class: "toolbar" }, count, rest, el("span", { class: "toolbar-right" }, stop, reveal, away.node)),
      question, wait, pair, verdicts, el("div", { class: "ballot-line" }, bar, line));
    let up = null; // the slip that is shown
    let shows = 0; // of which deal: another's has the same number, and other sides
    let sent = 0; // the number of the slip that was voted on last

    function vote(verdict) {
      const { session } = M.votes;
      if (!session || !session.slip || up === null || sent === up) return;
      sent = up;
      for (const one of buttons) one.disabled = true;
      M.votes.order({ do: "vote", number: up, verdict }, (answer) => {
        say(answer);
        sent = 0;
        M.votes.changed();
      });
    }

    // On the window, before the host: it walks through the versions of a message with the same keys.
    M.listen(window, "keydown", (event) => {
      const chosen = VERDICTS.find((one) => one[1] === event.key);
      if (!chosen || event.repeat || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey || event.defaultPrevented) return;
      if (!M.votes.shown || !node.isConnected || node.hidden || verdicts.hidden || (event.target.closest && event.target.closest(TYPING))) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      vote(chosen[0]);
    }, true);

    return {
      node,
      focus: () => node.focus({ preventScroll: true }),
      update() {
        const { session } = M.votes;
        node.hidden = !session || session.revealed;
        if (node.hidden) return;
        const { slip, generating, error } = session;
        setText(count, slip ? `Pair ${slip.number} of ${session.of}` : generating ? "Waiting for the first pair" : "No more pairs");
        setText(rest, session.votes ? `${session.votes} voted` : "Names and sides are hidden until the end.");
        stop.hidden = !generating;
        reveal.hidden = !session.votes;
        for (const one of [question, pair, verdicts]) one.hidden = !slip;
        const idle = error || (session.votes ? "Every pair has been voted on." : "");
        setText(wait, slip ? error : generating && session.votes ? "The next pair is being written \u2026" : generating ? "The first replies are being written \u2026" : idle);
        wait.hidden = !wait.textContent;
        wait.classList.toggle("is-wrong", Boolean(error));
        if (slip) {
          if (up !== slip.number || shows !== session.key) {
            [up, shows] = [slip.number, session.key];
            setText(question, slip.question);
            for (const [side, text] of [[left, slip.left], [right, slip.right]]) {
              side.body.replaceChildren(text ? document.createTextNode(text) : el("span", { class: "faint", text: "(it said nothing)" }));
              side.body.scrollTop = 0;
            }
          }
          for (const one of buttons) one.disabled = sent === up;
        } else up = null;
        bar.hidden = !generating;
        if (generating) {
          bar.classList.toggle("is-unknown", generating.part === null);
          bar.firstChild.style.width = `${Math.round((generating.part || 0) * 1000) / 10}%`;
        }
        const alike = session.alike ? `${session.alike} ${session.alike === 1 ? "pair said" : "pairs said"} the same and ${session.alike === 1 ? "is" : "are"} left out.` : "";
        const more = [alike, ...session.notes].filter(Boolean).join(" ");
        setText(line, [generating && `Replies: ${generating.text}${more ? "." : ""}`, more].filter(Boolean).join(" "));
      },
    };
  };
})(window.loraMixer);
