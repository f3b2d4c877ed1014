// Ticking, counting, and one send for one press; the desk works without this.
"use strict";
(function () {
  const summary = document.getElementById("summary");
  if (summary) summary.focus();
  for (const form of document.querySelectorAll("form")) {
    form.addEventListener("submit", function () {
      const button = form.querySelector("[data-sending]");
      if (!button) return;
      setTimeout(function () {
        button.disabled = true;
        button.textContent = button.dataset.sending;
      }, 0);
    });
  }
  for (const other of document.querySelectorAll(".other input")) {
    other.addEventListener("input", function () {
      if (other.value) other.closest("fieldset").querySelector("input[value=other]").checked = true;
    });
  }

  const batch = document.getElementById("batch");
  if (!batch) return;
  const boxes = Array.from(batch.querySelectorAll("input[name=pull]"));
  const quiet = boxes.filter((box) => box.dataset.quiet !== undefined);
  const all = document.getElementById("all");
  const approve = document.getElementById("approve");
  function count() {
    const chosen = boxes.filter((box) => box.checked);
    const hours = chosen.reduce((sum, box) => sum + Number(box.dataset.hours), 0);
    const many = chosen.reduce((sum, box) => sum + Number(box.dataset.count), 0);
    const words = "已选 " + many + " 条";
    document.getElementById("chosen").textContent = chosen.length ? words : "";
    document.getElementById("count").textContent = chosen.length ? words : "还没有选";
    document.getElementById("sum").textContent = chosen.length ? "共 " + hours + " 学时" : "";
    approve.textContent = chosen.length ? "通过 " + many + " 条" : "通过选中的";
    approve.disabled = chosen.length === 0;
    all.checked = quiet.length > 0 && quiet.every((box) => box.checked);
  }
  all.closest(".all").hidden = quiet.length === 0;
  all.addEventListener("change", function () {
    for (const box of quiet) box.checked = all.checked;
    count();
  });
  for (const box of boxes) box.addEventListener("change", count);
  window.addEventListener("pageshow", count);
})();
