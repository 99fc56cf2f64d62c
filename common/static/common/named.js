// What scripts of the admin make of a field is called as the field is, for those who cannot see it.
(() => {
  const name = (field) => {
    const chosen = field.parentElement.querySelector("[role=combobox] [role=textbox]");
    const label = field.labels[0];
    if (!chosen || !label) return;
    label.id ||= `${field.id}_label`;
    chosen.removeAttribute("role"); // nobody types there
    chosen.removeAttribute("aria-readonly");
    chosen.closest("[role=combobox]").setAttribute("aria-labelledby", `${label.id} ${chosen.id}`);
  };
  const nameAll = () => document.querySelectorAll("select.admin-autocomplete").forEach(name);
  new MutationObserver(nameAll).observe(document, { childList: true, subtree: true });
})();
