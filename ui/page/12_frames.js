/* What is drawn anew after something changed: at most once a frame, however often it changed. */
(function (M) {
  "use strict";

  /** {onChange(fn), changed()}: after changed() every fn runs, in the next frame. what names them in a warning. */
  M.frames = function (what) {
    const listeners = [];
    let frame = 0;
    const draw = M.guard(what, () => {
      frame = 0;
      for (const fn of listeners) fn();
    });
    M.onStop(() => {
      cancelAnimationFrame(frame);
      listeners.length = 0;
    });
    return {
      onChange(fn) {
        listeners.push(fn);
      },
      changed() {
        if (!frame) frame = requestAnimationFrame(draw);
      },
    };
  };
})(window.loraMixer);
