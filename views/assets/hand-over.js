// Sends the browser on, by the page's form or link. Without this script the person presses it.
(() => {
  const way = document.querySelector('[data-hand-over]');
  if (way instanceof HTMLFormElement) {
    way.submit();
  } else {
    // Going back leads to where the person came from, not here again.
    location.replace(way.href);
  }
})();
