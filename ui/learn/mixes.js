/*
 * The mixes on the way in two charts: how likely seen and unseen texts became step by step, and what that costs the
 * rest, as people know it from cooking: how much of it, against how it tastes.
 */

import { moveWithUndo } from "../desk/undo.js";
import { saidBy } from "../page/channel.js";
import { el, showText, svg } from "../page/elements.js";
import { whenChanged } from "../page/keyed.js";
import { chart, letters, path } from "./chart.js";
import { axisOf, levelsAt, writeNats } from "./chart_scale.js";
import { hears, learning, onTheDesk } from "./learning.js";

/** @import { Attempt, LearnPoint } from "./messages.js" */

const HEIGHT = 240;
const NOTHING_KEPT = "What it costs the rest is not known: nothing was chosen that is to stay.";

/**
 * What a mix on the way is called, and its numbers.
 *
 * @param {Attempt} attempt
 * @param {LearnPoint} point
 * @param {number} place
 */
function words({ best, source }, point, place) {
  const unit = source === "votes" ? "a vote" : "a token";
  const name = place === 0 ? "Where it began" : place === best ? `Mix ${place}, the best` : `Mix ${place}`;
  const parts = [
    point.unseen !== null && `unseen ${writeNats(point.unseen)} nats ${unit}`,
    point.changed !== null && `elsewhere changed by ${writeNats(point.changed)}`,
    point.numbers > 0 && `${point.numbers} ${point.numbers === 1 ? "number" : "numbers"}`,
  ];
  return `${name}: ${parts.filter(Boolean).join(", ")}`;
}

/** @param {(text: string, good: boolean) => void} say */
export function mixesOnTheWay(say) {
  /** @param {number} place */
  const choose = (place) => {
    const { attempt } = learning;
    if (!attempt) return;
    moveWithUndo({ do: "learn put", place }, `Mix ${place} of learning is on the desk.`, (answer) => {
      if (!answer.refused) hears(attempt.key, place);
      say(saidBy(answer), !answer.refused);
    });
  };
  const curve = chart({ name: "Step by step", below: "mix", beside: "nats, less is likelier", height: HEIGHT, choose });
  const worth = chart({
    name: "How well it speaks like the examples, against what it changes elsewhere",
    below: "change elsewhere, in nats",
    beside: "unseen, likelier upwards",
    height: HEIGHT,
    choose,
  });
  const key = el(
    "div",
    { class: "chart-key" },
    el("span", { class: "key-unseen", text: "unseen: held out" }),
    el("span", { class: "key-seen", text: "seen: learned from" }),
  );
  const none = el("p", { class: "hint", hidden: true });
  const hint = el("p", {
    class: "hint",
    text: "Each dot is a mix that can be heard: press it, and it is on the desk; arrow keys go from one to the next. The large one is the best: unseen replies and what is to stay, taken together.",
  });
  curve.legend(key);
  const node = el(
    "div",
    { class: "learn-mixes" },
    el("div", { class: "learn-charts" }, curve.node, worth.node),
    none,
    hint,
  );

  /** @param {Attempt} attempt */
  function drawCurve(attempt) {
    const { points, best } = attempt;
    const known = points.flatMap((point) => [point.seen, point.unseen]).filter((value) => value !== null);
    const steps = Math.max(1, points.length - 1);
    const across = { min: 0, max: steps, at: (/** @type {number} */ v) => v / steps, ticks: wholeTicks(steps) };
    curve.draw(across, axisOf(known), ({ x, y }) => {
      const line = (/** @type {"seen" | "unseen"} */ which) =>
        points.flatMap((point, place) => {
          const value = point[which];
          return value === null ? [] : [/** @type {[number, number]} */ ([x(place), y(value)])];
        });
      const levels = levelsAt(points).flatMap(({ place, numbers }) => {
        const left = x(Math.max(0, place - 0.5));
        return [
          svg("line", { x1: left, x2: left, y1: 10, y2: HEIGHT - 38, class: "lora-mixer-chart-level" }),
          letters(left + 4, 20, numbers === 1 ? "1 number" : `${numbers} numbers`, "start"),
        ];
      });
      return {
        lines: [...levels, path(line("seen"), "is-seen"), path(line("unseen"), "is-unseen")],
        spots: points.flatMap((point, place) =>
          point.unseen === null
            ? []
            : [{ place, x: x(place), y: y(point.unseen), words: words(attempt, point, place), best: place === best }],
        ),
      };
    });
  }

  /** @param {Attempt} attempt */
  function drawWorth(attempt) {
    const { points, best, base } = attempt;
    const there = points.flatMap((point, place) =>
      point.unseen === null || point.changed === null ? [] : [{ place, point, x: point.changed, y: point.unseen }],
    );
    const across = axisOf(
      there.map((one) => one.x),
      true,
    );
    const up = axisOf([...there.map((one) => one.y), ...(base === null ? [] : [base])]);
    worth.draw(
      across,
      up,
      ({ x, y }) => {
        /** @type {Node[]} */
        const lines = [
          path(
            there.map((one) => /** @type {[number, number]} */ ([x(one.x), y(one.y)])),
            "is-way",
          ),
        ];
        if (base !== null) {
          lines.push(svg("circle", { cx: x(0), cy: y(base), r: 4, class: "lora-mixer-chart-base" }));
          lines.push(letters(x(0) + 8, y(base) + 4, "the base model", "start"));
        }
        return {
          lines,
          spots: there.map(({ place, point, ...one }) => ({
            place,
            x: x(one.x),
            y: y(one.y),
            words: words(attempt, point, place),
            best: place === best,
          })),
        };
      },
      true,
    );
  }

  return {
    node,
    /** @param {boolean} [again] the page has another width */
    update(again = false) {
      const { attempt } = learning;
      const points = attempt?.points ?? [];
      node.hidden = points.length < 2;
      if (!attempt || node.hidden) return;
      const kept = points.some((point) => point.changed !== null);
      worth.node.hidden = !kept;
      showText(none, kept ? "" : NOTHING_KEPT);
      whenChanged(node, [points, attempt.best, attempt.base, again ? performance.now() : node.clientWidth], () => {
        drawCurve(attempt);
        if (kept) drawWorth(attempt);
      });
      const heard = onTheDesk(attempt.key);
      curve.mark(heard);
      worth.mark(heard);
    },
  };
}

/**
 * Whole numbers from 0 to steps, twelve at most.
 *
 * @param {number} steps
 */
function wholeTicks(steps) {
  const by = Math.max(1, Math.ceil(steps / 11));
  return Array.from({ length: Math.floor(steps / by) + 1 }, (_, i) => i * by);
}
