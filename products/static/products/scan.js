// A scanner types a code and Enter. Where no field waits for it, the code leads to its product.
(() => {
  const LONGEST_PAUSE = 2000; // ms between two keys of one code
  const FIELDS = "input:not([type=radio], [type=checkbox]), textarea, select, [contenteditable]";
  let code = "";
  let latest = 0;

  // Browsers take their time over autofocus; a scanner does not wait.
  document.addEventListener("DOMContentLoaded", () => {
    if (document.activeElement === document.body) document.querySelector("[autofocus]")?.focus();
  });

  document.addEventListener("keydown", (event) => {
    const products = document.querySelector('#nav-sidebar-inner a[href$="/products/product/"]');
    if (!products || event.target.matches(FIELDS) || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.timeStamp - latest > LONGEST_PAUSE) code = "";
    latest = event.timeStamp;
    if (event.key === "Enter" && code.length > 2) {
      event.preventDefault();
      location.assign(`${products.href}?q=${encodeURIComponent(code)}`);
      code = ""; // somebody who is asked may stay
    } else if (event.key.length === 1) {
      if (code) event.stopPropagation(); // a slash within a code is no shortcut
      code += event.key;
    }
  }, true);
})();
