/* A double click is one click: the second one would do it all again, or hit what stands in that place by then. */
(function (M) {
  "use strict";

  // What one presses again and again on purpose: mute and solo, the bypass, an adapter's switch, a gain to paint with.
  const AGAIN = ".lora-mixer-latch, .lora-mixer-bypass, .lora-mixer-keep, .lora-mixer-switch, .lora-mixer-brush";

  M.listen(document, "click", (event) => {
    const button = event.target instanceof Element && event.target.closest(".lora-mixer button");
    if (!button || event.detail < 2 || button.matches(AGAIN)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
  }, true);
})(window.loraMixer);
