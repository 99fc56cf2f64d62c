// Keeps staff logged in while they type, and says so before they are logged out. What is on the
// page stays there: after a new login in another tab its forms can be sent.
(() => {
  const given = new URL(document.currentScript.src).searchParams;
  const limit = Number(given.get("minutes")) * 60_000;
  const address = given.get("ask");
  const MINUTE = 60_000;
  if (!limit || !address) return;
  let lastSeen = Date.now();
  let lastAsked = 0;
  let isAsking = false;
  let bar = null;

  const token = () => document.cookie.match(/(?:^|; )csrftoken=([^;]+)/)?.[1] ?? "";

  const ask = async (method) => {
    if (isAsking) return;
    isAsking = true;
    lastAsked = Date.now();
    try {
      const headers = { "X-Requested-With": "background" };
      if (method === "POST") headers["X-CSRFToken"] = token();
      const answer = await fetch(address, { method, headers, credentials: "same-origin" });
      if (answer.ok) show(await answer.json());
    } catch {
      // Without a network there is nothing to say; the next request tells.
    } finally {
      isAsking = false;
    }
  };

  const show = (told) => {
    lastSeen = Date.now() - limit + told.seconds_left * 1_000;
    if (told.seconds_left * 1_000 > Math.min(MINUTE, limit / 2)) {
      if (bar) bar.hidden = true;
      return;
    }
    bar ??= document.body.appendChild(document.createElement("div"));
    bar.className = "so-idle";
    bar.setAttribute("role", "alert");
    bar.hidden = false;
    const isOver = told.seconds_left === 0;
    const text = document.createElement("span");
    text.textContent = isOver ? told.ended : told.warning;
    const way = document.createElement(isOver ? "a" : "button");
    way.textContent = isOver ? told.log_in : told.stay;
    if (isOver) {
      way.href = told.login;
      way.target = "_blank";
    } else {
      way.type = "button";
      way.addEventListener("click", () => ask("POST"));
    }
    bar.replaceChildren(text, way);
  };

  const isHere = () => {
    const now = Date.now();
    if (now - lastSeen > MINUTE && now - lastAsked > MINUTE / 4) ask("POST");
  };
  for (const sign of ["input", "keydown", "pointerdown"]) {
    document.addEventListener(sign, isHere, { passive: true });
  }
  setInterval(() => {
    if (Date.now() - lastSeen > limit - Math.min(MINUTE, limit / 2)) ask("GET");
  }, 15_000);
  document.addEventListener("submit", ({ target }) => {
    const field = target.elements?.namedItem("csrfmiddlewaretoken");
    if (field && token()) field.value = token();
  }, true);
})();
