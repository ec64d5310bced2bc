/* Asking Python something and being answered, one order after the other. */

import { guard, onStop } from "./lifetime.js";
import { wire } from "./wire.js";

const PATIENCE_MS = 8000;
const AT_FIRST_MS = 1000; // Gradio 4 hears nothing for a moment after its boxes are there
const AGAIN_MS = 500; // the box is being made anew: try again

/** @import { Answered, Refusal } from "./messages.js" */

/** @type {Refusal} */
const NOT_ANSWERED = { at: "", why: "Python did not answer: look whether it was done." };

/**
 * What is to be read of an answer: why not, or what was done.
 *
 * @param {Answered} answer
 */
export const saidBy = ({ refused, said = "" }) => (refused ? refused.why : said);

/**
 * @template {{do: string}} Asked
 * @template Answer
 * @typedef {object} Order
 * @property {Asked} message
 * @property {((answer: Answer) => void) | undefined} then
 * @property {string} box
 * @property {number} seq the number under which it went out; 0: it did not
 */

/**
 * Orders go out in #lora-mixer-NAME-order, or in another box of that name, and Python answers each in
 * #lora-mixer-NAME-answer with {re: seq, …}.
 *
 * @template {{do: string}} Asked
 * @template {Answered} Answer
 * @param {string} name
 * @param {object} options
 * @param {(answer: Answer) => void} options.hear sees all answers, one that comes late too
 * @param {string[]} [options.looks] what an order may do that only looks. Not answered, for the page may have been
 *   built anew, it is asked again.
 * @param {(refused: {refused: Refusal}) => Answer} [options.lost] what is answered to an order that may have changed
 *   something, and was not answered: it is never sent twice
 */
export function openChannel(name, { hear, looks = ["look"], lost = (refused) => /** @type {Answer} */ (refused) }) {
  /** @type {Array<Order<Asked, Answer>>} */
  const orders = [];
  let seq = Date.now() % 1e9; // starts elsewhere after a reload, so that a message never equals the one in the box
  /** @type {Order<Asked, Answer> | null} */
  let open = null; // the order that Python has not answered yet
  let heard = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;

  /**
   * The number under which it went out; 0 if there is no such box at the moment.
   *
   * @param {string} box
   * @param {object} message
   */
  function send(box, message) {
    seq += 1;
    return wire.write(`lora-mixer-${name}-${box}`, JSON.stringify({ ...message, seq })) ? seq : 0;
  }

  function next() {
    const first = open ? undefined : orders.shift();
    if (!first) return;
    open = first;
    first.seq = send(first.box, first.message);
    clearTimeout(timer);
    const patience = heard || !looks.includes(first.message.do) ? PATIENCE_MS : AT_FIRST_MS;
    timer = setTimeout(guard("waiting", unanswered), first.seq ? patience : AGAIN_MS);
  }

  function unanswered() {
    const order = open;
    open = null;
    if (!order) return;
    if (!order.seq) orders.unshift(order);
    else if (looks.includes(order.message.do)) orders.push(order);
    else order.then?.(lost({ refused: NOT_ANSWERED }));
    next();
  }
  onStop(() => clearTimeout(timer));

  /**
   * @param {Asked} message
   * @param {(answer: Answer) => void} [then] gets the answer to this order
   * @param {string} [box]
   */
  function order(message, then, box = "order") {
    orders.push({ message, then, box, seq: 0 });
    next();
  }

  return {
    order,
    send,

    /**
     * Ask how things stand, unless that waits to be asked already.
     *
     * @param {Asked} message
     */
    look(message) {
      if (!orders.some((one) => one.message.do === message.do)) order(message);
    },
    answered: guard("an answer", (/** @type {string} */ text) => {
      if (!text) return;
      /** @type {Answer} */
      const answer = JSON.parse(text);
      heard = true;
      hear(answer);
      if (!open || answer.re !== open.seq) return;
      const { then } = open;
      open = null;
      clearTimeout(timer);
      if (then) then(answer);
      next();
    }),
    get idle() {
      return !open && !orders.length;
    },
  };
}
