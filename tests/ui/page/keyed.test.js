/* Lists that are drawn again: what stays, what is moved, what goes. On elements of our own, which tell what was done to them. */

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { arrange, keyed, whenChanged } from "../../../ui/page/keyed.js";

class Element {
  childNodes = [];
  parent = null;
  moves = 0;

  remove() {
    if (document.activeElement === this) document.activeElement = null;
    this.parent.childNodes = this.parent.childNodes.filter((one) => one !== this);
    this.parent = null;
  }

  insertBefore(node, before) {
    if (node.parent) node.remove();
    node.parent = this;
    node.moves += 1;
    this.childNodes.splice(before === null ? this.childNodes.length : this.childNodes.indexOf(before), 0, node);
  }

  contains(node) {
    return this.childNodes.includes(node);
  }

  focus() {
    document.activeElement = this;
  }
}

let list;
let log;

beforeEach(() => {
  globalThis.HTMLElement = Element;
  globalThis.document = { activeElement: null };
  list = new Element();
  log = [];
});

const make = (item) => {
  log.push(`make ${item}`);
  return { node: new Element(), item };
};
const draw = (items) =>
  keyed(
    list,
    items,
    (item) => item,
    make,
    (part, item, at) => log.push(`update ${part.item} ${item} ${at}`),
    (part) => log.push(`gone ${part.item}`),
  );

test("a part is made once, is brought up to date each time, and ends when its key is gone", () => {
  draw(["a", "b"]);
  assert.deepEqual(log, ["make a", "make b", "update a a 0", "update b b 1"]);
  log = [];
  draw(["b", "c"]);
  assert.deepEqual(log, ["make c", "gone a", "update b b 0", "update c c 1"]);
  assert.equal(list.childNodes.length, 2);
  log = [];
  draw([]);
  assert.deepEqual(log, ["gone b", "gone c"]);
  draw(["b"]);
  assert.ok(log.includes("make b"));
});

test("parts come back, and stand, in the order of their items", () => {
  for (const items of ["abcd", "dcba", "bd", "", "xbayd", "dyabx"]) {
    const parts = draw([...items]);
    assert.equal(parts.map((part) => part.item).join(""), items);
    assert.deepEqual(
      list.childNodes,
      parts.map((part) => part.node),
    );
  }
});

test("what stands where it belongs is not touched", () => {
  const parts = draw([..."abcde"]);
  draw([..."abcde"]);
  draw([..."acde"]);
  assert.deepEqual(
    parts.map((part) => part.node.moves),
    [1, 1, 1, 1, 1],
  );
});

test("what had the focus has it when it was moved, and not when it is gone", () => {
  const [, , c] = draw([..."abc"]);
  c.node.focus();
  draw([..."cab"]);
  assert.equal(document.activeElement, c.node);
  draw([..."ab"]);
  assert.equal(document.activeElement, null);
});

test("what else stood there is taken away", () => {
  const [one, other] = [new Element(), new Element()];
  arrange(list, [one]);
  arrange(list, [other]);
  assert.deepEqual(list.childNodes, [other]);
});

test("what is drawn as a whole is drawn again only when it is drawn from something else", () => {
  let drawn = 0;
  const from = (data, what = list) => whenChanged(what, data, () => drawn++);
  for (const data of [{ a: 1 }, { a: 1 }, { a: 2 }, undefined, undefined, null]) from(data);
  assert.equal(drawn, 4);
  from(null, new Element());
  assert.equal(drawn, 5);
});
