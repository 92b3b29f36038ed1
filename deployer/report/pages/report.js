"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const legend = JSON.parse($("legend").textContent);
  const all = { tenant: [], outcome: [], account: [], wave: [], action: [], flow: [], begun: [], took: [], note: [],
    remedy: [], revision: [], track: [] };
  const texts = [""], numbers = new Map([["", 0]]);
  const numberOf = (text) => {
    let number = numbers.get(text);
    if (number === undefined) { number = texts.length; texts.push(text); numbers.set(text, number); }
    return number;
  };
  for (const element of document.querySelectorAll("script.block")) {
    const block = JSON.parse(element.textContent);
    element.remove(); // its text would be held twice
    const shared = block.shared.map(numberOf);
    for (const key in all) {
      const column = block[key], into = all[key], own = /^(account|action|note|remedy|revision)$/.test(key);
      for (let row = 0; row < column.length; row++) into.push(own ? shared[column[row]] : column[row]);
    }
  }
  const count = all.tenant.length;
  const severity = ["failed", "unknown", "blocked", "stale", "cancelled", "skipped", "running", "pending", "done", "no_change"];
  const ranks = legend.outcomes.map(([name]) => severity.indexOf(name));
  const order = new Intl.Collator(undefined, { numeric: true });

  // ---- what is shown of a row
  const make = (name, kind, text) => {
    const element = document.createElement(name);
    if (kind) element.className = kind;
    if (text !== undefined) element.textContent = text;
    return element;
  };
  const draw = (name, attributes) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const key in attributes) element.setAttribute(key, attributes[key]);
    return element;
  };
  const duration = (seconds) => {
    if (seconds < 0) return "";
    if (seconds < 9.95) return `${seconds.toFixed(1)}s`;
    const whole = Math.round(seconds), minutes = Math.floor(whole / 60), two = (n) => String(n).padStart(2, "0");
    if (minutes >= 60) return `${Math.floor(minutes / 60)}h${two(minutes % 60)}m`;
    return minutes ? `${minutes}m${two(whole % 60)}s` : `${whole}s`;
  };
  const place = (grains) => {
    const second = grains * legend.grain;
    let [begin, at] = legend.stops[0];
    for (const [end, upto] of legend.stops) {
      if (second <= end) return end > begin ? at + Math.max(0, (second - begin) / (end - begin)) * (upto - at) : at;
      [begin, at] = [end, upto];
    }
    return 1;
  };
  const stretches = (row) => {
    const words = all.track[row] ? all.track[row].split(",") : [], found = [];
    let at = Number(words[0]);
    for (let index = 1; index < words.length; index += 2) {
      const lasts = words[index + 1] === "", end = lasts ? null : at + Number(words[index + 1]);
      found.push({ kind: legend.kinds[words[index]], begin: at, end });
      at = end;
    }
    return found;
  };
  const shapes = { turn: [8, 2], gate: [7, 4], settle: [3, 12], person: [3, 12], job: [5, 8] };
  const track = (row) => {
    const svg = draw("svg", { class: "track", "aria-hidden": "true" });
    for (const { kind: [name], begin, end } of stretches(row)) {
      const [y, height] = shapes[name] || [2, 14], shape = shapes[name] ? name : "call";
      const x = 100 * place(begin), to = end === null ? 100 : 100 * place(end);
      svg.append(draw("rect", { class: `t-${shape}`, x: `${x.toFixed(3)}%`, y, width: `${Math.max(0.2, to - x).toFixed(3)}%`, height }));
    }
    return svg;
  };
  const outcome = (row) => {
    const [name, word, mark] = legend.outcomes[all.outcome[row]], shown = make("span", "outcome");
    const sign = make("span", `mark ${name}`, mark);
    sign.setAttribute("aria-hidden", "true");
    shown.append(sign, ` ${word}`);
    return shown;
  };
  const foreign = (text) => make("span", "foreign", text);
  const wave = (row) => legend.waves[all.wave[row] - 1] || "";
  const every = [
    { name: "tenant", title: "Tenant", cell: (row) => foreign(all.tenant[row]), by: (a, b) => order.compare(all.tenant[a], all.tenant[b]) },
    { name: "outcome", title: "Outcome", cell: outcome, by: (a, b) => ranks[all.outcome[a]] - ranks[all.outcome[b]] },
    { name: "account", title: "Account", cell: (row) => foreign(texts[all.account[row]]), by: (a, b) => order.compare(texts[all.account[a]], texts[all.account[b]]) },
    { name: "wave", title: "Wave", cell: (row) => foreign(wave(row)), by: (a, b) => all.wave[a] - all.wave[b] },
    { name: "took", title: "Took", cell: (row) => duration(all.took[row]), by: (a, b) => all.took[a] - all.took[b] },
    { name: "track", title: "Time", cell: track, by: (a, b) => all.begun[a] - all.begun[b] },
    { name: "note", title: "What went wrong", cell: (row) => foreign(texts[all.note[row]]), by: (a, b) => order.compare(texts[all.note[a]], texts[all.note[b]]) },
  ];
  const columns = every.filter(({ name }) => legend.waves.length || name !== "wave");

  // ---- the table: as many rows as there is room for, whatever their number
  const height = 30, spare = 8;
  const grid = $("grid"), table = make("table"), head = make("thead"), body = make("tbody");
  let shown = Array.from({ length: count }, (_, row) => row), sorted = "", falling = false, current = 0, first = -1, last = -1;
  grid.setAttribute("role", "grid"); // it is what scrolls and has the focus
  grid.setAttribute("aria-colcount", columns.length);
  grid.setAttribute("aria-label", "Tenants");
  table.setAttribute("role", "presentation");
  head.setAttribute("role", "rowgroup");
  body.setAttribute("role", "rowgroup");
  const titles = make("tr");
  titles.setAttribute("role", "row");
  titles.setAttribute("aria-rowindex", 1);
  for (const column of columns) {
    const cell = make("th", `c-${column.name}`), button = make("button", "", column.title);
    cell.setAttribute("role", "columnheader");
    button.type = "button";
    button.addEventListener("click", () => sort(column));
    if (column.name === "track") {
      let last = -1;
      for (const [at, label] of legend.ticks) {
        if (at - last < 0.15 || at > 0.93) continue; // there is no room for it
        last = at;
        const tick = make("span", "tick", label);
        tick.style.left = `${100 * at}%`;
        button.append(tick);
      }
    }
    cell.append(button);
    titles.append(cell);
    column.title = cell;
  }
  head.append(titles);
  table.append(head, body);
  grid.append(table);
  grid.tabIndex = 0;

  const space = (pixels) => {
    const row = make("tr", "space"), cell = make("td");
    row.setAttribute("aria-hidden", "true");
    cell.colSpan = columns.length;
    cell.style.height = `${pixels}px`;
    row.append(cell);
    return row;
  };
  const line = (index) => {
    const row = make("tr", index === current ? "current" : "");
    row.id = `row-${index}`;
    row.setAttribute("role", "row");
    row.setAttribute("aria-rowindex", index + 2);
    if (index === current) row.setAttribute("aria-selected", "true");
    for (const column of columns) {
      const cell = make("td", `c-${column.name}`);
      cell.setAttribute("role", "gridcell");
      cell.append(column.cell(shown[index]));
      row.append(cell);
    }
    row.addEventListener("click", () => { current = index; render(true); open(); });
    return row;
  };
  const render = (anew, whole) => {
    const from = whole ? 0 : Math.max(0, Math.floor(grid.scrollTop / height) - spare);
    const to = whole || Math.min(shown.length, Math.ceil((grid.scrollTop + grid.clientHeight) / height) + spare);
    if (!anew && from === first && to === last) return;
    [first, last] = [from, to];
    const rows = [space(from * height)];
    for (let index = from; index < Math.min(to, shown.length); index++) rows.push(line(index));
    if (!whole) rows.push(space((shown.length - to) * height));
    body.replaceChildren(...rows);
    if (current >= from && current < to) grid.setAttribute("aria-activedescendant", `row-${current}`);
    else grid.removeAttribute("aria-activedescendant");
  };
  const go = (index) => {
    if (!shown.length) return;
    current = Math.max(0, Math.min(shown.length - 1, index));
    const top = current * height, room = grid.clientHeight - head.offsetHeight;
    if (top < grid.scrollTop) grid.scrollTop = top;
    else if (top + height > grid.scrollTop + room) grid.scrollTop = top + height - room;
    render(true);
  };
  grid.addEventListener("scroll", () => requestAnimationFrame(() => render(false)), { passive: true });
  grid.addEventListener("keydown", (event) => {
    if (event.target !== grid || event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.max(1, Math.floor((grid.clientHeight - head.offsetHeight) / height) - 1);
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page };
    if (event.key in steps) go(current + steps[event.key]);
    else if (event.key === "Home") go(0);
    else if (event.key === "End") go(shown.length - 1);
    else if (event.key === "Enter" || event.key === " ") open();
    else return;
    event.preventDefault();
  });
  addEventListener("resize", () => render(true));
  addEventListener("beforeprint", () => render(true, 1000));
  addEventListener("afterprint", () => render(true));

  // ---- filter and sort
  const find = $("find"), filters = { outcome: $("of-outcome"), wave: $("of-wave"), account: $("of-account") };
  let haystack = null;
  const sort = (column) => {
    falling = sorted === column.name && !falling;
    sorted = column.name;
    for (const each of columns) {
      if (each === column) each.title.setAttribute("aria-sort", falling ? "descending" : "ascending");
      else each.title.removeAttribute("aria-sort");
    }
    show();
  };
  const show = () => {
    const wanted = find.value.trim().toLowerCase();
    if (wanted && !haystack) {
      haystack = all.tenant.map((name, row) => `${name}\n${all.flow[row]}\n${texts[all.note[row]]}`.toLowerCase());
    }
    const only = Object.entries(filters).filter(([, select]) => select.value !== "")
      .map(([key, select]) => [all[key], Number(select.value)]);
    const found = [];
    for (let row = 0; row < count; row++) {
      if (only.every(([column, value]) => column[row] === value) && (!wanted || haystack[row].includes(wanted))) found.push(row);
    }
    const column = columns.find(({ name }) => name === sorted);
    if (column) found.sort(falling ? (a, b) => column.by(b, a) || a - b : (a, b) => column.by(a, b) || a - b);
    shown = found;
    current = 0;
    grid.scrollTop = 0;
    grid.setAttribute("aria-rowcount", shown.length + 1);
    $("found").textContent = `${shown.length.toLocaleString("en")} of ${count.toLocaleString("en")} tenants`;
    render(true);
  };
  const choices = (select, options) => {
    for (const [value, text] of options) {
      const option = make("option", "", text);
      option.value = value;
      select.append(option);
    }
    select.parentElement.hidden = options.length < 2;
    select.addEventListener("change", show);
  };
  const used = (column) => [...new Set(column)];
  choices(filters.outcome, used(all.outcome).sort((a, b) => ranks[a] - ranks[b]).map((each) => [each, legend.outcomes[each][1]]));
  choices(filters.wave, used(all.wave).filter(Boolean).sort((a, b) => a - b).map((each) => [each, legend.waves[each - 1]]));
  choices(filters.account, used(all.account).map((each) => [each, texts[each]]).sort((a, b) => order.compare(a[1], b[1])));
  let waiting = 0;
  find.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(show, 80); });

  // ---- one tenant
  const dialog = $("details");
  const open = () => {
    if (!shown.length) return;
    const row = shown[current], list = make("dl"), steps = make("table"), lines = make("tbody");
    const title = make("h3", "foreign", all.tenant[row]);
    title.id = "details-name";
    const tell = (term, what) => {
      if (what === "") return;
      const said = make("dd");
      said.append(what);
      list.append(make("dt", "", term), said);
    };
    tell("outcome", outcome(row));
    tell("what went wrong", texts[all.note[row]] && foreign(texts[all.note[row]]));
    tell("to do", texts[all.remedy[row]] && foreign(texts[all.remedy[row]]));
    tell("action", texts[all.action[row]]);
    tell("account", foreign(texts[all.account[row]]));
    tell("wave", wave(row) && foreign(wave(row)));
    tell("flow", all.flow[row] && make("code", "foreign", all.flow[row]));
    tell("revision", texts[all.revision[row]] && make("code", "", texts[all.revision[row]]));
    tell("begun", all.begun[row] < 0 ? "" : `${new Date(1000 * (legend.began + all.begun[row] * legend.grain)).toISOString().slice(0, 19).replace("T", " ")} UTC`);
    tell("took", duration(all.took[row]));
    for (const { kind: [, said, waits], begin, end } of stretches(row)) {
      const each = make("tr");
      each.append(make("td", "", waits ? `waits for ${said}` : said));
      each.append(make("td", "number", `after ${duration(begin * legend.grain)}`));
      each.append(make("td", "number", end === null ? "still" : `for ${duration((end - begin) * legend.grain)}`));
      lines.append(each);
    }
    steps.append(lines);
    const close = make("button", "close", "Close");
    close.type = "button";
    close.addEventListener("click", () => dialog.close());
    dialog.replaceChildren(title, list, track(row), steps, close);
    dialog.showModal();
  };
  dialog.addEventListener("close", () => grid.focus());

  $("tools").hidden = grid.hidden = false;
  show();
})();
