/* Python and the browser, as far as what talks with Python needs them: what was sent is kept, and time is made to pass. */

import { mock } from "node:test";

import { wire } from "../../../ui/page/wire.js";

/** {sent: [[box, message], …], there: whether the page has its boxes, pass(ms)}. */
export function pretendPython() {
  const world = {
    /** @type {Array<[string, Record<string, unknown>]>} */
    sent: [],
    there: true,
    now: 0,
    pass(ms) {
      for (let left = ms; left > 0; left -= 100) {
        world.now += Math.min(100, left);
        mock.timers.tick(Math.min(100, left));
      }
    },
    does: () => world.sent.map(([, message]) => message.do),
  };
  mock.timers.reset();
  mock.timers.enable({ apis: ["setTimeout"] });
  mock.method(performance, "now", () => world.now);
  mock.method(wire, "write", (box, text) => {
    if (world.there) world.sent.push([box, JSON.parse(text)]);
    return world.there;
  });
  globalThis.requestAnimationFrame = () => 1;
  return world;
}
