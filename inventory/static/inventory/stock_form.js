// Says before anything is sent what it will do; the answer says what it has done.
(() => {
  const form = document.getElementById("stock-form");
  const preview = document.getElementById("preview");
  const words = preview.dataset;
  const button = form.querySelector("button[type=submit]");
  const levels = JSON.parse(document.getElementById("levels").textContent);
  const [here] = levels;

  const field = (name) => form.elements.namedItem(name);
  const entered = () => field("quantity")?.value.trim() ?? "";

  // As the server tells a barcode (8, 12, 13 or 14 digits, the last checks the others).
  const isBarcode = (text) =>
    /^(\d{8}|\d{12,14})$/.test(text) &&
    [...text].reverse().reduce((sum, digit, place) => sum + digit * (place % 2 ? 3 : 1), 0) % 10 === 0;

  const misread = (text) => {
    if (isBarcode(text)) return words.scanned;
    return /^\d*$/.test(text) ? "" : words.digits;
  };

  // Pairs of a level and the number of units that it will have more, or less.
  const changes = () => {
    if (!field("quantity")) return levels.map((level) => [level, level.change]);
    if (!/^\d{1,10}$/.test(entered())) return [];
    const units = Number(entered());
    if (field("to_location")) {
      const target = levels.find((level) => level.location === field("to_location").value);
      return target ? [[here, -units], [target, units]] : [];
    }
    if (field("quantity").dataset.sign) return [[here, Number(field("quantity").dataset.sign) * units]];
    if (!field("kind")) return [[here, units - here.on_hand]];
    const chosen = form.querySelector("[name=kind]:checked");
    return chosen ? [[here, Number(chosen.dataset.sign) * units]] : [];
  };

  // How many promised units a count takes back, where it may.
  const takenBack = (level, change) =>
    field("release_latest")?.checked ? Math.max(0, level.reserved - level.on_hand - change) : 0;

  const ofOne = (level, change) => {
    const freed = takenBack(level, change);
    return [
      [words.onHand, level.on_hand, change],
      ...(freed ? [[words.reserved, level.reserved, -freed]] : []),
      [words.available, level.on_hand - level.reserved, change + freed],
    ];
  };

  const rows = (pairs) =>
    pairs.length > 1
      ? pairs.map(([level, change]) => [level.name, level.on_hand, change])
      : pairs.flatMap(([level, change]) => ofOne(level, change));

  const cell = (kind, text, style = "") => {
    const made = document.createElement(kind);
    made.textContent = text;
    made.className = style;
    return made;
  };

  const line = ([title, before, change]) => {
    const row = document.createElement("tr");
    const tone = change < 0 ? "so-less" : change > 0 ? "so-more" : "so-quiet";
    const signed = change < 0 ? `−${-change}` : change > 0 ? `+${change}` : words.noChange;
    row.append(
      cell("th", title),
      cell("td", before),
      cell("td", "→", "so-quiet"),
      cell("td", before + change, "so-after"),
      cell("td", signed, tone),
    );
    return row;
  };

  const obstacle = (pairs) => {
    const short = pairs.find(
      ([level, change]) =>
        change < 0 && level.on_hand + change < level.reserved - takenBack(level, change),
    );
    if (!short) return "";
    const [level] = short;
    return field("quantity") && !field("kind") && !field("to_location")
      ? words.tooFewReserved.replace("{count}", level.reserved)
      : words.tooFewAvailable.replace("{count}", level.on_hand - level.reserved);
  };

  const show = () => {
    const pairs = changes();
    const refusal = misread(entered()) || obstacle(pairs);
    const table = document.createElement("table");
    table.append(...rows(pairs).map(line));
    preview.replaceChildren(...(refusal ? [cell("p", refusal, "so-less")] : pairs.length ? [table] : []));
  };

  // What is typed next replaces what stood there.
  const refused = form.querySelector("[aria-invalid]:not([type=radio])");
  const next = refused ?? form.querySelector("[name=quantity][autofocus]");
  next?.focus();
  next?.select?.();

  form.addEventListener("input", show);
  form.addEventListener("submit", () => { button.disabled = true; });
  window.addEventListener("pageshow", () => { button.disabled = false; show(); });
})();
