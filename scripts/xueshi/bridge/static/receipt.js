// What was sent has arrived: forget the draft. While it is on its way to the desk, look again.
"use strict";
(function () {
  const state = document.querySelector("[data-state]").dataset;
  try {
    localStorage.removeItem("xueshi-draft-" + state.member);
  } catch (error) {
    // a private window keeps nothing
  }
  if (state.state === "received") setTimeout(() => location.reload(), 3000);
})();
