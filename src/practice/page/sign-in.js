// The accounts are made up, so their passwords are no secret: a button fills one in.
for (const button of document.querySelectorAll("[data-user]")) {
  button.addEventListener("click", () => {
    document.getElementById("user").value = button.dataset.user;
    document.getElementById("password").value = button.dataset.password;
    document.querySelector("[data-testid=submit]").focus();
  });
}
