// Says before anything is sent what a form about a batch or a reservation will do.
(() => {
  const form = document.getElementById("stock-form");
  const preview = document.getElementById("preview");
  const words = preview.dataset;
  const language = document.documentElement.lang.replace(/^en$/, "en-GB");
  const button = form.querySelector("button[type=submit]");
  const now = JSON.parse(document.getElementById("figures").textContent);

  const entered = (name) => form.elements.namedItem(name)?.value.trim() ?? "";
  const units = () => (/^\d{1,10}$/.test(entered("quantity")) ? Number(entered("quantity")) : null);

  const cell = (kind, text, style = "") => {
    const made = document.createElement(kind);
    made.textContent = text;
    made.className = style;
    return made;
  };

  const line = ([title, before, after]) => {
    const row = document.createElement("tr");
    row.append(
      cell("th", title),
      cell("td", before),
      cell("td", "→", "so-quiet"),
      cell("td", after, "so-after"),
    );
    return row;
  };

  const table = (...rows) => {
    const made = document.createElement("table");
    made.append(...rows.map(line));
    return made;
  };

  const impossible = (text, count) => [cell("p", text.replace("{count}", count), "so-less")];

  const names = (promises, others) => {
    const named = promises.map(({ order, quantity }) => `${order} (${quantity})`).join(", ");
    return others > 0 ? words.andOthers.replace("{count}", others).replace("{names}", () => named) : named;
  };

  // Whose promises go when so few units are still to come: the latest first.
  const losing = (outstanding) => {
    let excess = now.allocated - outstanding;
    const lost = [];
    for (const { order, quantity } of now.promises) {
      if (excess <= 0) break;
      lost.push({ order, quantity: Math.min(quantity, excess) });
      excess -= quantity;
    }
    if (!lost.length) return [];
    return [cell("p", words.losing), cell("p", names(lost, excess), "so-less")];
  };

  const day = (text) =>
    new Date(`${text}T00:00:00Z`).toLocaleDateString(language, { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });
  const moment = (date) =>
    date.toLocaleString(language, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });

  const cut = (quantity) => {
    const outstanding = quantity - now.received;
    return [
      table([words.ordered, now.quantity, quantity], [words.outstanding, now.outstanding, outstanding]),
      ...losing(outstanding),
    ];
  };

  const shown = {
    receive() {
      const arrived = units();
      if (arrived === null) return [];
      if (arrived > now.outstanding) return impossible(words.tooFewOutstanding, now.outstanding);
      return [table([words.onHand, now.on_hand, now.on_hand + arrived], [words.outstanding, now.outstanding, now.outstanding - arrived])];
    },
    quantity() {
      const quantity = units();
      if (quantity === null) return [];
      return quantity < now.received ? impossible(words.receivedAlready, now.received) : cut(quantity);
    },
    eta() {
      const eta = entered("eta");
      if (!/^\d{4}-\d\d-\d\d$/.test(eta)) return [];
      const waiting = now.promises.length && eta !== now.eta
        ? [cell("p", eta > now.eta ? words.later : words.earlier), cell("p", names(now.promises, now.others))]
        : [];
      return [table([words.eta, day(now.eta), day(eta)]), ...waiting];
    },
    cancel: () => [table([words.outstanding, now.outstanding, 0]), ...losing(0)],
    extend() {
      const chosen = form.querySelector("[name=lasts]:checked");
      if (!chosen || !now.expires_at) return [];
      const until = new Date(Date.now() + Number(chosen.value) * 1000);
      return [table([words.expires, moment(new Date(now.expires_at)), moment(until)])];
    },
    release: () => [],
  };

  const show = () => preview.replaceChildren(...shown[now.kind]());

  const refused = form.querySelector("[aria-invalid]:not([type=radio])");
  const next = refused ?? form.querySelector("[name=quantity][autofocus]");
  next?.focus();
  next?.select?.();

  form.addEventListener("input", show);
  form.addEventListener("submit", () => { button.disabled = true; });
  window.addEventListener("pageshow", () => { button.disabled = false; show(); });
})();
