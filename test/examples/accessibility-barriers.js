// What is wrong with a page for those who cannot see it well, or at all, as far as a program can tell. It is run in the
// page.
(() => {
  const barriers = [];
  const assert = (holds, what) => {
    if (!holds) barriers.push(what);
  };

  const colorOf = (text) => {
    const [red, green, blue, alpha = 1] = text.match(/[\d.]+/g).map(Number);
    return alpha === 0 ? undefined : [red, green, blue];
  };
  const backgroundOf = (element) => {
    if (element === null) return [255, 255, 255];
    return (
      colorOf(getComputedStyle(element).backgroundColor) ?? backgroundOf(element.parentElement)
    );
  };
  // WCAG 2.2, "relative luminance" and "contrast ratio".
  const luminanceOf = (color) => {
    const [red, green, blue] = color.map((value) => {
      const part = value / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const contrastOf = (element) => {
    const text = luminanceOf(colorOf(getComputedStyle(element).color));
    const background = luminanceOf(backgroundOf(element));
    return (Math.max(text, background) + 0.05) / (Math.min(text, background) + 0.05);
  };

  assert(document.documentElement.lang !== "", "the page has no language");
  assert(document.title !== "", "the page has no title");
  for (const once of ["h1", "main"]) {
    assert(document.querySelectorAll(once).length === 1, `there is not one ${once}`);
  }
  for (const input of document.querySelectorAll("input:not([type=hidden]), select")) {
    assert(input.labels.length > 0, `${input.name} has no label`);
    for (const id of input.getAttribute("aria-describedby")?.split(" ") ?? []) {
      assert(document.getElementById(id) !== null, `${id} is not there`);
    }
  }
  for (const control of document.querySelectorAll("a, button")) {
    const name = control.ariaLabel ?? control.textContent;
    assert(name.trim() !== "", `${control.outerHTML} has no name`);
  }
  for (const element of document.body.querySelectorAll("*")) {
    const hasText = [...element.childNodes].some(
      (node) => node.nodeType === Node.TEXT_NODE && node.textContent.trim() !== "",
    );
    // WCAG 2.2, success criterion 1.4.3.
    // What cannot be used may be faint.
    if (hasText && !element.closest(":disabled"))
      assert(contrastOf(element) >= 4.5, `${element.outerHTML} has little contrast`);
  }
  // WCAG 2.2, success criterion 1.4.10.
  const { scrollWidth, clientWidth } = document.documentElement;
  assert(scrollWidth <= clientWidth, "the page is wider than the window");
  for (const region of document.querySelectorAll("[role=region]:not(pre)")) {
    assert(region.scrollWidth <= region.clientWidth, `${region.outerHTML} is cut off`);
  }
  return barriers;
})();
