/* The standalone page's own script: light or dark as the user chose it last, and the buttons inside the chat's log. */

{
  const KEPT = "lora-mixer-theme";
  const SAID_MS = 1500;

  /** @returns {string | null} */
  const keptTheme = () => {
    try {
      return window.localStorage.getItem(KEPT);
    } catch {
      return null; // storage may be forbidden
    }
  };

  /** Called by the page's own button (page.py). */
  const toggleTheme = () => {
    const dark = document.body.classList.toggle("dark");
    try {
      window.localStorage.setItem(KEPT, dark ? "dark" : "light");
    } catch {
      // See above.
    }
  };

  /** @param {Element} button beside the text that it copies */
  const copy = async (button) => {
    try {
      await navigator.clipboard.writeText(button.parentElement?.querySelector(".text")?.textContent ?? "");
      button.textContent = "Copied";
    } catch {
      button.textContent = "Not allowed";
    }
    window.setTimeout(() => {
      button.textContent = "Copy";
    }, SAID_MS);
  };

  /**
   * Into the input alone: the user may want to change it before sending it.
   *
   * @param {string} text
   */
  const suggest = (text) => {
    const input = document.querySelector("#chat-input textarea");
    if (!(input instanceof HTMLTextAreaElement)) return;
    Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, "value")?.set?.call(input, text);
    input.dispatchEvent(new Event("input", { bubbles: true }));
    input.focus();
  };

  /**
   * The button that was clicked, within a part of the page.
   *
   * @param {Event} event
   * @param {string} part
   */
  const buttonIn = (event, part) => (event.target instanceof Element ? event.target.closest(`${part} button`) : null);

  /** @type {{loraMixerPage?: {toggleTheme: () => void}}} */
  const page = /** @type {never} */ (window);
  page.loraMixerPage = { toggleTheme };

  const kept = keptTheme();
  if (kept) document.body.classList.toggle("dark", kept === "dark");
  const theme = document.querySelector("#page-theme");
  theme?.setAttribute("title", "Light or dark");
  theme?.setAttribute("aria-label", "Switch between light and dark");

  document.addEventListener("click", (event) => {
    const button = buttonIn(event, "#chat-log");
    if (button?.matches(".copy")) copy(button);
    if (button?.matches(".suggest")) suggest(button.textContent ?? "");
  });

  // A double click is one click: where Send stood there is Stop by then. The arrows between versions are pressed again
  // and again.
  document.addEventListener(
    "click",
    (event) => {
      const button = buttonIn(event, "#lora-mixer-chat");
      if (!button || event.detail < 2 || button.matches("#chat-previous, #chat-next")) return;
      event.preventDefault();
      event.stopImmediatePropagation();
    },
    true,
  );
}
