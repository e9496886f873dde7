"use strict";
(() => {
  const all = (selector, inside) => [...(inside || document).querySelectorAll(selector)];
  const element = (name, text, parent) => {
    const made = document.createElement(name);
    made.textContent = text;
    return parent.appendChild(made);
  };

  // What belongs to one member lights up everywhere.
  const light = (member) => {
    for (const lit of all(".lit")) lit.classList.remove("lit");
    if (member === null || member === undefined) return;
    for (const part of all(`[data-member="${Number(member)}"], .dense .series[data-run="${Number(member)}"]`)) {
      part.classList.add("lit");
      if (part.matches(".series")) part.parentNode.append(part);
    }
  };
  for (const part of all("[data-member]")) {
    part.addEventListener("pointerenter", () => light(part.dataset.member));
    part.addEventListener("pointerleave", () => light(null));
    part.addEventListener("focusin", () => light(part.dataset.member));
    part.addEventListener("focusout", () => light(null));
  }

  // Values of an epoch, under the pointer or by the arrow keys.
  const chart = (figure) => {
    const number = (name) => Number(figure.dataset[name]);
    const [left, right, top, bottom] = ["left", "right", "top", "bottom"].map(number);
    const [low, high, last] = ["low", "high", "last"].map(number);
    const dense = figure.classList.contains("dense");
    const canvas = figure.querySelector(".canvas");
    const svg = figure.querySelector(".canvas svg");
    const [tip, cursor] = [figure.querySelector(".tip"), figure.querySelector(".cursor")];
    const spoken = figure.querySelector("[role=status]");
    const series = all(".series", figure).map((group) => ({
      group,
      dot: group.querySelector(".dot"),
      values: group.dataset.values.split(",").map((text) => (text === "" ? NaN : Number(text))),
      texts: group.dataset.values.split(","),
    }));
    let epoch = 0;
    let picked = 0;
    const x = (at) => left + (last > 1 ? (at - 1) / (last - 1) : 0) * (right - left);
    const y = (value) => Math.max(top, bottom - ((value - low) / (high - low)) * (bottom - top));
    const visible = () => series.filter((line) => !line.group.hasAttribute("hidden"));
    const there = () => visible().filter((line) => Number.isFinite(line.values[epoch - 1]));

    const hide = () => {
      epoch = 0;
      tip.hidden = true;
      cursor.setAttribute("hidden", "");
      for (const line of series) line.dot.setAttribute("hidden", "");
      if (dense) light(null);
    };
    const fill = (lines) => {
      tip.textContent = "";
      const table = element("table", "", tip);
      element("caption", `Epoch ${epoch}`, table);
      const runs = new Map();
      for (const line of lines) {
        const { run, split, letter, label } = line.group.dataset;
        if (!runs.has(run)) runs.set(run, { name: dense ? label : letter, colour: line.group.getAttribute("class") });
        runs.get(run)[split] = line.texts[epoch - 1];
      }
      const splits = ["validation", "training"].filter((split) => lines.some((line) => line.group.dataset.split === split));
      const head = table.createTHead().insertRow();
      for (const title of ["", ...splits]) element("th", title, head);
      const body = table.createTBody();
      for (const values of runs.values()) {
        const row = body.insertRow();
        const name = element("th", "", row);
        name.scope = "row";
        const chip = element("span", "", name);
        chip.className = `chip ${dense ? "" : values.colour.match(/c\d/)}`;
        if (!dense) element("i", "", chip);
        chip.append(values.name);
        for (const split of splits) element("td", values[split] || "–", row);
      }
      return [...runs.values()].map((v) => `${v.name} ${splits.map((s) => `${s} ${v[s] || "none"}`).join(", ")}`);
    };
    const show = (say) => {
      const lines = dense ? there().slice(picked, picked + 1) : there();
      for (const line of series) line.dot.setAttribute("hidden", "");
      for (const line of lines) {
        line.dot.removeAttribute("hidden");
        line.dot.setAttribute("cx", x(epoch));
        line.dot.setAttribute("cy", y(line.values[epoch - 1]));
      }
      if (dense && lines[0]) light(lines[0].group.dataset.run);
      cursor.removeAttribute("hidden");
      cursor.setAttribute("d", `M${x(epoch)},${top}V${bottom}`);
      const said = fill(lines.slice(0, 24));
      tip.hidden = false;
      const box = svg.getBoundingClientRect();
      const at = (x(epoch) / svg.viewBox.baseVal.width) * box.width;
      const beside = at < box.width / 2 ? at + 14 : at - tip.offsetWidth - 14;
      tip.style.left = `${Math.max(0, Math.min(beside, box.width - tip.offsetWidth))}px`;
      tip.style.top = `${(top / svg.viewBox.baseVal.height) * box.height}px`;
      if (say) spoken.textContent = `Epoch ${epoch}: ${said.join("; ")}`;
    };
    const pick = (value) => {
      const off = (line) => Math.abs(line.values[epoch - 1] - value);
      const lines = there();
      picked = lines.reduce((best, line, index) => (off(line) < off(lines[best]) ? index : best), 0);
    };
    const place = (event) => {
      const box = svg.getBoundingClientRect();
      const across = ((event.clientX - box.left) / box.width) * svg.viewBox.baseVal.width;
      const down = ((event.clientY - box.top) / box.height) * svg.viewBox.baseVal.height;
      const share = (across - left) / (right - left);
      epoch = Math.min(last, Math.max(1, Math.round(share * (last - 1)) + 1));
      if (dense) pick(low + ((bottom - down) / (bottom - top)) * (high - low));
      show(false);
    };
    canvas.addEventListener("pointermove", place);
    canvas.addEventListener("pointerdown", place);
    canvas.addEventListener("pointerleave", hide);
    canvas.addEventListener("blur", hide);
    canvas.addEventListener("keydown", (event) => {
      const steps = { ArrowRight: 1, ArrowLeft: -1, Home: -last, End: last };
      const turns = { ArrowDown: 1, ArrowUp: -1 };
      if (event.key === "Escape") return hide();
      if (event.key in steps) epoch = Math.min(last, Math.max(1, epoch + steps[event.key]));
      else if (dense && event.key in turns) {
        // By value, from the highest.
        epoch = epoch || last;
        const order = there().map((line, index) => [line.values[epoch - 1], index]).sort((a, b) => b[0] - a[0]);
        const place = order.findIndex(([, index]) => index === picked) + turns[event.key];
        picked = order[Math.min(order.length - 1, Math.max(0, place))][1];
      } else return;
      event.preventDefault();
      show(true);
    });
  };
  for (const figure of all(".chart")) chart(figure);

  // The legend switches lines on and off.
  const toggles = all("[data-toggle-run], [data-toggle-split]");
  const apply = () => {
    const off = new Set(toggles.filter((box) => !box.checked).map((box) => box.dataset.toggleRun || box.dataset.toggleSplit));
    for (const part of all(".chart:not(.dense) [data-run]")) {
      part.toggleAttribute("hidden", off.has(part.dataset.run) || off.has(part.dataset.split));
    }
  };
  for (const box of toggles) box.addEventListener("change", apply);
  if (toggles.length) apply();

  // The table of a sweep: sorted by its headers, filtered by text.
  const table = document.querySelector(".sortable");
  if (table) {
    const body = table.tBodies[0];
    const rows = [...body.rows];
    const headers = [...table.tHead.rows[0].cells];
    const key = (row, column) => {
      const cell = row.cells[column];
      if (cell.dataset.value !== undefined) return Number(cell.dataset.value);
      const text = cell.textContent.trim();
      return text === "–" || text === "" ? null : text;
    };
    const compare = (a, b) => {
      if (typeof a === "number" && typeof b === "number") return a - b;
      return String(a).localeCompare(String(b), "en", { numeric: true });
    };
    headers.forEach((header, column) => {
      const button = header.querySelector("button");
      button.addEventListener("click", () => {
        const now = header.getAttribute("aria-sort");
        const order = now ? (now === "ascending" ? "descending" : "ascending") : button.dataset.first;
        for (const other of headers) other.removeAttribute("aria-sort");
        header.setAttribute("aria-sort", order);
        const turn = order === "ascending" ? 1 : -1;
        const keyed = rows.map((row) => [key(row, column), row]);
        // What has no value comes last in either direction.
        keyed.sort(([a], [b]) => (a === null ? (b === null ? 0 : 1) : b === null ? -1 : turn * compare(a, b)));
        body.append(...keyed.map(([, row]) => row));
      });
    });
    const input = document.getElementById("filter");
    const output = document.querySelector(".filter output");
    const texts = new Map(rows.map((row) => [row, row.textContent.toLowerCase()]));
    input.addEventListener("input", () => {
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      for (const row of rows) {
        row.hidden = !words.every((word) => texts.get(row).includes(word));
        if (!row.hidden) shown += 1;
      }
      output.textContent = words.length ? `${shown} of ${rows.length}` : "";
    });
  }
})();
