// Reads [[TeX, is displayed], ...], writes {markup: [HTML, ...], style: CSS}. The argument is MathJax's folder.
const [, , folder] = process.argv;

async function main() {
  const MathJax = await require(`${folder}/node-main.js`).init({
    loader: {
      load: ["adaptors/liteDOM", "input/tex", "output/chtml", "a11y/assistive-mml"],
      paths: { mathjax: folder },
      require,
      versionWarnings: false,
    },
    // The rules of all characters, whatever the formulas: the site's stylesheet keeps those that are used.
    chtml: { fontURL: "output/chtml/fonts/woff-v2", adaptiveCSS: false },
    startup: { typeset: false },
  });
  const markup = [];
  for (const [tex, display] of JSON.parse(require("fs").readFileSync(0, "utf-8"))) {
    const node = await MathJax.tex2chtmlPromise(tex, { display });
    if (display) {
      const { document: page, output } = MathJax.startup;
      const { h, d } = output.getBBox(output.math, page);
      MathJax.startup.adaptor.setStyle(node, "--height", `${(h + d).toFixed(3)}em`);
    }
    markup.push(MathJax.startup.adaptor.outerHTML(node));
  }
  const style = MathJax.startup.adaptor.textContent(MathJax.chtmlStylesheet());
  process.stdout.write(JSON.stringify({ markup, style }));
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
