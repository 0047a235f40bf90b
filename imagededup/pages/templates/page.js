"use strict";
addEventListener("DOMContentLoaded", () => {
  const content = JSON.parse(document.getElementById("content").textContent);
  const chunks = [...document.querySelectorAll(".thumbnails")].flatMap((e) => JSON.parse(e.textContent));
  content.sections.forEach((section, number) => {
    const place = document.querySelector(`[data-section="${number}"] .items`);
    if (!place) return;
    for (const item of section.items) {
      const row = document.createElement("article");
      const pictures = section.kind === "pairs" ? item.slice(0, 2) : section.kind === "groups" ? item[0] : [item[0]];
      for (const each of pictures) {
        const [name, shown, , , , , , , , , reason, thumbnail] = content.pictures[each];
        const figure = document.createElement("figure");
        const picture = document.createElement(thumbnail < 0 ? "p" : "img");
        if (thumbnail < 0) picture.textContent = reason;
        else { picture.src = `data:image/webp;base64,${chunks[thumbnail]}`; picture.alt = shown || name; }
        const caption = document.createElement("figcaption");
        caption.textContent = shown || name;
        figure.append(picture, caption);
        row.append(figure);
      }
      place.append(row);
    }
  });
});
