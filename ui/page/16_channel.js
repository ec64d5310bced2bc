/* Asking Python something and being answered, one order after the other. */
(function (M) {
  "use strict";

  const PATIENCE_MS = 8000;

  /**
   * {order(message, then), answered(text), idle}: orders go out in #lora-mixer-NAME-order, or in another box of that
   * name ("start"), and Python answers each in #lora-mixer-NAME-answer with {re: seq, …}. hear(answer) sees all answers.
   */
  M.channel = function (name, hear) {
    const orders = [];
    let seq = Date.now() % 1e9;
    let open = null; // the order that Python has not answered yet
    let timer = 0;

    function next() {
      if (open || !orders.length) return;
      open = orders.shift();
      const sent = M.wire.write(`lora-mixer-${name}-${open.box}`, JSON.stringify({ ...open.message, seq: ++seq }));
      clearTimeout(timer);
      timer = setTimeout(M.guard("waiting", () => {
        // No answer: the page may have been built anew. What was not even sent is sent again; what was, may be done already.
        const lost = open;
        open = null;
        if (!sent) orders.unshift(lost);
        else if (lost.then) lost.then({ refused: { at: "", why: "Python did not answer: look whether it was done." } });
        next();
      }), sent ? PATIENCE_MS : 500);
    }
    M.onStop(() => clearTimeout(timer));

    return {
      order(message, then, box = "order") {
        orders.push({ message, then, box });
        next();
      },
      answered: M.guard("an answer", (text) => {
        if (!text) return;
        const answer = JSON.parse(text);
        hear(answer);
        if (!open || answer.re !== seq) return;
        const { then } = open;
        open = null;
        clearTimeout(timer);
        if (then) then(answer);
        next();
      }),
      get idle() { return !open && !orders.length; },
    };
  };
})(window.loraMixer);
