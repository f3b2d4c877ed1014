// Find one's name by characters or pinyin initials; the list works without this.
"use strict";
(function () {
  const field = document.querySelector(".find");
  const find = document.getElementById("find");
  const nobody = document.getElementById("nobody");
  const names = Array.from(document.querySelectorAll(".name"));
  let composing = false;
  function filter() {
    if (composing) return;
    const wanted = find.value.replace(/\s/g, "").toUpperCase();
    let shown = 0;
    for (const name of names) {
      name.hidden = wanted !== "" && !name.dataset.find.toUpperCase().includes(wanted);
      if (!name.hidden) shown += 1;
    }
    nobody.hidden = shown > 0;
  }
  field.hidden = false;
  find.addEventListener("compositionstart", function () {
    composing = true;
  });
  find.addEventListener("compositionend", function () {
    composing = false;
    filter();
  });
  find.addEventListener("input", filter);
  find.addEventListener("keydown", function (event) {
    if (event.key === "Enter") event.preventDefault();
  });

  // The phone remembers who chose last, as a convenience.
  const place = "xueshi-poster-" + document.querySelector("form").dataset.branch;
  try {
    const last = localStorage.getItem(place);
    const known = names.find(function (name) {
      return name.querySelector("input").value === last;
    });
    if (known) known.querySelector("input").checked = true;
  } catch (error) {
    // a private window keeps nothing
  }
  document.querySelector("form").addEventListener("submit", function () {
    const chosen = document.querySelector("input[name=member]:checked");
    try {
      if (chosen) localStorage.setItem(place, chosen.value);
    } catch (error) {
      // a private window keeps nothing
    }
  });
})();
