// The times of a transcript, and the address of a chapter, lead to their place in the film (code/bookmaking/films/page.py).
{
  const seek = (link) => {
    const film = document.querySelector(link.hash);
    film.currentTime = link.dataset.start;
    return film;
  };

  addEventListener("click", (event) => {
    const link = event.target.closest("a[data-start]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    const film = seek(link);
    film.play().catch(() => {}); // the player itself says what is wrong
    film.focus({ preventScroll: true });
    film.scrollIntoView({ block: "nearest" });
  });

  // Nothing plays by itself: the film only stands ready at that place.
  const arrive = () => {
    const link = document.querySelector(".film-chapters :target > a");
    if (link) seek(link).scrollIntoView();
  };
  addEventListener("load", arrive);
  addEventListener("hashchange", arrive);
}
