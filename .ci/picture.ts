// Draws docs/pictures/quickstart.svg from what the quick start writes: npm run picture
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const colors: Readonly<Record<string, string>> = {
  "31": "#ff7b72",
  "32": "#7ee787",
  "33": "#e3b341",
  "36": "#79c0ff",
};
/** What begins and ends a style: the sequence SGR of ECMA-48. */
const style = new RegExp(`(${String.fromCharCode(27)}\\[\\d+m)`);
const [width, lineHeight, letter] = [900, 19, 7.83];

/** The picture of a terminal with this text, whose colours are those of ECMA-48. */
export function pictureOf(output: string): string {
  const lines = output
    // Every state of the progress but the last would be wiped out in a terminal.
    .replace(/^.*?Synchronising.*\n/gm, "")
    .replace(/\S*\/application\.sqlite/g, "application.sqlite")
    .trimEnd()
    .split("\n");
  const height = lines.length * lineHeight + 56;
  const text = lines.map((line, index) => {
    const y = 50 + index * lineHeight;
    return `<text x="20" y="${y}" xml:space="preserve">${spansOf(line)}</text>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">
<title>The quick start of concordat: a directory's changes arrive in a database</title>
<rect width="${width}" height="${height}" rx="8" fill="#0d1117"/>
<circle cx="22" cy="20" r="5" fill="#ff7b72"/><circle cx="40" cy="20" r="5" fill="#e3b341"/><circle cx="58" cy="20" r="5" fill="#7ee787"/>
<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="13" fill="#e6edf3">
${text.join("\n")}
</g>
</svg>
`;
}

function spansOf(line: string): string {
  let look = "";
  let column = 0;
  let spans = "";
  for (const part of line.split(style)) {
    const code = style.test(part) ? part.slice(2, -1) : undefined;
    if (code !== undefined) {
      look = code === "1" ? ' font-weight="bold"' : code === "2" ? ' fill="#8b949e"' : fillOf(code);
    } else if (part !== "") {
      // Each piece has a place of its own, so that a font of another width moves nothing out of its column.
      const x = (20 + column * letter).toFixed(1);
      spans += `<tspan x="${x}"${look}>${escaped(part)}</tspan>`;
      column += [...part].length;
    }
  }
  return spans;
}

function fillOf(code: string): string {
  const color = colors[code];
  return color === undefined ? "" : ` fill="${color}"`;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const root = fileURLToPath(new URL("..", import.meta.url));
  const args = ["examples/quickstart/main.ts", "--color"];
  const output = execFileSync(process.execPath, args, { cwd: root, encoding: "utf8" });
  writeFileSync(`${root}docs/pictures/quickstart.svg`, pictureOf(output));
}
