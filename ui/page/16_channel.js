/* Asking Python something and being answered, one order after the other: the works, the lab, votes and answering twice. */
(function (M) {
  "use strict";

  const PATIENCE_MS = 8000;
  const AGAIN_MS = 500; // the box is being made anew: try again

  /**
   * {order(message, then), look(), send(box, message), answered(text), idle}: orders go out in #lora-mixer-NAME-order, or
   * in another box of that name, and Python answers each in #lora-mixer-NAME-answer with {re: seq, …}. Of these:
   *   hear(answer) sees all answers, one that comes late too; then(answer) that of its own order.
   *   looks: what an order may do that only looks. Not answered, for the page may have been built anew, it is asked again.
   *   lost({message, then}): what is done about an order that may have changed something: it is never sent twice.
   */
  M.channel = function (name, { hear, looks = ["look"], lost = told }) {
    const orders = [];
    let seq = Date.now() % 1e9; // starts elsewhere after a reload, so that a message never equals the one in the box
    let open = null; // the order that Python has not answered yet
    let timer = 0;

    /** The number under which it went out; 0 if there is no such box at the moment. */
    function send(box, message) {
      seq += 1;
      return M.wire.write(`lora-mixer-${name}-${box}`, JSON.stringify({ ...message, seq })) ? seq : 0;
    }

    function next() {
      if (open || !orders.length) return;
      open = orders.shift();
      open.seq = send(open.box, open.message);
      clearTimeout(timer);
      timer = setTimeout(M.guard("waiting", unanswered), open.seq ? PATIENCE_MS : AGAIN_MS);
    }

    function unanswered() {
      const order = open;
      open = null;
      if (!order.seq) orders.unshift(order);
      else if (looks.includes(order.message.do)) orders.push(order);
      else lost(order);
      next();
    }
    M.onStop(() => clearTimeout(timer));

    function order(message, then, box = "order") {
      orders.push({ message, then, box });
      next();
    }

    return {
      order,
      send,

      /** Ask how things stand, unless that waits to be asked already. */
      look() {
        if (!orders.some(({ message }) => message.do === "look")) order({ do: "look" });
      },
      answered: M.guard("an answer", (text) => {
        if (!text) return;
        const answer = JSON.parse(text);
        hear(answer);
        if (!open || answer.re !== open.seq) return;
        const { then } = open;
        open = null;
        clearTimeout(timer);
        if (then) then(answer);
        next();
      }),
      get idle() { return !open && !orders.length; },
    };
  };

  /** What is said where a change was not answered. */
  M.channel.LOST = "Python did not answer: look whether it was done.";

  function told({ then }) {
    if (then) then({ refused: { at: "", why: M.channel.LOST } });
  }
})(window.loraMixer);
