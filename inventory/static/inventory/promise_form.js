// Says before anything is sent what a form about a batch or a reservation will do.
(() => {
  const form = document.getElementById("stock-form");
  const preview = document.getElementById("preview");
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

  const impossible = (text) => [cell("p", `Not possible: ${text}`, "so-less")];

  const names = (promises, others) => {
    const named = promises.map(({ order, quantity }) => `${order} (${quantity})`).join(", ");
    return others > 0 ? `${named} and others (${others} units)` : named;
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
    return [cell("p", "These lose their supply, and look for other at once:"), cell("p", names(lost, excess), "so-less")];
  };

  const day = (text) =>
    new Date(`${text}T00:00:00Z`).toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });
  const moment = (date) =>
    date.toLocaleString("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });

  const cut = (quantity) => {
    const outstanding = quantity - now.received;
    return [
      table(["Ordered", now.quantity, quantity], ["Outstanding", now.outstanding, outstanding]),
      ...losing(outstanding),
    ];
  };

  const shown = {
    receive() {
      const arrived = units();
      if (arrived === null) return [];
      if (arrived > now.outstanding) return impossible(`${now.outstanding} are outstanding.`);
      return [table(["On hand", now.on_hand, now.on_hand + arrived], ["Outstanding", now.outstanding, now.outstanding - arrived])];
    },
    quantity() {
      const quantity = units();
      if (quantity === null) return [];
      return quantity < now.received ? impossible(`${now.received} have been received already.`) : cut(quantity);
    },
    eta() {
      const eta = entered("eta");
      if (!/^\d{4}-\d\d-\d\d$/.test(eta)) return [];
      const waiting = now.promises.length && eta !== now.eta
        ? [cell("p", `These are promised for ${eta > now.eta ? "later" : "earlier"}:`), cell("p", names(now.promises, now.others))]
        : [];
      return [table(["ETA", day(now.eta), day(eta)]), ...waiting];
    },
    cancel: () => [table(["Outstanding", now.outstanding, 0]), ...losing(0)],
    extend() {
      const chosen = form.querySelector("[name=lasts]:checked");
      if (!chosen || !now.expires_at) return [];
      const until = new Date(Date.now() + Number(chosen.value) * 1000);
      return [table(["Expires", moment(new Date(now.expires_at)), moment(until)])];
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
