// The form works without this. With it: the date in words, recent titles, pictures before sending, a draft that
// survives a closed page, and one send for one press.
"use strict";
(function () {
  const form = document.getElementById("study");
  const summary = document.getElementById("summary");
  if (summary) summary.focus();

  const week = "日一二三四五六";
  const line = form.querySelector("[data-echo]");
  function echo() {
    const chosen = form.querySelector("input[name=start_date]:checked");
    if (chosen && chosen.dataset.told) {
      line.textContent = chosen.dataset.told;
      return;
    }
    const parts = /^(\d{4})-(\d\d)-(\d\d)$/.exec(form.elements.start_date_other.value);
    const day = parts && new Date(+parts[1], +parts[2] - 1, +parts[3]);
    line.textContent = day ? parts[1] + "年" + +parts[2] + "月" + +parts[3] + "日（星期" + week[day.getDay()] + "）" : "";
  }
  for (const radio of form.querySelectorAll("input[name=start_date]")) radio.addEventListener("change", echo);

  // Typing beside “other” means “other”.
  for (const other of form.querySelectorAll(".other input")) {
    other.addEventListener("input", function () {
      if (other.value) other.closest("fieldset").querySelector("input[value=other]").checked = true;
      echo();
    });
  }

  const title = form.elements.title;
  const recent = form.querySelector(".recent");
  function suggest() {
    if (recent) recent.hidden = title.value !== "";
  }
  if (recent) {
    title.removeAttribute("list"); // one list of suggestions is enough
    title.addEventListener("input", suggest);
    for (const button of recent.querySelectorAll("button")) {
      button.addEventListener("click", function () {
        title.value = button.textContent;
        suggest();
        save();
        title.focus();
      });
    }
  }

  // Pictures: shown at once, removable, never more than the form takes.
  const box = form.querySelector(".pictures");
  const input = form.elements.photos;
  const take = box.querySelector(".take");
  const count = form.querySelector("[data-count]");
  const most = +box.dataset.most;
  const canCollect = typeof DataTransfer === "function";
  let files = [];
  function kept() {
    return box.querySelectorAll("input[name=kept]").length - box.querySelectorAll("input[name=remove]:checked").length;
  }
  function show() {
    for (const old of box.querySelectorAll("figure.new")) {
      URL.revokeObjectURL(old.firstChild.src);
      old.remove();
    }
    files.forEach(function (file, index) {
      const figure = document.createElement("figure");
      const image = document.createElement("img");
      const remove = document.createElement("button");
      figure.className = "new";
      image.src = URL.createObjectURL(file);
      image.alt = "已选的照片";
      remove.type = "button";
      remove.className = "remove";
      remove.textContent = "移除";
      remove.addEventListener("click", function () {
        files.splice(index, 1);
        put();
      });
      figure.append(image, remove);
      box.insertBefore(figure, take);
    });
    take.hidden = kept() + files.length >= most;
  }
  function put() {
    const all = new DataTransfer();
    for (const file of files) all.items.add(file);
    input.files = all.files;
    show();
  }
  input.addEventListener("change", function () {
    const wanted = canCollect ? files.concat(Array.from(input.files)) : Array.from(input.files);
    files = wanted.slice(0, Math.max(most - kept(), 0));
    count.textContent = wanted.length > files.length ? "最多 " + most + " 张，多选的没有加入。" : "";
    if (canCollect) put();
    else show();
  });
  for (const gone of box.querySelectorAll("input[name=remove]")) gone.addEventListener("change", show);
  show();

  // Draft: words only, on this phone only, until the receipt says that they arrived.
  const place = "xueshi-draft-" + form.dataset.draft;
  const drafted = ["title", "content", "place", "organiser_level", "hours_other", "kind", "hours"];
  function save() {
    const draft = {};
    for (const name of drafted) draft[name] = form.elements[name].value;
    try {
      localStorage.setItem(place, JSON.stringify(draft));
    } catch (error) {
      // a private window keeps nothing
    }
  }
  function restore() {
    if (form.dataset.filled !== undefined || /again=/.test(location.search)) return;
    let draft = null;
    try {
      draft = JSON.parse(localStorage.getItem(place));
    } catch (error) {
      return;
    }
    for (const name of draft ? drafted : []) if (draft[name]) form.elements[name].value = draft[name];
    if (draft && (draft.content || draft.place || draft.organiser_level)) form.querySelector("details.more").open = true;
  }
  restore();
  suggest();
  form.addEventListener("input", save);
  form.addEventListener("change", save);

  const button = form.querySelector("button.primary");
  const words = button.textContent;
  form.addEventListener("submit", function () {
    setTimeout(function () {
      button.disabled = true;
      button.textContent = button.dataset.sending;
    }, 0);
  });
  window.addEventListener("pageshow", function () {
    button.disabled = false;
    button.textContent = words;
    echo();
  });
})();
