// Keeps each number as soon as it is entered, so that nothing is in the browser alone. Without this
// script the page's own buttons do the same.
(() => {
  const lines = document.getElementById("count-lines");
  const scan = document.getElementById("count-scan");
  const said = document.getElementById("count-said");
  const head = document.getElementById("count-head");
  if (!scan) return;

  let isSending = false; // the page itself is on its way
  let unsent = 0; // entries and scans on their way
  let work = Promise.resolve(); // one after another: a line's version is known before the next entry

  const own = new Intl.DateTimeFormat(document.documentElement.lang.replace(/^en$/, "en-GB"), {
    day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit",
  });

  const field = (row, name) => row.querySelector(`[name="${row.dataset.line}-${name}"]`);
  const hasChanged = (row) =>
    field(row, "counted").value.trim() !== field(row, "was").value ||
    field(row, "note").value !== field(row, "noted").value;
  const fields = () => [...lines.querySelectorAll(".so-count-units")];

  const say = (text, isRefused) => {
    said.textContent = text;
    said.classList.toggle("so-count-refused", isRefused);
  };

  // What the server has rendered, with times in the reader's own zone.
  const put = (place, html) => {
    place.innerHTML = html;
    for (const time of place.querySelectorAll("time[datetime]")) {
      time.textContent = own.format(new Date(time.dateTime));
    }
  };

  const post = async (address, data) => {
    const answer = await fetch(address, { method: "POST", body: data, headers: { Accept: "application/json" } });
    if (!answer.headers.get("Content-Type")?.includes("json")) throw new Error(answer.status);
    return answer.json();
  };

  const inTurn = (act) => {
    unsent += 1;
    work = work.then(act).catch(() => say(lines.dataset.lost, true)).finally(() => { unsent -= 1; });
  };

  const show = (id, line) => {
    const row = lines.querySelector(`[data-line="${id}"]`);
    if (!row || !field(row, "counted")) return;
    row.classList.remove("so-count-waits");
    const wrong = row.querySelector(".so-count-wrong");
    wrong.textContent = line.wrong ?? line.warning;
    field(row, "counted").toggleAttribute("aria-invalid", Boolean(line.wrong));
    row.classList.toggle("so-count-kept", !line.wrong);
    if (line.wrong) return;
    // What has been typed meanwhile stays, and is kept next.
    if (field(row, "counted").value.trim() === (row.dataset.sent ?? field(row, "was").value)) {
      field(row, "counted").value = line.counted;
    }
    field(row, "was").value = line.counted;
    field(row, "noted").value = line.note;
    field(row, "version").value = line.version;
    put(row.querySelector(".so-count-state"), line.state);
    put(row.querySelector(".so-count-settling"), line.settle);
    delete row.dataset.sent;
  };

  const take = (told) => {
    if (told.refusal) say(told.refusal, true);
    if (told.head) put(head, told.head);
    for (const [id, line] of Object.entries(told.lines ?? {})) show(id, line);
  };

  const keep = (row) => {
    row.classList.add("so-count-waits");
    inTurn(async () => {
      const data = new FormData();
      for (const input of lines.querySelectorAll(":scope > input[type=hidden]")) data.set(input.name, input.value);
      for (const name of ["counted", "note", "was", "noted", "version"]) {
        const input = field(row, name);
        data.set(input.name, input.value);
      }
      row.dataset.sent = field(row, "counted").value.trim();
      try {
        take(await post(lines.getAttribute("action"), data));
      } finally {
        row.classList.remove("so-count-waits");
      }
    });
  };

  lines.addEventListener("change", ({ target }) => {
    const row = target.closest("[data-line]");
    if (row && target.name !== "pick" && hasChanged(row)) keep(row);
  });

  // Enter goes on to the next line; leaving the field keeps its number.
  lines.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !event.target.matches(".so-count-units")) return;
    event.preventDefault();
    const all = fields();
    const next = all[all.indexOf(event.target) + 1];
    if (next) {
      next.focus();
      next.select();
    } else {
      event.target.blur();
    }
  });

  const newKey = () => {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  };

  // A scanner does not wait for pages: where each scan counts one, they are sent in their order.
  scan.addEventListener("submit", (event) => {
    const code = scan.elements.namedItem("code");
    if (!scan.elements.namedItem("each").checked) return;
    event.preventDefault();
    if (!code.value.trim()) return;
    scan.elements.namedItem("once").value = newKey();
    const data = new FormData(scan);
    code.value = "";
    inTurn(async () => {
      const told = await post(scan.action, data);
      if (told.address) {
        isSending = true;
        location.assign(told.address);
        return;
      }
      take(told);
      if (told.said) say(told.said, false);
    });
  });

  window.addEventListener("beforeunload", (event) => {
    const typed = [...lines.querySelectorAll("[data-line]")].some((row) => field(row, "counted") && hasChanged(row));
    if ((unsent || typed) && !isSending) event.preventDefault();
  });
  document.addEventListener("submit", (event) => { isSending = !event.defaultPrevented; });
  window.addEventListener("pageshow", () => { isSending = false; });
})();
