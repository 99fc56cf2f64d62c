// Says of each row before anything is sent what it will have then; the answer says what it has.
(() => {
  const form = document.getElementById("stock-form");
  const button = form.querySelector("button[type=submit]");
  const rows = [...form.querySelectorAll("tbody tr[data-on-hand]")];
  const { effect, short } = form.dataset;

  const sign = () => {
    if (effect !== "kind") return effect === "take" ? -1 : 1;
    const chosen = form.querySelector("[name=kind]:checked");
    return chosen ? Number(chosen.dataset.sign) : 0;
  };

  const after = (row, text) => {
    const units = Number(text);
    return effect === "set" ? units : Number(row.dataset.onHand) + sign() * units;
  };

  const show = (row) => {
    const cell = row.querySelector(".so-will");
    const text = row.querySelector("input").value.trim();
    const isNumber = /^\d{1,10}$/.test(text) && (effect !== "kind" || sign());
    const on = Number(row.dataset.onHand);
    const will = isNumber ? after(row, text) : null;
    const least = effect === "set" && form.querySelector("[name=release_latest]:checked") ? 0 : Number(row.dataset.reserved);
    const isShort = will !== null && will < on && will < least;
    cell.textContent = will === null ? "" : isShort ? short : `→ ${will}`;
    cell.className = `so-number so-will ${will === null ? "" : isShort || will < on ? "so-less" : will > on ? "so-more" : "so-quiet"}`;
    return isNumber;
  };

  const showAll = () => { rows.forEach(show); };

  const fill = document.getElementById("fill");
  if (fill) {
    fill.closest(".so-fill").hidden = false;
    const fillIn = () => {
      rows.forEach((row) => { row.querySelector("input").value = fill.value.trim(); });
      showAll();
    };
    document.getElementById("fill-in").addEventListener("click", fillIn);
    fill.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault(); // it fills in, and does not send
      fillIn();
    });
  }

  // Enter leads to the next row, as people count down a shelf; the button sends.
  rows.forEach((row, place) => {
    const input = row.querySelector("input");
    input.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault();
      const next = rows[place + 1]?.querySelector("input") ?? button;
      next.focus();
      next.select?.();
    });
  });

  const refused = form.querySelector("tr.errors input");
  const first = refused ?? (effect && effect !== "kind" ? rows[0]?.querySelector("input") : null);
  first?.focus({ preventScroll: !refused });

  form.addEventListener("input", showAll);
  form.addEventListener("submit", () => { button.disabled = true; });
  window.addEventListener("pageshow", () => { button.disabled = false; showAll(); });
})();
