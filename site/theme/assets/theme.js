// Menu and search by keyboard: Material opens them by a checkbox that nobody can reach.
(() => {
  const buttons = (name) => document.querySelectorAll(`button[data-x-toggle="${name}"]`);

  for (const toggle of document.querySelectorAll(".md-toggle")) {
    for (const button of buttons(toggle.id)) button.addEventListener("click", () => toggle.click());
    toggle.addEventListener("change", () => {
      for (const button of buttons(toggle.id)) {
        if (button.hasAttribute("aria-expanded")) button.setAttribute("aria-expanded", toggle.checked);
      }
    });
  }

  const drawer = document.getElementById("__drawer"), [menu, close] = buttons("__drawer");
  drawer.addEventListener("change", () => (drawer.checked ? close : menu)?.focus());
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && drawer.checked) drawer.click();
  });
  for (const link of document.querySelectorAll(".x-drawer a")) {
    link.addEventListener("click", () => drawer.checked && drawer.click());
  }

  // From here on Material tells the colour that was chosen.
  for (const told of document.querySelectorAll("meta[name=theme-color][media]")) told.remove();
})();
