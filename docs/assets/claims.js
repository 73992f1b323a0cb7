// Search and filter by verdict for the tables of claims: every table inside an element of the class `claims`.
"use strict";

function addFilter(table) {
  const heads = [...table.tHead.rows[0].cells].map((cell) => cell.textContent.trim());
  const column = heads.indexOf("verdict");
  if (column < 0) {
    return;
  }
  const rows = [...table.tBodies[0].rows];
  const verdictOf = (row) => row.cells[column].textContent.trim();
  const words = ["holds", "inconclusive", "does not hold", "not run"].filter((word) =>
    rows.some((row) => verdictOf(row).startsWith(word)),
  );
  let chosen = "";

  const bar = document.createElement("div");
  bar.className = "claims-filter";
  const search = document.createElement("input");
  search.type = "search";
  search.placeholder = "Search claims";
  search.setAttribute("aria-label", "Search claims");
  const status = document.createElement("span");
  status.setAttribute("role", "status");
  const buttons = ["", ...words].map((word) => {
    const button = document.createElement("button");
    button.type = "button";
    const matching = rows.filter((row) => verdictOf(row).startsWith(word)).length;
    button.textContent = `${word || "all"} (${matching})`;
    button.addEventListener("click", () => {
      chosen = word;
      show();
    });
    button.dataset.word = word;
    return button;
  });

  function show() {
    const terms = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      const isShown = verdictOf(row).startsWith(chosen) && terms.every((term) => text.includes(term));
      row.hidden = !isShown;
      shown += isShown ? 1 : 0;
    }
    for (const button of buttons) {
      button.setAttribute("aria-pressed", String(button.dataset.word === chosen));
    }
    status.textContent = `${shown} of ${rows.length} shown`;
  }

  search.addEventListener("input", show);
  bar.append(search, ...buttons, status);
  table.closest(".claims").prepend(bar);
  show();
}

document.addEventListener("DOMContentLoaded", () => {
  document.querySelectorAll(".claims table").forEach(addFilter);
});
