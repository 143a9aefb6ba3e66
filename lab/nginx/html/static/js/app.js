"use strict";
// Shows which release answers, and the newest materials.
async function show() {
  const health = await (await fetch("/health/")).json();
  document.getElementById("version").textContent = `${health.version} (${health.color})`;
  const list = document.getElementById("materials");
  for (const { title } of (await (await fetch("/materials/")).json()).materials) {
    list.appendChild(Object.assign(document.createElement("li"), { textContent: title }));
  }
}
show();
