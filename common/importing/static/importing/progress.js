// How far the work on a file is; the page is shown anew once it is done.
document.addEventListener("DOMContentLoaded", () => {
  const box = document.getElementById("progress");
  const bar = document.getElementById("bar");
  const words = document.getElementById("progress-words");
  const every = 1000;
  const headers = { Accept: "application/json", "X-Requested-With": "background" };
  let failures = 0;

  const look = async () => {
    try {
      const answer = await fetch(box.dataset.address, { headers });
      if (answer.redirected || !answer.ok) throw new Error(answer.status);
      const told = await answer.json();
      failures = 0;
      if (!told.is_worked_on) return location.reload();
      bar.max = told.total || 1;
      bar.value = told.done;
      words.textContent = told.words;
    } catch {
      failures += 1; // logged out, or the server is being started anew: the page itself will tell
      if (failures > 30) return location.reload();
    }
    setTimeout(look, every * Math.min(1 + failures, 10));
  };
  setTimeout(look, every);
});
