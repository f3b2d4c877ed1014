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

  // Material looks for what was typed as a key comes up; what is pasted or dictated brings none.
  const search = document.querySelector(".md-search__input");
  search?.addEventListener("input", () => search.dispatchEvent(new KeyboardEvent("keyup")));

  // From here on Material tells the colour that was chosen.
  for (const told of document.querySelectorAll("meta[name=theme-color][media]")) told.remove();
})();

// Printing of a report or, `data-print="sheet"`, of its study sheet alone. The words are in partials/printing.html.
(() => {
  const root = document.documentElement, box = document.querySelector("[data-inapp]");
  if (!box) return;

  function explain(button) {
    box.hidden = false;
    box.querySelector("h2").focus();
    box.querySelector("[data-close]").onclick = () => {
      box.hidden = true;
      button.focus();
    };
  }

  /** Fetched although nobody has seen it; one that fails is printed as its words. */
  function fetched(img) {
    img.loading = "eager";
    return img.decode().catch(() => {});
  }

  const PATIENCE = 30_000; // ms without any further picture; what a network owes then is printed as its words

  function arrived(images) {
    return new Promise((done) => {
      let timer;
      const wait = () => {
        clearTimeout(timer);
        timer = setTimeout(done, PATIENCE);
      };
      wait();
      Promise.all(images.map((img) => fetched(img).then(wait))).then(done);
    });
  }

  async function print(button) {
    if (/MicroMessenger|wxwork/i.test(navigator.userAgent)) return explain(button);
    const alone = button.dataset.print === "sheet";
    const wanted = [...document.querySelectorAll(alone ? ".s-sheets img" : ".md-content img")];
    const said = Object.assign(document.createElement("span"), {className: "x-hint x-said"});
    said.setAttribute("role", "status");
    button.after(said);
    said.textContent = box.dataset.printing;
    await arrived(wanted.filter((img) => alone || !img.closest("[hidden]")));
    said.remove();
    root.classList.toggle("x-sheet-only", alone);
    window.print();
  }

  addEventListener("afterprint", () => root.classList.remove("x-sheet-only"));
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-print]");
    if (button) print(button);
  });
})();
