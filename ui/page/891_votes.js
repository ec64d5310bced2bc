/* What the page knows of votes: the blind session that is on, the experiments that are kept; talking with Python about it. */
(function (M) {
  "use strict";

  /*
   * Page -> Python, in #lora-mixer-votes-order: {seq, do, known: [key, rev] of the session, …}; in #lora-mixer-votes-start, with
   * the host's whole chat beside it: {seq, source, text, seeds, length, most} begins a session. Each is answered in -answer:
   *   {re: seq, refused: {at, why}, said, session: SESSION or null, if it has changed, columns, past: [EXPERIMENT], …}
   * SESSION: {key, rev, generating: LINE or null, error, notes, slip: {number, question, left, right} or null, of, votes, alike,
   *   spare, columns, revealed, outcome: {standing: STANDING, pairs: [{question, left, right, verdict, texts}]}}
   * STANDING: {rows: [{place, group, label, mix, wins, losses, ties, bad, share, low, high, p, sure, strength}], pairs, votes, line, note}
   * EXPERIMENT: {id, time, model, labels, trials, votes, first}
   */
  const WAITING_MS = 500;
  const { onChange, changed } = M.frames("votes");
  let timer = 0;

  function hear(answer) {
    for (const key of ["session", "columns", "trouble", "keeps", "past", "more", "broken", "all"]) {
      if (answer[key] !== undefined) votes[key] = answer[key];
    }
    votes.known = true;
    changed();
  }

  const channel = M.channel("votes", { hear, looks: ["look", "standing", "save"] });
  const votes = (M.votes = {
    known: false,
    session: null,
    columns: [],
    trouble: "",
    keeps: true,
    past: [],
    more: false,
    broken: "",
    all: null, // the standing over all votes
    shown: false, // whether the page of votes is on screen

    /** fn runs, at most once a frame, after anything changed. */
    onChange,
    changed,
    answered: channel.answered,

    /** Ask Python something; then(answer) gets what it says. */
    order(message, then, box) {
      const { session } = votes;
      channel.order({ ...message, known: session && [session.key, session.rev] }, then, box);
    },
    look: (all) => channel.idle && votes.order({ do: "look", all: all === true }),

    /** While replies are on their way, look often; else as often as the page's tick does. */
    follow() {
      clearTimeout(timer);
      timer = setTimeout(M.guard("following", () => {
        if (votes.shown && !document.hidden && votes.session && votes.session.generating) votes.look();
        votes.follow();
      }), WAITING_MS);
    },
    tick() {
      if (votes.shown && !document.hidden) votes.look(!votes.session || !votes.known);
    },
  });
  votes.follow();
  M.onStop(() => clearTimeout(timer));
})(window.loraMixer);
