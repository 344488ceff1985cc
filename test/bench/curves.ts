import type { Sample } from "./process-samples.ts";

/** What is drawn in one frame. */
export interface Panel {
  readonly title: string;
  readonly samples: readonly Sample[];
}

const width = 720;
const height = 200;
const margin = { left: 64, right: 120, top: 28, bottom: 30 };
const colors = ["#00697a", "#a34700", "#5a3fc0", "#3f7a00", "#b3261e"];

/** Draws the memory of each process over time, a frame for each stage, one below the other. */
export function drawCurves(panels: readonly Panel[]): string {
  const total = panels.length * height;
  const frames = panels.map((panel, index) => drawPanel(panel, index * height));
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${total}" font-family="sans-serif" font-size="12">
<rect width="${width}" height="${total}" fill="#ffffff"/>
${frames.join("\n")}
</svg>
`;
}

function drawPanel({ title, samples }: Panel, offset: number): string {
  const end = Math.max(1, ...samples.map(({ at }) => at));
  const most = Math.max(1, ...samples.map(({ memory }) => memory));
  const inner = {
    width: width - margin.left - margin.right,
    height: height - margin.top - margin.bottom,
  };
  const x = (at: number) => (margin.left + (at / end) * inner.width).toFixed(1);
  const y = (memory: number) =>
    (offset + margin.top + (1 - memory / most) * inner.height).toFixed(1);
  const names = [...new Set(samples.map(({ name }) => name))].sort();
  const lines = names.map((name, index) => {
    const color = colors[index % colors.length];
    const of = thinned(samples.filter((sample) => sample.name === name));
    const points = of.map(({ at, memory }) => `${x(at)},${y(memory)}`).join(" ");
    const label = offset + margin.top + 14 + index * 18;
    return `<polyline points="${points}" fill="none" stroke="${color}" stroke-width="1.5"/>
<text x="${width - margin.right + 10}" y="${label}" fill="${color}">${name}</text>`;
  });
  const bottom = offset + height - margin.bottom;
  return `<text x="${margin.left}" y="${offset + 18}" font-weight="bold" fill="#1c2026">${title}</text>
<path d="M${margin.left} ${offset + margin.top}V${bottom}H${width - margin.right}" fill="none" stroke="#565d68"/>
<text x="${margin.left - 6}" y="${offset + margin.top + 10}" text-anchor="end" fill="#565d68">${Math.round(most)} MB</text>
<text x="${margin.left - 6}" y="${bottom}" text-anchor="end" fill="#565d68">0</text>
<text x="${width - margin.right}" y="${bottom + 16}" text-anchor="end" fill="#565d68">${Math.round(end)} s</text>
${lines.join("\n")}`;
}

/** No more points than can be seen. */
function thinned(samples: readonly Sample[]): readonly Sample[] {
  const step = Math.ceil(samples.length / 240);
  return samples.filter((_, index) => index % step === 0 || index === samples.length - 1);
}
