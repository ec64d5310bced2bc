// The standalone page's own script: light or dark as the user chose it last, and the buttons inside the chat's log.
window.loraMixerPage = {
  applyTheme() {
    let kept = null;
    try { kept = window.localStorage.getItem("lora-mixer-theme"); } catch (error) { /* storage may be forbidden */ }
    if (kept) document.body.classList.toggle("dark", kept === "dark");
  },

  toggleTheme() {
    const dark = document.body.classList.toggle("dark");
    try { window.localStorage.setItem("lora-mixer-theme", dark ? "dark" : "light"); } catch (error) { /* see above */ }
  },

  async copy(button) {
    try {
      await navigator.clipboard.writeText(button.parentElement.querySelector(".text").textContent);
      button.textContent = "Copied";
    } catch (error) {
      button.textContent = "Not allowed";
    }
    window.setTimeout(() => { button.textContent = "Copy"; }, 1500);
  },

  // Into the input alone: the user may want to change it before sending it.
  suggest(text) {
    const input = document.querySelector("#chat-input textarea");
    Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, "value").set.call(input, text);
    input.dispatchEvent(new Event("input", { bubbles: true }));
    input.focus();
  },
};

window.loraMixerPage.applyTheme();
document.querySelector("#page-theme")?.setAttribute("title", "Light or dark");
document.querySelector("#page-theme")?.setAttribute("aria-label", "Switch between light and dark");
document.addEventListener("click", (event) => {
  const button = event.target instanceof Element ? event.target.closest("#chat-log button") : null;
  if (button?.matches(".copy")) window.loraMixerPage.copy(button);
  if (button?.matches(".suggest")) window.loraMixerPage.suggest(button.textContent);
});
// A double click is one click: where Send stood there is Stop by then. The arrows between versions are pressed again and again.
document.addEventListener("click", (event) => {
  const button = event.target instanceof Element ? event.target.closest("#lora-mixer-chat button") : null;
  if (!button || event.detail < 2 || button.matches("#chat-previous, #chat-next")) return;
  event.preventDefault();
  event.stopImmediatePropagation();
}, true);
