"use strict";
// Tables that are sorted by a click on a heading, and a slider over each photo's pictures. Without this script the page
// still has its tables, and all pictures side by side.

const key = (row, column) => {
  const cell = row.cells[column];
  const value = cell.dataset.value;
  if (value !== undefined) return Number(value);
  const text = cell.textContent.trim();
  return text === "-" ? null : text;
};

const compare = (a, b) =>
  typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), undefined, {numeric: true});

for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => head.querySelector("button").addEventListener("click", () => {
    const descending = head.getAttribute("aria-sort") === "ascending";
    heads.forEach(other => other.setAttribute("aria-sort", "none"));
    head.setAttribute("aria-sort", descending ? "descending" : "ascending");
    const body = table.tBodies[0];
    const rows = [...body.rows].map(row => [key(row, column), row]);
    rows.sort(([a], [b]) => {
      if (a === null || b === null) return (a === null) - (b === null); // what is missing comes last either way
      return descending ? compare(b, a) : compare(a, b);
    });
    body.append(...rows.map(([, row]) => row));
  }));
}

const choices = {left: document.getElementById("left"), right: document.getElementById("right")};

const show = (photo, side, image, label) => {
  const name = choices[side].value;
  const from = photo.querySelector(`.all img[data-number="${name}"]`);
  const said = choices[side].selectedOptions[0].textContent;
  image.style.visibility = from ? "visible" : "hidden";
  if (from) [image.src, image.alt] = [from.src, from.alt];
  label.textContent = from ? said : `${said}: no picture`;
};

const draw = () => {
  for (const photo of document.querySelectorAll(".photo")) {
    show(photo, "left", photo.querySelector(".over"), photo.querySelector(".left"));
    show(photo, "right", photo.querySelector(".under"), photo.querySelector(".right"));
  }
};

for (const compared of document.querySelectorAll(".compared")) {
  const stage = compared.querySelector(".stage");
  const range = compared.querySelector("input");
  const move = () => {
    stage.style.setProperty("--at", `${range.value}%`);
    range.setAttribute("aria-valuetext", `${range.value} % left picture`);
  };
  const follow = event => {
    const box = stage.getBoundingClientRect();
    range.value = Math.round((100 * (event.clientX - box.left)) / box.width);
    move();
  };
  range.addEventListener("input", move);
  stage.addEventListener("pointerdown", event => {
    stage.setPointerCapture(event.pointerId);
    follow(event);
  });
  stage.addEventListener("pointermove", event => stage.hasPointerCapture(event.pointerId) && follow(event));
  stage.addEventListener("dragstart", event => event.preventDefault());
  compared.classList.add("live");
  move();
}

if (choices.left) {
  document.querySelector(".choose").hidden = false;
  choices.left.addEventListener("change", draw);
  choices.right.addEventListener("change", draw);
  draw();
}
