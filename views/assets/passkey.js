// The page's side of passkeys. Every form with `data-passkey` is filled in with what the browser's dialogue answers, and sent. Without this
// script, or without support, such a form stays hidden and the page works all the same.
(() => {
  const { browserSupportsWebAuthn, browserSupportsWebAuthnAutofill, startAuthentication, startRegistration } =
    window.SimpleWebAuthnBrowser;

  async function answer(form, options) {
    const ask = form.dataset.passkey === 'register' ? startRegistration : startAuthentication;
    const response = await ask({ optionsJSON: JSON.parse(form.dataset.options), ...options });
    form.elements.response.value = JSON.stringify(response);
    form.submit();
  }

  function prepare(form) {
    const problem = form.querySelector('[role=alert]');
    form.hidden = false;
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      problem.hidden = true;
      answer(form).catch(() => {
        problem.hidden = false;
      });
    });
  }

  async function offerAutofill(form) {
    if (await browserSupportsWebAuthnAutofill()) {
      await answer(form, { useBrowserAutofill: true });
    }
  }

  if (browserSupportsWebAuthn()) {
    for (const form of document.querySelectorAll('form[data-passkey]')) {
      prepare(form);
      if (form.dataset.passkey === 'autofill') {
        // Ends without an answer when the person signs in otherwise, or presses the button instead.
        offerAutofill(form).catch(() => {});
      }
    }
  }
})();
