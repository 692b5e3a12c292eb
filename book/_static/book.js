// What is wider than its place scrolls inside itself. The keyboard must reach it; the rest must be no tab stop.
addEventListener("DOMContentLoaded", () => {
  const observer = new ResizeObserver((entries) => {
    // All are measured before any is changed: in turns, each change would have the whole page laid out anew.
    const wide = entries.map(({ target: box }) => box.scrollWidth > box.clientWidth);
    for (const [n, { target: box }] of entries.entries()) {
      if (wide[n]) box.tabIndex = 0;
      else box.removeAttribute("tabindex");
    }
  });
  const scrolling = "pre, .pst-scrollable-table-container, .output.text_html, .twins, mjx-container[display]";
  document.querySelectorAll(scrolling).forEach((box) => observer.observe(box));
});

// Paper is light, whatever the screen is.
{
  const { dataset } = document.documentElement;
  let theme;
  addEventListener("beforeprint", () => {
    ({ theme } = dataset);
    dataset.theme = "light";
  });
  addEventListener("afterprint", () => {
    dataset.theme = theme;
  });
}
