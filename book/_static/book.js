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

// An address may lead to a place in a tab or a fold that is closed.
{
  const reveal = () => {
    const place = document.querySelector(":target");
    const closed = [];
    for (let box = place; box; box = box.parentElement) {
      const label = box.previousElementSibling;
      if (box.matches(".sd-tab-content") && !label.control.checked) closed.push(label);
      if (box.matches("details:not([open])")) closed.push(box.querySelector("summary"));
    }
    closed.forEach((handle) => handle.click());
    if (closed.length) place.scrollIntoView();
  };
  addEventListener("load", reveal);
  addEventListener("hashchange", reveal);
}

// The check mark of a copy button, for those who do not see it. Copying takes the focus away: the button has it again.
addEventListener("DOMContentLoaded", () => {
  const status = document.createElement("div");
  status.role = "status";
  status.className = "visually-hidden";
  document.body.append(status);
  new MutationObserver((changes) => {
    for (const { target } of changes) {
      if (!target.matches(".copybtn")) continue;
      const copied = target.matches(".success");
      status.textContent = copied ? target.dataset.tooltip : "";
      if (copied && document.activeElement === document.body) target.focus({ preventScroll: true });
    }
  }).observe(document.body, { attributeFilter: ["class"], subtree: true });
});
