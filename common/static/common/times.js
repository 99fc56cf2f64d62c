// Times stand on pages in the server's zone; here they are put into the reader's own, in the
// page's language.
document.addEventListener("DOMContentLoaded", () => {
  const language = document.documentElement.lang.replace(/^en$/, "en-GB");
  const own = new Intl.DateTimeFormat(language, {
    day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit",
  });
  for (const time of document.querySelectorAll("time[datetime]")) {
    time.textContent = own.format(new Date(time.dateTime));
  }
});
