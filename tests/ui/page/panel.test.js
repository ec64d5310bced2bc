/* The panel as plain data: copies, what has moved, mute and solo, and when two are alike. */

import assert from "node:assert/strict";
import { test } from "node:test";

import {
  copyPanel,
  fadersOf,
  hasMoved,
  kindsToEdit,
  peekFaders,
  putGain,
  resetAdapter,
  sameAdapter,
  samePanel,
  toggle,
  whyKindSilent,
  whySilent,
} from "../../../ui/page/panel.js";

const SENT = {
  mix: { adapters: { pirate: { master: 0.5, kinds: { q_proj: 2 }, fades: { "layer:3": [[0, 0.5]] } } } },
  muted: { adapters: ["butler"], kinds: { pirate: ["q_proj"] } },
  soloed: { adapters: [], kinds: {} },
};

test("a copy is alike, and moves without its original", () => {
  const one = copyPanel(SENT);
  const other = copyPanel(one);
  assert.ok(samePanel(one, other));
  fadersOf(other, "pirate").master = 1;
  toggle(other.muted.adapters, "pirate");
  assert.ok(!samePanel(one, other));
  assert.equal(peekFaders(one, "pirate").master, 0.5);
  assert.deepEqual(one.muted.adapters, ["butler"]);
});

test("of nothing, or of nonsense, a panel is one in which nothing has moved", () => {
  for (const from of [undefined, null, {}, { mix: {} }, { mix: { adapters: {} }, muted: { adapters: "all" } }]) {
    assert.ok(samePanel(copyPanel(from), copyPanel()));
  }
  assert.equal(peekFaders(copyPanel({ mix: { adapters: { pirate: { master: "loud" } } } }), "pirate").master, 1);
});

test("names of JavaScript's own are names like others", () => {
  const panel = copyPanel();
  for (const name of ["__proto__", "constructor", "toString"]) {
    assert.equal(hasMoved(panel, name), false);
    putGain(fadersOf(panel, name).kinds, "__proto__", 0.5);
    toggle(kindsToEdit(panel.muted, name), "hasOwnProperty");
    assert.equal(hasMoved(panel, name), true);
    assert.equal(whyKindSilent(panel, name, "hasOwnProperty"), "muted");
  }
  assert.equal({}.hasOwnProperty instanceof Function, true);
  assert.deepEqual(Object.keys(panel.mix.adapters), ["__proto__", "constructor", "toString"]);
});

test("to look at an adapter's faders makes none, and they cannot be changed by that", () => {
  const panel = copyPanel();
  assert.equal(peekFaders(panel, "pirate").master, 1);
  assert.deepEqual(Object.keys(panel.mix.adapters), []);
  assert.throws(() => {
    peekFaders(panel, "pirate").master = 2;
  });
});

test("why an adapter is not heard: bypass before its switch, its switch before mute, mute before solo", () => {
  const panel = copyPanel({ bypass: true, muted: { adapters: ["pirate"] }, soloed: { adapters: ["butler"] } });
  fadersOf(panel, "pirate").on = false;
  const why = () => whySilent(panel, { name: "pirate", playing: true });
  assert.equal(why(), "bypassed");
  panel.bypass = false;
  assert.equal(why(), "off");
  assert.equal(whySilent(panel, { name: "pirate", playing: false }), "not playing");
  fadersOf(panel, "pirate").on = true;
  assert.equal(why(), "muted");
  toggle(panel.muted.adapters, "pirate");
  assert.equal(why(), "not soloed");
  toggle(panel.soloed.adapters, "pirate");
  assert.equal(why(), "");
});

test("a kind is silent where another one of its adapter is soloed, and not where one of another adapter is", () => {
  const panel = copyPanel({ soloed: { kinds: { pirate: ["q_proj"] } } });
  assert.equal(whyKindSilent(panel, "pirate", "q_proj"), "");
  assert.equal(whyKindSilent(panel, "pirate", "v_proj"), "not soloed");
  assert.equal(whyKindSilent(panel, "butler", "v_proj"), "");
});

test("a reset takes all that is said of an adapter, and nothing of another", () => {
  const panel = copyPanel(SENT);
  resetAdapter(panel, "pirate");
  assert.equal(hasMoved(panel, "pirate"), false);
  assert.ok(samePanel(panel, copyPanel({ muted: { adapters: ["butler"] } })));
});

test("panels are alike whatever the order of their names, and differ in any control", () => {
  const fades = { master: [[0, 1]], "kind:q_proj": [[0, 0.5]] };
  const turned = Object.fromEntries(Object.entries(fades).reverse());
  const made = (faders, more = {}) => copyPanel({ mix: { adapters: { pirate: faders } }, ...more });
  assert.ok(samePanel(made({ fades }), made({ fades: turned })));
  assert.ok(samePanel(made({}), copyPanel()));
  assert.ok(samePanel(made({}, { muted: { adapters: ["a", "b"] } }), made({}, { muted: { adapters: ["b", "a"] } })));
  const others = [
    made({ on: false }),
    made({ master: 2 }),
    made({ kinds: { q_proj: 2 } }),
    made({ layers: { 3: 2 } }),
    made({ modules: { "a.q_proj": 2 } }),
    made({ fades }),
    made({}, { bypass: true }),
    made({}, { muted: { adapters: ["pirate"] } }),
    made({}, { soloed: { kinds: { pirate: ["q_proj"] } } }),
  ];
  for (const [i, one] of others.entries()) {
    for (const [j, other] of others.entries()) assert.equal(samePanel(one, other), i === j);
    assert.equal(samePanel(one, copyPanel()), false);
  }
});

test("an adapter is the same while nothing that is drawn of it has changed", () => {
  const adapter = { name: "pirate", kinds: ["q_proj"], targets: [["a.q_proj", 0, 0, 8, 16, 2]] };
  assert.ok(sameAdapter(adapter, structuredClone(adapter)));
  assert.ok(!sameAdapter(adapter, { ...adapter, advice: "new" }));
  assert.ok(!sameAdapter(adapter, { ...adapter, targets: [["a.q_proj", 0, 0, 8, 16, 1]] }));
});

test("how many components are heard goes with a copy, and makes a panel another one", () => {
  const one = copyPanel({ mix: { adapters: { pirate: { rank: 4, energy: 0.9 }, butler: {} } } });
  const other = copyPanel(one);
  assert.ok(samePanel(one, other));
  assert.ok(hasMoved(one, "pirate") && !hasMoved(one, "butler"));
  assert.deepEqual(JSON.parse(JSON.stringify(one)).mix.adapters.pirate.rank, 4);
  assert.ok(!("rank" in one.mix.adapters.butler));
  fadersOf(other, "pirate").rank = 8;
  assert.ok(!samePanel(one, other));
});
