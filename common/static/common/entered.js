// What has been entered and not sent is not lost without a question. What was refused comes into
// view with the cursor in it, and is not called wrong any more once it is being corrected.
document.addEventListener("DOMContentLoaded", () => {
  const forms = [...document.querySelectorAll("#content form[method=post]:not(#changelist-form)")];
  const entries = (form) => new URLSearchParams(new FormData(form)).toString();
  const wasRefused = (form) => form.querySelector(".errors, .errornote");
  const before = new Map(forms.map((form) => [form, wasRefused(form) ? null : entries(form)]));
  let mayLeave = false;

  document.addEventListener("submit", () => { mayLeave = true; });
  window.addEventListener("pageshow", () => { mayLeave = false; });
  window.addEventListener("beforeunload", (event) => {
    if (!mayLeave && forms.some((form) => entries(form) !== before.get(form))) event.preventDefault();
  });

  document.addEventListener("click", ({ target }) => {
    if (target.closest("form .so-last a, form .cancel-link")) mayLeave = true; // Cancel says so
  });

  // After the admin's own script, which puts the cursor into the first field of a new row.
  window.addEventListener("load", () => {
    const wrong = document.querySelector("#content form[method=post] .errors");
    if (!wrong || document.activeElement.closest(".errors")) return;
    wrong.scrollIntoView({ block: "center" });
    wrong.querySelector("[aria-invalid]")?.focus({ preventScroll: true });
  });

  document.addEventListener("input", ({ target }) => {
    target.removeAttribute("aria-invalid");
    const refused = target.closest(".errors");
    refused?.classList.remove("errors");
    refused?.querySelector("div.text-red-600")?.remove();
  });
});
