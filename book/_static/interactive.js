// Figures that the reader moves. bookmaking/interactive_nodes.py writes the block and its controls; here they are
// brought to life when the block comes into view: Plotly and the data are loaded, the figure is drawn in the
// page's colours, and native sliders and buttons move it. Plotly's own cannot be reached by keyboard.
(() => {
  const NARROW = matchMedia("(max-width: 600px)"); // as in book.css
  const STILL = matchMedia("(prefers-reduced-motion: reduce)");
  const SECONDS_A_STEP = 0.6; // fewer than two changes a second: nothing flashes
  const CONFIG = { displayModeBar: false, displaylogo: false, doubleClick: false, responsive: true, scrollZoom: false };
  const MINUS = (number) => String(number).replace("-", "−");

  const scripts = {};
  const load = (address) =>
    (scripts[address] ??= new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = address;
      script.onload = () => resolve(script);
      script.onerror = () => reject(new Error("it could not be loaded"));
      document.head.append(script);
    }));

  async function start(block) {
    const plot = block.querySelector(".interactive-plot");
    try {
      const [script] = await Promise.all([load(block.dataset.figure), load(block.dataset.plotly)]);
      const { figure, narrow } = script.interactive;
      const scenes = Object.keys(figure.layout).filter((key) => key.startsWith("scene"));
      if (scenes.length && !document.createElement("canvas").getContext("webgl"))
        throw new Error("this browser does not draw in three dimensions (WebGL)");
      fill(figure);
      await live(block, plot, figure, narrow, scenes);
    } catch (error) {
      plot.removeAttribute("role");
      plot.removeAttribute("aria-label");
      plot.innerHTML = '<p class="interactive-message" role="status"></p>';
      plot.firstChild.textContent = `The figure cannot be moved, for ${error.message}; above it stands still.`;
    }
  }

  // Give each trace in space its coordinates and values, which the file holds once for all traces.
  function fill({ data, layout }) {
    const { grid, fields } = layout.meta ?? {};
    if (!grid) return;
    const m = grid.length;
    const along = (stride) => Array.from({ length: m ** 3 }, (_, n) => grid[Math.floor(n / stride) % m]);
    const [x, y, z] = [along(m * m), along(m), along(1)];
    for (const trace of data) Object.assign(trace, { x, y, z, value: fields[trace.meta.field] });
    delete layout.meta;
  }

  async function live(block, plot, figure, narrow, scenes) {
    const controls = Object.fromEntries([...block.querySelectorAll("input")].map((input) => [input.name, input]));
    const play = block.querySelector(".interactive-play");
    const first = figure.layout[scenes[0]]?.camera;
    let camera = first;

    const draw = () => {
      const layout = inColours(block, structuredClone(NARROW.matches ? narrow : figure.layout));
      for (const scene of scenes) layout[scene].camera = structuredClone(camera);
      return Plotly.react(plot, figure.data, layout, CONFIG);
    };
    const tell = (input, text) => {
      input.setAttribute("aria-valuetext", text);
      input.nextElementSibling.textContent = text;
    };

    const frames = figure.frames ?? [];
    const step = () => {
      const { name, data, traces } = frames[controls.step.valueAsNumber];
      tell(controls.step, name);
      return Plotly.restyle(plot, { z: data.map(({ z }) => z) }, traces);
    };
    const tellView = () => {
      const view = fromCamera(first, camera);
      for (const [name, value] of Object.entries(view)) {
        controls[name].value = value;
        tell(controls[name], MINUS(controls[name].value) + (name === "zoom" ? " %" : "°"));
      }
    };
    // Show the camera in all scenes but the one that the reader drags, once for each picture on the screen.
    let waiting;
    const turn = (to, dragged) => {
      camera = structuredClone(to);
      tellView();
      cancelAnimationFrame(waiting);
      waiting = requestAnimationFrame(() => {
        const others = scenes.filter((scene) => scene !== dragged);
        Plotly.relayout(plot, Object.fromEntries(others.map((s) => [`${s}.camera`, structuredClone(camera)])));
      });
    };

    await draw();
    if (controls.step) {
      tell(controls.step, frames[controls.step.valueAsNumber].name);
      controls.step.addEventListener("input", step);
    } else {
      tellView();
      const view = () => {
        const [turned, tilted, zoomed] = ["turn", "tilt", "zoom"].map((name) => controls[name].valueAsNumber);
        turn(toCamera(first, turned, tilted, zoomed));
      };
      for (const input of Object.values(controls)) input.addEventListener("input", view);
      const follow = (change) => {
        const moved = scenes.filter((scene) => change[`${scene}.camera`]);
        // Two scenes have moved when this script moved them.
        if (moved.length !== 1 || sameEye(change[`${moved[0]}.camera`], camera)) return;
        turn(change[`${moved[0]}.camera`], moved[0]);
      };
      plot.on("plotly_relayouting", follow);
      plot.on("plotly_relayout", follow);
      touch(plot, (across, down) => {
        const { turn: turned, tilt, zoom } = fromCamera(first, camera);
        turn(toCamera(first, turned - across, Math.max(-85, Math.min(85, tilt + down)), zoom));
      });
    }
    if (play) player(play, controls.step, step);
    for (const control of [...Object.values(controls), play]) if (control) control.disabled = false;
    new MutationObserver(draw).observe(document.documentElement, { attributeFilter: ["data-theme"] });
    NARROW.addEventListener("change", draw);
    block.dataset.state = "ready";
  }

  // A finger that goes sideways turns the views. One that goes upwards scrolls the page (`touch-action` in book.css):
  // Plotly would take that too, and tell nobody where it turned.
  function touch(plot, move) {
    const DEGREES_A_PIXEL = 0.6;
    let last;
    for (const type of ["touchstart", "touchmove", "touchend"])
      plot.addEventListener(type, (event) => event.stopPropagation(), { capture: true, passive: true });
    plot.addEventListener("pointerdown", (event) => (last = event));
    plot.addEventListener("pointermove", (event) => {
      if (event.pointerType !== "touch" || !event.isPrimary || !last) return;
      move(DEGREES_A_PIXEL * (event.clientX - last.clientX), DEGREES_A_PIXEL * (event.clientY - last.clientY));
      last = event;
    });
  }

  // One button plays and pauses. It stops at the last step, and starts anew from there.
  function player(button, slider, step) {
    let timer;
    const stop = () => {
      clearInterval(timer);
      timer = undefined;
      button.textContent = "Play";
    };
    const next = () => {
      if (slider.value === slider.max || STILL.matches) return stop();
      slider.stepUp();
      step();
    };
    slider.addEventListener("input", stop);
    button.addEventListener("click", () => {
      if (timer) return stop();
      if (slider.value === slider.max) slider.value = slider.min;
      step();
      timer = setInterval(next, 1000 * SECONDS_A_STEP);
      button.textContent = "Pause";
    });
  }

  // The ink is the text's colour and the grid the border's, as the stylesheet has them for light and dark.
  function inColours(block, layout) {
    const { color: ink, borderTopColor: grid, fontFamily: family } = getComputedStyle(block);
    const colour = (axis) => Object.assign(axis, { color: ink, linecolor: grid, gridcolor: grid, tickcolor: ink });
    for (const [key, part] of Object.entries(layout)) {
      if (/^[xy]axis/.test(key)) colour(part);
      if (key.startsWith("scene")) [part.xaxis, part.yaxis, part.zaxis].forEach(colour);
    }
    const none = "rgba(0,0,0,0)";
    return Object.assign(layout, { font: { color: ink, family, size: 12 }, paper_bgcolor: none, plot_bgcolor: none });
  }

  // The camera looks at the middle of the cube, turned and tilted in degrees, 100 % from where it starts.
  const DEGREE = Math.PI / 180;
  function toCamera(start, turned, tilted, zoomed) {
    const distance = (100 * far(start)) / zoomed;
    const flat = distance * Math.cos(tilted * DEGREE);
    const eye = { x: flat * Math.cos(turned * DEGREE), y: flat * Math.sin(turned * DEGREE) };
    return { ...start, eye: { ...eye, z: distance * Math.sin(tilted * DEGREE) } };
  }
  function fromCamera(start, camera) {
    const { x, y, z } = camera.eye;
    const zoom = (100 * far(start)) / far(camera);
    return { turn: Math.atan2(y, x) / DEGREE, tilt: Math.asin(z / far(camera)) / DEGREE, zoom };
  }
  const far = ({ eye: { x, y, z } }) => Math.hypot(x, y, z);
  const sameEye = ({ eye: a }, { eye: b }) => Math.hypot(a.x - b.x, a.y - b.y, a.z - b.z) < 1e-6;

  const arrivals = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      arrivals.unobserve(target);
      start(target);
    }
  });
  document.querySelectorAll(".interactive").forEach((block) => arrivals.observe(block));
})();
