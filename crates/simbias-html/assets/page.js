"use strict";
(() => {
  const root = document.documentElement;
  const data = JSON.parse(document.getElementById("data").textContent);
  const plots = [...document.querySelectorAll(".plot")];
  const hidden = plots.map(() => new Set());
  const dark = matchMedia("(prefers-color-scheme: dark)");

  // Theme: the system's until the reader chooses.
  const remember = (value) => { try { localStorage.setItem("simbias-theme", value); } catch { /* private page */ } };
  try {
    const chosen = localStorage.getItem("simbias-theme");
    if (chosen === "light" || chosen === "dark") root.dataset.theme = chosen;
  } catch { /* private page */ }
  document.getElementById("theme").addEventListener("click", () => {
    const now = root.dataset.theme || (dark.matches ? "dark" : "light");
    root.dataset.theme = now === "dark" ? "light" : "dark";
    remember(root.dataset.theme);
    drawAll();
  });
  dark.addEventListener("change", () => drawAll());

  // Colours: tokens of the drawings become colours of the theme.
  const palette = () => {
    const style = getComputedStyle(root);
    return (name) => style.getPropertyValue(`--${name}`).trim();
  };
  const colour = (token, of) => {
    if (typeof token !== "string" || token[0] !== "@") return token;
    const [name, alpha] = token.slice(1).split("/");
    const hex = of(name);
    if (!alpha) return hex;
    const part = (at) => parseInt(hex.slice(at, at + 2), 16);
    return `rgba(${part(1)},${part(3)},${part(5)},${alpha})`;
  };
  const scale = (token, of) => {
    const stops = of(token.slice(1)).split(",").map((stop) => stop.trim());
    return stops.map((stop, index) => [index / (stops.length - 1), stop]);
  };
  const themed = (value, of) => {
    if (Array.isArray(value)) return value.map((item) => themed(item, of));
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => {
      if (key === "colorscale") return [key, scale(item, of)];
      if (key.endsWith("color")) return [key, colour(item, of)];
      return [key, themed(item, of)];
    }));
  };

  // Drawing.
  const font = getComputedStyle(document.body).fontFamily;
  const touch = matchMedia("(pointer: coarse)").matches;
  const isNarrow = (width) => width < 560;
  const TOOLBAR_HEIGHT = 28;
  const hasToolbar = (narrow) => !touch && !narrow;
  const assemble = (index, width) => {
    const of = palette();
    const spec = themed(data.figures[index], of);
    const narrow = isNarrow(width);
    for (const trace of spec.data) {
      trace.visible = hidden[index].has(trace.legendgroup) ? "legendonly" : true;
      if (trace.colorbar && narrow) {
        Object.assign(trace.colorbar, { orientation: "h", y: 1, yanchor: "bottom", len: 1, thickness: 8 });
        trace.colorbar.title.side = "top";
        spec.height += 110;
      }
    }
    const layout = spec.layout;
    if (narrow) {
      layout.annotations = layout.annotations.filter((note) => note.name !== "wide");
      layout.margin.r = 14;
    }
    if (hasToolbar(narrow)) {
      // A strip of its own above the chart, so that the tools cover no words.
      layout.margin.t += TOOLBAR_HEIGHT;
      spec.height += TOOLBAR_HEIGHT;
    }
    Object.assign(layout, {
      height: spec.height,
      autosize: true,
      showlegend: false,
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: font, size: 12, color: of("muted") },
      hoverlabel: { bgcolor: of("card"), bordercolor: of("rule"), align: "left", font: { family: font, size: 12.5, color: of("ink") } },
      hovermode: layout.hovermode || "closest",
      modebar: { bgcolor: "rgba(0,0,0,0)", color: of("muted"), activecolor: of("accent") },
      dragmode: touch ? false : "zoom",
    });
    return { data: spec.data, layout };
  };
  const draw = (plot) => {
    try {
      drawOne(plot);
    } catch (error) {
      console.error(error);
      plot.textContent = "This chart could not be drawn here; its data is in the CSV file.";
    }
  };
  const drawOne = (plot) => {
    const index = Number(plot.dataset.figure);
    const narrow = isNarrow(plot.clientWidth);
    const figure = assemble(index, plot.clientWidth);
    for (const hint of plot.querySelectorAll("noscript")) hint.remove();
    plot.style.height = `${figure.layout.height}px`;
    Plotly.react(plot, figure.data, figure.layout, {
      displaylogo: false,
      displayModeBar: hasToolbar(narrow) ? "hover" : false,
      modeBarButtonsToRemove: ["toImage", "select2d", "lasso2d", "autoScale2d"],
    });
    plot.dataset.width = plot.clientWidth;
  };
  const drawAll = () => plots.forEach(draw);
  drawAll();
  const watcher = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      const [before, now] = [Number(target.dataset.width), target.clientWidth];
      if (now === 0 || before === now) continue;
      if (isNarrow(before) !== isNarrow(now)) draw(target);
      Plotly.Plots.resize(target);
      target.dataset.width = now;
    }
  });
  plots.forEach((plot) => watcher.observe(plot));
  addEventListener("beforeprint", () => {
    for (const details of document.querySelectorAll("details")) details.open = true;
    plots.forEach((plot) => { draw(plot); Plotly.Plots.resize(plot); });
  });
  addEventListener("afterprint", drawAll);

  // Legends.
  for (const button of document.querySelectorAll(".legend button")) {
    button.addEventListener("click", () => {
      const index = Number(button.dataset.figure);
      const shown = button.getAttribute("aria-pressed") === "true";
      button.setAttribute("aria-pressed", String(!shown));
      if (shown) hidden[index].add(button.dataset.group);
      else hidden[index].delete(button.dataset.group);
      draw(plots[index]);
    });
  }

  // Saving.
  const save = (name, url) => {
    const link = document.createElement("a");
    link.href = url;
    link.download = name;
    link.click();
  };
  for (const button of document.querySelectorAll("[data-csv]")) {
    button.addEventListener("click", () => {
      const [name, text] = data.files[Number(button.dataset.csv)];
      const url = URL.createObjectURL(new Blob([text], { type: "text/csv;charset=utf-8" }));
      save(name, url);
      setTimeout(() => URL.revokeObjectURL(url), 10000);
    });
  }
  for (const button of document.querySelectorAll("[data-png]")) {
    button.addEventListener("click", async () => {
      const index = Number(button.dataset.png);
      const panel = plots[index].closest(".panel");
      const figure = assemble(index, 1000);
      const legend = panel.querySelector(".legend") !== null;
      Object.assign(figure.layout, {
        autosize: false, width: 1000, height: figure.layout.height + (legend ? 110 : 60),
        paper_bgcolor: palette()("card"), showlegend: legend,
        legend: { orientation: "h", yref: "container", y: 0.01, yanchor: "bottom", x: 0 },
        title: { text: panel.querySelector("h3").innerHTML, x: 0.02, font: { size: 17, color: palette()("ink") } },
      });
      figure.layout.margin.t += 46;
      if (legend) figure.layout.margin.b += 50;
      const size = { format: "png", width: 1000, height: figure.layout.height, scale: 2 };
      save(`${panel.id.slice(2)}.png`, await Plotly.toImage(figure, size));
    });
  }

  // Sorting: numbers by value, words by alphabet; what is absent stays last.
  for (const button of document.querySelectorAll("[data-sort]")) {
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

  // Contents: mark the section in view.
  const links = [...document.querySelectorAll(".contents a")];
  const targets = links.map((link) => document.getElementById(link.hash.slice(1)));
  const mark = () => {
    let current = -1;
    targets.forEach((target, index) => { if (target.getBoundingClientRect().top < 140) current = index; });
    links.forEach((link, index) => {
      if (index === current) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    });
  };
  addEventListener("scroll", mark, { passive: true });
  mark();
  const footer = document.querySelector("footer details");
  const openFooter = () => { if (footer && location.hash === "#provenance") footer.open = true; };
  addEventListener("hashchange", openFooter);
  openFooter();
})();
