/* What is learned from: replies that one wants, gathered from wherever they are, or blind votes. */

import { saidBy } from "../page/channel.js";
import { el, setText, showText } from "../page/elements.js";
import { radioChoice, textArea } from "../page/fields.js";
import { filePicker } from "../page/files.js";
import { jobs } from "../page/jobs.js";
import { keyed } from "../page/keyed.js";
import { jobLine } from "../page/progress.js";
import { askingButton } from "../page/said.js";
import { goTo } from "../page/tabs.js";
import { learning } from "./learning.js";

const FILE_MB = 20;
const CHAT = "learn/chat";
const FORMS =
  "A file has a chat a line (JSONL): OpenAI\u2019s messages, prompt and completion, or ShareGPT\u2019s conversations.";

/** @param {(text: string, good: boolean) => void} say */
function exampleList(say) {
  const items = el("ol", {
    class: "examples",
    id: "lora-mixer-learn-examples",
    tabindex: "0",
    "aria-label": "Examples",
  });
  const more = el("p", { class: "hint", hidden: true });
  const empty = el("p", { class: "learn-empty" });
  empty.append(
    "No examples yet. Compare some mixes on the tab ",
    el("button", {
      type: "button",
      class: "link",
      text: "Mix",
      on: { click: () => goTo("mix", "lora-mixer-compare") },
    }),
    " and press \u201cLike this one\u201d under the replies that you want more of; or type them, read a file, or take the chat.",
  );
  const clear = askingButton("Remove all", "Yes, remove all examples", { do: "clear-examples" }, () =>
    jobs.order({ do: "learn clear" }, (answer) => say(saidBy(answer), !answer.refused)),
  );
  const node = el("div", { class: "learn-list" }, empty, items, more);
  return {
    node,
    clear: clear.node,
    update() {
      const { examples = [], count = 0 } = learning.known ?? {};
      empty.hidden = count > 0;
      items.hidden = count === 0;
      clear.node.hidden = count < 2;
      showText(more, count > examples.length ? `and ${(count - examples.length).toLocaleString("en")} more` : "");
      keyed(
        items,
        examples,
        (one) => one.key,
        (one) => {
          const remove = el("button", {
            type: "button",
            class: "sign",
            text: "\u00d7",
            "aria-label": `Remove this example: ${one.prompt.slice(0, 60)}`,
            on: { click: () => jobs.order({ do: "learn remove", example: one.key }) },
          });
          return {
            node: el(
              "li",
              { class: "example" },
              el(
                "div",
                { class: "example-texts" },
                el("div", { class: "example-prompt", text: one.prompt }),
                el("div", { class: "example-reply", text: one.reply }),
              ),
              el("span", { class: "badge", text: one.source }),
              remove,
            ),
          };
        },
      );
    },
  };
}

/** @param {(text: string, good: boolean) => void} say */
function typedForm(say) {
  const prompt = textArea("Prompt", { rows: 2, id: "lora-mixer-learn-prompt", placeholder: "How do I make tea?" });
  const reply = textArea("The reply that you want", {
    rows: 2,
    id: "lora-mixer-learn-reply",
    placeholder: "Boil the water, matey, \u2026",
  });
  const add = () => {
    const fields = { prompt, reply };
    for (const field of Object.values(fields)) field.complain("");
    jobs.order({ do: "learn type", prompt: prompt.input.value, reply: reply.input.value }, ({ refused }) => {
      if (refused) {
        const field = fields[/** @type {"prompt" | "reply"} */ (refused.at)];
        if (field) field.complain(refused.why);
        else say(refused.why, false);
        return;
      }
      prompt.input.value = reply.input.value = "";
      prompt.input.focus();
    });
  };
  const button = el("button", {
    type: "button",
    class: "button",
    text: "Add",
    id: "lora-mixer-learn-add",
    on: { click: add },
  });
  return el("div", { class: "learn-typed" }, prompt.node, reply.node, button);
}

/** @param {(text: string, good: boolean) => void} say */
export function materialCard(say) {
  const source = radioChoice("Learn from", "lora-mixer-learn-source", [
    ["replies", "Replies that I want"],
    ["votes", "My blind votes"],
  ]);
  const list = exampleList(say);
  const file = filePicker(
    ".jsonl,.json",
    FILE_MB,
    (name, data) => jobs.order({ do: "learn read", name, data }, (answer) => say(saidBy(answer), !answer.refused)),
    (why) => say(why, false),
  );
  file.input.id = "lora-mixer-learn-file";
  const read = el("button", {
    type: "button",
    class: "button small",
    text: "Read a file\u2026",
    title: FORMS,
    on: { click: file.open },
  });
  const chat = el("button", {
    type: "button",
    class: "button small",
    text: "Take the chat\u2019s replies",
    id: "lora-mixer-learn-chat",
    title: "Every reply of the chat as it stands, each after all that was said before it",
    on: { click: () => jobs.start({ do: "learn chat" }, CHAT) },
  });
  const chatLine = jobLine();
  const replies = el(
    "div",
    { class: "learn-replies" },
    list.node,
    typedForm(say),
    el("div", { class: "column-tools" }, read, file.input, chat, list.clear),
    el("p", { class: "hint", text: FORMS }),
    chatLine.node,
  );
  const count = el("p", { class: "learn-votes", id: "lora-mixer-learn-votes" });
  const vote = el("button", {
    type: "button",
    class: "link",
    text: "Vote on more pairs",
    on: { click: () => goTo("votes", "lora-mixer-votes-page") },
  });
  const votes = el("div", {}, count, vote);
  const node = el(
    "section",
    { class: "panel-card", id: "lora-mixer-learn-material", "aria-label": "What to learn from" },
    source.node,
    replies,
    votes,
  );
  source.onChange(() => {
    if (source.value === "votes") learning.countVotes();
    jobs.changed();
  });

  return {
    node,
    get source() {
      return /** @type {"replies" | "votes"} */ (source.value);
    },
    update() {
      list.update();
      replies.hidden = source.value !== "replies";
      votes.hidden = source.value !== "votes";
      chat.disabled = jobs.job.running;
      chatLine.update(jobs.jobOf(CHAT));
      setText(count, votesInWords());
    },
  };
}

function votesInWords() {
  const { votes } = learning;
  if (!votes) return "Counting your votes \u2026";
  if (votes.why) return votes.why;
  const there = `${votes.count.toLocaleString("en")} ${votes.count === 1 ? "vote" : "votes"} on replies of this model say which of two is better`;
  return votes.count < votes.needed
    ? `${there}; it takes ${votes.needed} to tell anything. “As good” and “both bad” tell nothing.`
    : `${there}.`;
}
