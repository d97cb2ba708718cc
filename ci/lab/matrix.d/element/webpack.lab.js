// riot-web's own build, cut down to what the laboratory needs, and led past what its package lacks: it ships no babel
// settings, so the two SDKs are taken as they were published (compiled), and only riot-web's own sources are compiled.
const path = require("path");
const original = require("./webpack.config.js");

const ENTRIES = ["theme-light", "theme-dark"];
const PAGE = "./src/vector/index.html";

const compiled = (name) => path.resolve(__dirname, "node_modules", name, "lib");

function babelRule() {
  return {
    test: /\.(ts|js)x?$/,
    include: path.resolve(__dirname, "src"),
    loader: "babel-loader",
    options: {
      babelrc: false,
      configFile: false,
      sourceType: "unambiguous",
      // As old as webpack 4, which reads no newer syntax.
      presets: [
        ["@babel/preset-env", { targets: { chrome: "66" }, modules: "commonjs" }],
        "@babel/preset-typescript",
        "@babel/preset-react",
      ],
      plugins: ["@babel/plugin-proposal-export-default-from", "@babel/plugin-transform-runtime"],
    },
  };
}

module.exports = (env, argv) => {
  const config = original(env, { ...argv, mode: "development" });
  config.mode = "development";
  config.devtool = false;

  const themes = ENTRIES.map((name) => [name, config.entry[name]]);
  config.entry = {
    bundle: "./src/vector/index.ts",
    "indexeddb-worker": "./src/vector/indexeddb-worker.js",
    ...Object.fromEntries(themes),
  };
  config.plugins = config.plugins.filter(
    (plugin) => plugin.constructor.name !== "HtmlWebpackPlugin" || plugin.options.template === PAGE,
  );

  // The SDKs' own fields lead to their sources.
  config.resolve.mainFields = ["browser", "main"];
  config.resolve.aliasFields = ["browser"];
  config.resolve.alias = {
    "matrix-react-sdk/src": compiled("matrix-react-sdk"),
    "matrix-js-sdk/src": compiled("matrix-js-sdk"),
    ...config.resolve.alias,
  };

  const rules = config.module.rules.filter((rule) => rule.loader !== "babel-loader");
  for (const rule of rules) {
    for (const use of rule.use ?? []) if (use.options) use.options.sourceMap = false;
  }
  config.module.rules = [babelRule(), ...rules];
  return config;
};
