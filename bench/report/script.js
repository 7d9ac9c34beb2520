// Each chart shows its values under the pointer. The page also works without this script.
for (const figure of document.querySelectorAll("[data-chart]")) {
  const chart = JSON.parse(figure.dataset.chart);
  const [svg, cursor, readout] = ["svg", ".cursor", ".readout"].map((name) => figure.querySelector(name));
  const hide = () => {
    cursor.style.visibility = "hidden";
    readout.hidden = true;
  };
  const format = (value) => value.toLocaleString("en-US", { maximumSignificantDigits: 4 });
  const show = (event) => {
    const box = svg.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * svg.viewBox.baseVal.width;
    const nearest = (points) =>
      points.reduce((best, point) => (Math.abs(point[0] - x) < Math.abs(best[0] - x) ? point : best));
    const found = chart.series
      .filter(({ points }) => points.length > 0)
      .map(({ name, points }) => [name, nearest(points)]);
    if (found.length === 0 || x < chart.left) return hide();
    const at = found[0][1];
    cursor.setAttribute("x1", at[0]);
    cursor.setAttribute("x2", at[0]);
    cursor.style.visibility = "visible";
    readout.hidden = false;
    readout.replaceChildren(
      ...[
        [chart.xUnit, format(at[1])],
        ...found.map(([name, [, , value]]) => [name, `${format(value)} ${chart.unit}`]),
      ].map(([name, text]) =>
        Object.assign(document.createElement("div"), { textContent: `${name}: ${text}` }),
      ),
    );
  };
  svg.addEventListener("pointermove", show);
  svg.addEventListener("pointerleave", hide);
}
