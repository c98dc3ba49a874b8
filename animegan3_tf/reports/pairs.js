"use strict";
// Keeps what a person crosses off in this browser until it is saved as a file for `animegan3 pairs --review`.
const boxes = [...document.querySelectorAll(".pairs input")];
const key = `animegan3 pairs ${document.body.dataset.folder || location.pathname}`;
const counter = document.getElementById("crossed");

function stored() {
  try {
    return new Set(JSON.parse(localStorage.getItem(key)) || []);
  } catch {
    return new Set();  // private windows, or a page opened from disk, may have no storage
  }
}

function crossed() {
  return boxes.filter((box) => box.checked).map((box) => box.value);
}

function show() {
  counter.textContent = `${crossed().length} of ${boxes.length} crossed off`;
}

const before = stored();
for (const box of boxes) {
  box.checked = before.has(box.value);
  box.addEventListener("change", () => {
    try {
      localStorage.setItem(key, JSON.stringify(crossed()));
    } catch {
      // the file that is saved holds it all the same
    }
    show();
  });
}
document.getElementById("save").addEventListener("click", () => {
  const text = JSON.stringify({ crossed_off: crossed() }, null, 1);
  const address = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  const link = document.createElement("a");
  link.href = address;
  link.download = "review.json";
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 60000);  // some browsers read it only after the click
});
show();
