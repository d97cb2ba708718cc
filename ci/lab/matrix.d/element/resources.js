// What riot-web's own build copies beside its bundle: English, icons, themes' media, the welcome page, olm.
const fs = require("fs");

const SDK = "node_modules/matrix-react-sdk";
const STRINGS = "src/i18n/strings/en_EN.json";
const ENGLISH = { fileName: "en_EN.json", label: "English" };

const read = (path) => JSON.parse(fs.readFileSync(path));
const write = (path, value) => fs.writeFileSync(path, JSON.stringify(value));

fs.mkdirSync("webapp/i18n", { recursive: true });
write("webapp/i18n/en_EN.json", { ...read(`${SDK}/${STRINGS}`), ...read(STRINGS) });
write("webapp/i18n/languages.json", { en: ENGLISH, en_EN: ENGLISH });

const copies = [
  ["res/sw.js", "sw.js"],
  ["res/manifest.json", "manifest.json"],
  ["res/welcome.html", "welcome.html"],
  ["res/welcome", "welcome"],
  ["res/themes", "themes"],
  ["res/vector-icons", "vector-icons"],
  [`${SDK}/res/media`, "media"],
  ["node_modules/olm/olm_legacy.js", "olm_legacy.js"],
];
for (const [from, to] of copies) {
  if (fs.existsSync(from)) fs.cpSync(from, `webapp/${to}`, { recursive: true });
}
