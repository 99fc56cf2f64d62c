// The back office without a mouse: arrows and Enter in lists, / to search, Ctrl+K to go anywhere.
document.addEventListener("DOMContentLoaded", () => {
  const FIELDS = "input:not([type=radio], [type=checkbox]), textarea, select, [contenteditable]";
  const palette = document.getElementById("palette");

  // In a list: from row to row; Enter then follows the row's link, as it does anyway.
  const rows = () => [...document.querySelectorAll("#result_list tbody a[href]:not(.so-link)")]
    .filter((link, i, all) => all.findIndex((other) => other.closest("tr") === link.closest("tr")) === i);

  const goOn = (step) => {
    const links = rows();
    const at = links.findIndex((link) => link.closest("tr").contains(document.activeElement));
    const next = links[at < 0 ? (step > 0 ? 0 : -1) : at + step];
    next?.focus();
    next?.closest("tr").scrollIntoView({ block: "nearest" });
    return Boolean(next);
  };

  document.addEventListener("keydown", (event) => {
    if (event.altKey || event.shiftKey || event.defaultPrevented) return;
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k" && palette) {
      event.preventDefault();
      show();
    } else if (event.ctrlKey || event.metaKey || palette?.open) {
      return;
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      const isSearching = event.target.id === "searchbar";
      if (event.target.matches(FIELDS) && !isSearching) return;
      if (goOn(event.key === "ArrowDown" ? 1 : -1)) event.preventDefault();
    } else if (event.key === "/" && !event.target.matches(FIELDS)) {
      const field = document.querySelector("#searchbar, .so-scan input");
      event.preventDefault();
      if (field) field.focus();
      else if (palette) show();
    }
  });

  if (!palette) return;
  const field = palette.querySelector("input");
  const list = palette.querySelector("ul");
  const products = document.querySelector('#nav-sidebar-inner a[href$="/products/product/"]');
  let chosen = 0;

  // Titles without the words of their icons.
  const title = (link) => {
    const copy = link.cloneNode(true);
    copy.querySelectorAll(".material-symbols-outlined, svg").forEach((icon) => icon.remove());
    return copy.textContent.trim().replace(/\s+/g, " ");
  };
  const group = (link) => link.closest("#nav-sidebar-inner") &&
    link.closest("ol")?.parentElement.querySelector("h2")?.textContent.trim();
  const places = () => ["#content .so-button[href]", "#nav-sidebar-inner ol a[href]"]
    .flatMap((links) => [...document.querySelectorAll(links)])
    .map((link) => ({ title: title(link), where: group(link) ?? palette.dataset.here, href: link.href }));

  const wanted = () => {
    const words = field.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
    const found = places().filter(({ title, where }) =>
      words.every((word) => `${title} ${where}`.toLowerCase().includes(word)));
    if (!words.length || !products) return found;
    const text = field.value.trim();
    return [...found, {
      title: palette.dataset.find.replace("%s", text),
      where: "",
      href: `${products.href}?q=${encodeURIComponent(text)}`,
    }];
  };

  const draw = () => {
    const found = wanted();
    chosen = Math.max(0, Math.min(chosen, found.length - 1));
    list.replaceChildren(...found.map(({ title, where, href }, i) => {
      const item = document.createElement("li");
      const link = document.createElement("a");
      const place = document.createElement("span");
      Object.assign(item, { id: `palette-${i}`, role: "option", ariaSelected: String(i === chosen) });
      Object.assign(link, { href, textContent: title, tabIndex: -1 });
      Object.assign(place, { className: "so-second", textContent: where });
      item.append(link, place);
      return item;
    }));
    if (found.length) field.setAttribute("aria-activedescendant", `palette-${chosen}`);
    else field.removeAttribute("aria-activedescendant");
    list.children[chosen]?.scrollIntoView({ block: "nearest" });
  };

  const show = () => {
    if (palette.open) return;
    field.value = "";
    chosen = 0;
    palette.showModal();
    draw();
  };

  field.addEventListener("input", () => { chosen = 0; draw(); });
  field.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      chosen += step;
      draw();
    } else if (event.key === "Enter") {
      event.preventDefault();
      list.children[chosen]?.querySelector("a").click();
    }
  });
  palette.addEventListener("click", ({ target }) => { if (target === palette) palette.close(); });
  document.querySelector("[data-palette]")?.addEventListener("click", show);
});
