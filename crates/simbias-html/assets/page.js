"use strict";
(() => {
  const root = document.documentElement;
  const all = (selector, of = document) => [...of.querySelectorAll(selector)];

  // Theme: the system's until the reader chooses.
  const dark = matchMedia("(prefers-color-scheme: dark)");
  try {
    const chosen = localStorage.getItem("simbias-theme");
    if (chosen === "light" || chosen === "dark") root.dataset.theme = chosen;
  } catch { /* private page */ }
  document.getElementById("theme").addEventListener("click", () => {
    const now = root.dataset.theme || (dark.matches ? "dark" : "light");
    root.dataset.theme = now === "dark" ? "light" : "dark";
    try { localStorage.setItem("simbias-theme", root.dataset.theme); } catch { /* private page */ }
  });

  // Data: unpacked when it is asked for the first time.
  let unpacked;
  const data = () => {
    unpacked ??= (async () => {
      const packed = atob(document.getElementById("data").textContent);
      const bytes = Uint8Array.from(packed, (letter) => letter.charCodeAt(0));
      const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
      return new Response(stream).json();
    })();
    return unpacked;
  };

  // Hints: what a mark stands for, beside the pointer.
  const hint = document.createElement("div");
  hint.className = "hint";
  hint.hidden = true;
  document.body.append(hint);
  const showHint = (event, lines) => {
    hint.replaceChildren(...lines.map((line, index) => {
      const part = document.createElement(index === 0 ? "strong" : "span");
      part.textContent = line;
      return part;
    }));
    hint.hidden = false;
    const { offsetWidth: width, offsetHeight: height } = hint;
    const right = event.clientX + 14 + width < innerWidth;
    const below = event.clientY + 18 + height < innerHeight;
    hint.style.left = `${Math.max(4, right ? event.clientX + 14 : event.clientX - width - 10)}px`;
    hint.style.top = `${Math.max(4, below ? event.clientY + 18 : event.clientY - height - 10)}px`;
  };
  const scale = (text) => {
    const [kind, ...numbers] = text.split(" ");
    const [low, high, from, to] = numbers.map(Number);
    return (at) => {
      const value = low + (high - low) * (at - from) / (to - from);
      return kind === "log" ? 10 ** value : value;
    };
  };
  const short = (value) => {
    const size = Math.abs(value);
    return size !== 0 && (size < 1e-4 || size >= 1e6) ? value.toExponential(2) : String(Number(value.toPrecision(4)));
  };
  // Points of a line as drawn, read from its path once.
  const points = new WeakMap();
  const pointsOf = (path) => {
    if (!points.has(path)) {
      const numbers = path.getAttribute("d").match(/-?[\d.]+/g).map(Number);
      points.set(path, Array.from({ length: numbers.length / 2 }, (_, i) => [numbers[2 * i], numbers[2 * i + 1]]));
    }
    return points.get(path);
  };
  const readLines = (event, svg) => {
    const box = svg.getBoundingClientRect();
    const at = (event.clientX - box.left) * svg.viewBox.baseVal.width / box.width;
    const [x, y] = [scale(svg.dataset.x), scale(svg.dataset.y)];
    let nearest = Infinity;
    const found = [];
    for (const path of all("[data-p]", svg)) {
      if (path.closest(".off")) continue;
      const list = pointsOf(path);
      if (list.length === 0) continue;
      const point = list.reduce((a, b) => (Math.abs(b[0] - at) < Math.abs(a[0] - at) ? b : a));
      const distance = Math.abs(point[0] - at);
      nearest = Math.min(nearest, distance);
      found.push([distance, point, path.dataset.p]);
    }
    const close = found.filter(([distance]) => distance < nearest + 6 && distance < 40);
    if (close.length === 0) return null;
    close.sort((a, b) => a[1][1] - b[1][1]);
    const lines = close.slice(0, 10).map(([, point, name]) => `${name ? `${name}: ` : ""}${short(y(point[1]))}`);
    if (close.length > 10) lines.push(`and ${close.length - 10} more`);
    return [short(x(close[0][1][0])), ...lines];
  };
  const point = (event) => {
    const svg = event.target.closest?.(".plot svg");
    if (!svg) { hint.hidden = true; return; }
    const mark = event.target.closest("circle, rect, path");
    const title = mark?.querySelector(":scope > title");
    // The browser's own tooltip gives way to ours.
    if (title) { mark.dataset.t = title.textContent; title.remove(); }
    const lines = mark?.dataset.t ? mark.dataset.t.split("\n") : svg.dataset.x ? readLines(event, svg) : null;
    if (lines) showHint(event, lines);
    else hint.hidden = true;
  };
  addEventListener("pointermove", point, { passive: true });
  addEventListener("pointerdown", point, { passive: true });
  addEventListener("scroll", () => { hint.hidden = true; }, { passive: true });

  // Legends: hide and show series.
  const toggle = (entry) => {
    const svg = entry.closest("svg");
    const off = entry.classList.toggle("off");
    entry.setAttribute("aria-pressed", String(!off));
    for (const group of all(`[data-g="${entry.dataset.l}"]`, svg)) group.classList.toggle("off", off);
  };
  const armLegends = (of) => {
    for (const entry of all("[data-l]", of)) {
      entry.setAttribute("role", "button");
      entry.setAttribute("tabindex", "0");
      entry.setAttribute("aria-pressed", "true");
    }
  };
  armLegends(document);
  addEventListener("click", (event) => {
    const entry = event.target.closest?.(".plot [data-l]");
    if (entry) toggle(entry);
  });
  addEventListener("keydown", (event) => {
    const entry = event.target.closest?.(".plot [data-l]");
    if (entry && (event.key === "Enter" || event.key === " ")) { event.preventDefault(); toggle(entry); }
  });

  // One chart of many.
  for (const choice of all(".choice")) {
    const select = choice.querySelector("select");
    const plot = choice.parentNode.querySelector(".plot");
    const draw = async () => {
      const { charts } = await data();
      const [wide, narrow] = charts[Number(select.dataset.charts)][select.selectedIndex];
      plot.querySelector(".wide-plot").innerHTML = wide;
      plot.querySelector(".narrow-plot").innerHTML = narrow;
      armLegends(plot);
    };
    select.addEventListener("change", draw);
    for (const button of all("[data-step]", choice)) {
      button.addEventListener("click", () => {
        const { length } = select.options;
        select.selectedIndex = (select.selectedIndex + Number(button.dataset.step) + length) % length;
        draw();
      });
    }
    // A browser may keep the choice over a reload.
    if (select.selectedIndex > 0) draw();
  }

  // Saving.
  const save = (name, blob) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  };
  for (const button of all("[data-csv]")) {
    button.addEventListener("click", async () => {
      const [name, text] = (await data()).files[Number(button.dataset.csv)];
      save(name, new Blob([text], { type: "text/csv;charset=utf-8" }));
    });
  }
  /** The drawing as a file of its own: colours of the theme, a background and the title. */
  const standalone = (panel) => {
    const source = panel.querySelector(".wide-plot svg");
    const style = getComputedStyle(root);
    const value = (name) => style.getPropertyValue(`--${name}`).trim();
    const { width, height } = source.viewBox.baseVal;
    const [full, tall] = [width + 40, height + 70];
    const text = new XMLSerializer().serializeToString(source)
      .replace(/^<svg[^>]*>/, "").replace(/<\/svg>$/, "")
      .replace(/<g [^>]*class="off"[^>]*data-g[\s\S]*?<\/g>/g, "")
      .replace(/var\(--([\w-]+),([^()]*)\)/g, (_, name, other) => value(name) || other);
    const title = new Option(panel.querySelector("h3").textContent + (panel.querySelector("select") ? `: ${panel.querySelector("select").value}` : "")).innerHTML;
    return [full, tall, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${full} ${tall}" width="${full}" height="${tall}" font-family="sans-serif" font-size="12" fill="${value("muted")}">`
      + `<rect width="${full}" height="${tall}" fill="${value("card")}"/><text x="20" y="32" font-size="16" font-weight="600" fill="${value("ink")}">${title}</text>`
      + `<g transform="translate(20 50)">${text}</g></svg>`];
  };
  for (const button of all("[data-save]")) {
    button.addEventListener("click", () => {
      const panel = button.closest(".panel");
      const [width, height, text] = standalone(panel);
      const file = new Blob([text], { type: "image/svg+xml" });
      const name = panel.id.slice(2);
      if (button.dataset.save === "svg") { save(`${name}.svg`, file); return; }
      const image = new Image();
      image.onload = () => {
        const canvas = document.createElement("canvas");
        [canvas.width, canvas.height] = [2 * width, 2 * height];
        canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
        canvas.toBlob((blob) => save(`${name}.png`, blob));
      };
      image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
    });
  }
  for (const button of all("[data-copy]")) {
    button.addEventListener("click", async () => {
      const code = button.parentNode.querySelector("code");
      try {
        await navigator.clipboard.writeText(code.textContent);
        button.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(code);
        button.textContent = "Selected";
      }
      setTimeout(() => { button.textContent = "Copy"; }, 2000);
    });
  }

  // Tables: numbers are sorted by value, words by alphabet; what is absent stays last.
  for (const button of all("[data-sort]")) {
    button.addEventListener("click", () => {
      const head = button.closest("th");
      const column = [...head.parentNode.children].indexOf(head);
      const down = head.getAttribute("aria-sort") === "ascending";
      for (const other of head.parentNode.children) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const body = head.closest("table").tBodies[0];
      const number = (cell) => (cell.dataset.v === undefined ? NaN : Number(cell.dataset.v.replace("inf", "Infinity")));
      const compare = (a, b) => {
        const [x, y] = [a.children[column], b.children[column]];
        const [u, v] = [number(x), number(y)];
        if (Number.isNaN(u) && Number.isNaN(v) && !head.classList.contains("num")) {
          return (down ? -1 : 1) * x.textContent.localeCompare(y.textContent, undefined, { numeric: true });
        }
        if (Number.isNaN(u) || Number.isNaN(v)) return Number.isNaN(u) - Number.isNaN(v);
        return u === v ? 0 : (down ? -1 : 1) * (u < v ? -1 : 1);
      };
      body.append(...[...body.rows].sort(compare));
    });
  }
  for (const input of all("[data-filter]")) {
    const panel = input.closest(".panel");
    input.addEventListener("input", () => {
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      const rows = [...panel.querySelector("table").tBodies[0].rows];
      for (const row of rows) {
        const text = row.textContent.toLowerCase();
        row.hidden = !words.every((word) => text.includes(word));
      }
      const shown = rows.filter((row) => !row.hidden).length;
      panel.querySelector(".table-tools output").textContent = words.length ? `${shown} of ${rows.length} rows` : "";
    });
  }
  for (const button of all("[data-columns]")) {
    button.addEventListener("click", () => {
      button.closest(".panel").querySelector("table").classList.toggle("all", button.dataset.columns === "all");
      for (const other of all("button", button.parentNode)) other.setAttribute("aria-pressed", String(other === button));
    });
  }

  // Contents: mark the section in view, open what is folded.
  const links = all(".contents a");
  const targets = links.map((link) => document.getElementById(link.hash.slice(1)));
  const mark = () => {
    let current = -1;
    targets.forEach((target, index) => { if (target.getBoundingClientRect().top < 140) current = index; });
    links.forEach((link, index) => {
      if (index === current) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    });
  };
  let asked = false;
  addEventListener("scroll", () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => { asked = false; mark(); });
  }, { passive: true });
  const open = () => {
    const target = document.getElementById(location.hash.slice(1));
    const details = target?.closest("details") ?? target?.querySelector(":scope > details");
    if (details) { details.open = true; target.scrollIntoView(); }
  };
  addEventListener("hashchange", open);
  open();
  addEventListener("beforeprint", () => {
    for (const details of all("details")) details.open = true;
    for (const table of all("table")) table.classList.add("all");
  });
})();
