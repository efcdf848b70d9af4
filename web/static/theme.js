// The chosen theme, before the first paint. The page itself sets it from then on.
try {
  const theme = localStorage.getItem("layerlab.theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // Storage is forbidden: the system's theme stays.
}
