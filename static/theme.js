// Runs before first paint: applies the stored theme, so that nothing flashes.
try{const t=localStorage.getItem("theme");if(t)document.documentElement.dataset.theme=t}catch{}
