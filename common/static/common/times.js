// Times stand on pages in the server's zone; here they are put into the reader's own.
document.addEventListener("DOMContentLoaded", () => {
  const own = new Intl.DateTimeFormat("en-GB", {
    day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit",
  });
  for (const time of document.querySelectorAll("time[datetime]")) {
    time.textContent = own.format(new Date(time.dateTime));
  }
});
