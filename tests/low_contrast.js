// The texts on a page that stand out from their background by less than 4.5 : 1 (WCAG 2, AA).
(() => {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 1;
  const pixel = canvas.getContext("2d", { willReadFrequently: true });

  // Whatever the notation of a colour: red, green, blue, and how opaque it is.
  const colour = (text) => {
    pixel.clearRect(0, 0, 1, 1);
    pixel.fillStyle = text;
    pixel.fillRect(0, 0, 1, 1);
    const [red, green, blue, alpha] = pixel.getImageData(0, 0, 1, 1).data;
    return { channels: [red, green, blue], opacity: alpha / 255 };
  };
  const painted = (top, channels) =>
    channels.map((below, i) => top.channels[i] * top.opacity + below * (1 - top.opacity));

  const background = (element) => {
    const layers = [];
    for (let each = element; each; each = each.parentElement) {
      layers.unshift(colour(getComputedStyle(each).backgroundColor));
    }
    return layers.reduce((below, top) => painted(top, below), [255, 255, 255]);
  };
  const luminance = (channels) => {
    const [red, green, blue] = channels
      .map((channel) => channel / 255)
      .map((part) => (part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const contrast = (element) => {
    const below = background(element);
    const ink = painted(colour(getComputedStyle(element).color), below);
    const [dark, light] = [luminance(below), luminance(ink)].sort((a, b) => a - b);
    return (light + 0.05) / (dark + 0.05);
  };

  const hasText = (element) =>
    [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
  const icons = ".material-symbols-outlined";
  return [...document.querySelectorAll(`body *:not(script, style, option, ${icons})`)]
    .filter((each) => each.getClientRects().length && hasText(each) && contrast(each) < 4.5)
    .map((each) => each.outerHTML.slice(0, 100));
})()
