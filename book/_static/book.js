// What is wider than its place scrolls inside itself. The keyboard must reach it; the rest must be no tab stop.
addEventListener("DOMContentLoaded", () => {
  const observer = new ResizeObserver((entries) => {
    for (const { target: box } of entries) {
      if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
      else box.removeAttribute("tabindex");
    }
  });
  const scrolling = "pre, .pst-scrollable-table-container, .output.text_html, .twins, mjx-container[display]";
  document.querySelectorAll(scrolling).forEach((box) => observer.observe(box));
});
