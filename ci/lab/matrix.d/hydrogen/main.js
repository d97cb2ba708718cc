// Hydrogen from its view SDK: the whole client on one page, for the homeserver that config.json names.
import { FeatureSet, Platform, RootViewModel, createNavigation, createRouter } from "hydrogen-view-sdk";

const assetPaths = {
  downloadSandbox: "assets/download-sandbox.html",
  worker: "assets/main.js",
  serviceWorker: "sw.js",
  olm: { wasm: "olm/olm.wasm", legacyBundle: "olm/olm_legacy.js", wasmBundle: "olm/olm.js" },
};

async function start() {
  const { homeserver } = await (await fetch("config.json")).json();
  const config = { defaultHomeServer: homeserver, push: null };
  const platform = new Platform({ container: document.body, assetPaths, config, options: { development: false } });
  await platform.init();
  const navigation = createNavigation();
  platform.setNavigation(navigation);
  const urlRouter = createRouter({ navigation, history: platform.history });
  urlRouter.attach();
  const features = await FeatureSet.load(platform.settingsStorage);
  const view = new RootViewModel({ platform, features, urlRouter, urlCreator: urlRouter, navigation });
  await view.load();
  platform.createAndMountRootView(view);
}

start().catch((error) => {
  console.error(error);
  document.body.innerText = `failed to start: ${error.stack ?? error}`;
});
