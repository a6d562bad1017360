// The card's own page: shares or copies the holder's link for friends. Without this script the link stands there to be
// copied by hand.
"use strict";
(() => {
  for (const box of document.querySelectorAll("[data-share]")) {
    const url = box.dataset.share;
    const [share, copy, said] = ["[data-do=share]", "[data-do=copy]", "[role=status]"].map((part) => box.querySelector(part));
    if (navigator.share) {
      share.hidden = false;
      share.addEventListener("click", () => navigator.share({ url, title: document.title }).catch(() => {}));
    }
    if (navigator.clipboard) {
      copy.hidden = false;
      copy.addEventListener("click", async () => {
        try {
          await navigator.clipboard.writeText(url);
          said.textContent = copy.dataset.said;
        } catch {
          // Some browsers forbid it: marked, the link is a key press from being copied.
          box.querySelector("input").select();
        }
      });
    }
  }
})();
